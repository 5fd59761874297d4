#include "cli/status_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/screen_text.h"
#include "base/text.h"
#include "base/wrap.h"
#include "control/status_words.h"

namespace slurper {

namespace {

constexpr std::string_view kIndent = "          ";  // below the names at the left
constexpr std::size_t kBar = 20;

// `name` at the left, `text` wrapped beside it; nothing if there is no text.
std::string entry(std::string_view name, std::string_view text, std::size_t columns) {
  return text.empty() ? "" : wrap(fitted(name, kIndent.size()), text, columns);
}

std::string heading(const StatusReport& report, std::size_t columns) {
  const std::string left = process_text(report);
  const std::string health(health_text(report));
  if (left.size() + 1 + health.size() > columns) return health + '\n' + wrap("", left, columns);
  return left + std::string(columns - left.size() - health.size(), ' ') + health + '\n';
}

std::string rates_rows(const StatusReport& report) {
  std::string windows = fitted("rate", kIndent.size());
  std::string bytes = fitted("bytes/s", kIndent.size());
  std::string lines = fitted("lines/s", kIndent.size());
  for (const StatusReport::Rate& rate : report.rates) {
    windows += fmt::format("{:>12}", window_text(rate));
    bytes += fmt::format("{:>12}", size_text(rate.bytes_per_second));
    lines += fmt::format("{:>12}", rate.lines_per_second);
  }
  return windows + '\n' + bytes + '\n' + lines + '\n';
}

// "[####................]  20%  205KiB of 1.00MiB, at most 800KiB"
std::string fill_row(std::string_view name, std::uint64_t held, std::uint64_t size, std::uint64_t most) {
  return fmt::format("{}{} {:>3}%  {}\n", fitted(name, kIndent.size()), bar(held, size, kBar),
                     percent_of(held, size), fill_text(held, size, most));
}

std::string fifo_rows(const StatusReport& report, std::size_t columns) {
  const StatusReport::Fifo& fifo = report.fifo;
  return entry("fifo", in_quotes(fifo.path), columns) +
         fill_row("pipe", fifo.held, fifo.pipe_size, fifo.most_held) + entry("", full_text(fifo), columns) +
         fill_row("ring", report.ring.held, report.ring.size, report.ring.most_held) +
         entry("writers", writers_text(fifo), columns) + entry("readers", readers_text(fifo), columns);
}

std::string log_rows(const StatusReport& report, std::size_t columns) {
  return entry("log", in_quotes(report.log.path), columns) + entry("", end_text(report), columns) +
         entry("", segments_text(report.log), columns) +
         entry("", quarantine_text(report.quarantine), columns) +
         entry("ledger", ledger_text(report), columns) +
         entry("dropped", dropped_text(report.dropped), columns);
}

std::string sink_rows(const StatusReport& report, std::size_t columns) {
  if (report.sinks.empty()) return "";
  constexpr std::string_view kRow = "{} {:<9} {:>20} {:>10} {:>11} {:>12}\n";
  std::string rows = fmt::format(kRow, fitted("sink", 11), "state", "cursor", "behind", "for", "lines");
  for (const StatusReport::Sink& sink : report.sinks) {
    rows += fmt::format(kRow, fitted(printable(sink.name), 11), fitted(one_line(sink.state), 9), sink.cursor,
                        size_text(sink.lag_bytes), waiting_text(report, sink), sink.lines);
    const std::string more = sink_text(report, sink);
    if (!more.empty()) rows += wrap("  ", more, columns);
  }
  return rows;
}

}  // namespace

std::string status_page(const StatusReport& report, std::size_t columns) {
  std::string page = heading(report, columns);
  for (const StatusReport::Alarm& alarm : report.alerts) page += wrap("! ", alarm_text(alarm), columns);
  for (const std::string& part : {rates_rows(report), fifo_rows(report, columns), log_rows(report, columns),
                                  sink_rows(report, columns)}) {
    if (!part.empty()) page += '\n' + part;
  }
  return page;
}

std::string status_line(const StatusReport& report) {
  std::string line(health_text(report));
  if (!report.rates.empty())
    line += fmt::format(", {}/s, {} lines/s", size_text(report.rates.front().bytes_per_second),
                        report.rates.front().lines_per_second);
  line += fmt::format(", pipe {}, ring {}, log offset {}", size_text(report.fifo.held),
                      size_text(report.ring.held), report.log.end);
  for (const StatusReport::Sink& sink : report.sinks)
    line += fmt::format(", sink '{}' {}, {} behind", printable(sink.name), one_line(sink.state),
                        size_text(sink.lag_bytes));
  for (const StatusReport::Alarm& alarm : report.alerts) line += "; " + alarm_text(alarm);
  return line;
}

std::string sparkline(const std::deque<std::uint64_t>& values, std::size_t width) {
  constexpr std::string_view kHeights = " .:-=+*#";
  const std::size_t count = std::min(width, values.size());
  const auto first = values.end() - static_cast<std::ptrdiff_t>(count);
  const std::uint64_t highest = count == 0 ? 0 : *std::max_element(first, values.end());
  std::string line;
  std::for_each(first, values.end(), [&](std::uint64_t value) {
    const double share = highest == 0 ? 0 : static_cast<double>(value) / static_cast<double>(highest);
    const auto height = static_cast<std::size_t>(share * static_cast<double>(kHeights.size() - 1));
    line += kHeights[value > 0 ? std::max<std::size_t>(height, 1) : 0];
  });
  return line;
}

}  // namespace slurper
