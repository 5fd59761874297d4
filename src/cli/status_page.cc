#include "cli/status_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/screen_text.h"
#include "base/text.h"
#include "base/wrap.h"

namespace slurper {

namespace {

constexpr std::size_t kColumns = 80;
constexpr std::string_view kIndent = "          ";  // below the names at the left
constexpr std::size_t kBar = 20;

std::string size_text(std::uint64_t bytes) {
  return format_rounded(ByteSize{bytes});
}

// "3 d 4 h", "12 min 5 s", "0.3 s".
std::string time_text(std::uint64_t milliseconds) {
  const std::uint64_t seconds = milliseconds / 1000;
  if (seconds < 10) return fmt::format("{:.1f} s", static_cast<double>(milliseconds) / 1000);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

// How long ago, by the clock of the slurper that was asked.
std::string ago(const StatusReport& report, std::uint64_t time) {
  return time_text(report.now - std::min(report.now, time));
}

// `name` at the left, `text` wrapped beside it.
std::string entry(std::string_view name, std::string_view text) {
  return wrap(fitted(name, kIndent.size()), text, kColumns);
}

// A text that may contain anything: slurper has quoted the names in its own texts.
std::string one_line(std::string_view text) {
  std::string out;
  for (; !text.empty(); text.remove_prefix(first_character(text).size())) {
    const std::string_view character = first_character(text);
    if (is_control_character(character) || is_invisible_character(character)) {
      append_hex(character, out);
    } else {
      out += character;
    }
  }
  return out;
}

std::string heading(const StatusReport& report) {
  const std::string left = fmt::format("slurper {}, process {}, running for {}", one_line(report.slurper),
                                       report.pid, ago(report, report.started_at));
  const std::string_view health = report.is_healthy() ? "healthy" : "DEGRADED";
  return left + std::string(kColumns - std::min(kColumns, left.size() + health.size()), ' ') +
         std::string(health) + '\n';
}

std::string alarm_text(const StatusReport::Alarm& alarm) {
  std::string text = alarm.title;
  if (!alarm.subject.empty()) text += ": " + alarm.subject;
  if (!alarm.cause.empty()) text += ": " + alarm.cause;
  return one_line(text);
}

std::string window_text(std::uint64_t seconds) {
  return seconds < 60 ? "now" : fmt::format("{} min", seconds / 60);
}

std::string rates_rows(const StatusReport& report) {
  std::string windows = fitted("rate", kIndent.size());
  std::string bytes = fitted("bytes/s", kIndent.size());
  std::string lines = fitted("lines/s", kIndent.size());
  for (const StatusReport::Rate& rate : report.rates) {
    windows += fmt::format("{:>12}", window_text(rate.window_seconds));
    bytes += fmt::format("{:>12}", size_text(rate.bytes_per_second));
    lines += fmt::format("{:>12}", rate.lines_per_second);
  }
  return windows + '\n' + bytes + '\n' + lines + '\n';
}

// "[####................]  20% 205KiB of 1.00MiB, at most 800KiB"
std::string fill_row(std::string_view name, std::uint64_t held, std::uint64_t size, std::uint64_t most) {
  const std::uint64_t percent = size == 0 ? 0 : held * 100 / size;
  return fmt::format("{}{} {:>3}%  {} of {}, at most {}\n", fitted(name, kIndent.size()),
                     bar(held, size, kBar), percent, size_text(held), size_text(size), size_text(most));
}

std::string fifo_rows(const StatusReport& report) {
  const StatusReport::Fifo& fifo = report.fifo;
  std::string rows = entry("fifo", in_quotes(fifo.path));
  rows += fill_row("pipe", fifo.held, fifo.pipe_size, fifo.most_held);
  if (fifo.times_full > 0)
    rows += entry("", fmt::format("full {}, for {} in all", counted(fifo.times_full, "time"),
                                  time_text(fifo.time_full)));
  rows += fill_row("ring", report.ring.held, report.ring.size, report.ring.most_held);
  return rows;
}

std::string names_in(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    text += (i > 0 ? ", " : "") + one_line(names[i]);
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

std::string users_rows(const StatusReport& report) {
  const StatusReport::Fifo& fifo = report.fifo;
  const std::string unseen = fifo.sees_all_processes ? "" : " (slurper may not see all processes)";
  std::string writers = fifo.writers.empty() ? "none seen" : names_in(fifo.writers);
  std::string rows = entry("writers", writers + unseen);
  if (fifo.readers.empty() && fifo.second_readers == 0 && fifo.short_reads == 0) return rows;
  std::string readers = fifo.readers.empty() ? "" : names_in(fifo.readers) + "; ";
  readers += counted(fifo.second_readers, "second reader") + " since the start";
  readers += fmt::format(", which took at least {} ({} cut short)", size_text(fifo.taken_by_others),
                         counted(fifo.short_reads, "read"));
  return rows + entry("readers", readers);
}

std::string log_rows(const StatusReport& report) {
  const StatusReport::Log& log = report.log;
  std::string rows = entry("log", in_quotes(log.path));
  const std::uint64_t unsynced = log.end - std::min(log.end, log.synced);
  const std::string when = log.synced_at == 0 ? "no sync yet since the start"
                                              : fmt::format("last sync {} ago", ago(report, log.synced_at));
  const std::string state = unsynced == 0 ? "all synced" : size_text(unsynced) + " not synced yet";
  rows += entry("", fmt::format("offset {}, {}, {}", log.end, state, when));
  rows += entry("", fmt::format("{} of {}, {} since the start", counted(log.segments, "rotated segment"),
                                size_text(log.segment_bytes), counted(log.rotations, "rotation")));
  if (report.quarantine.bytes > 0)
    rows += entry("", fmt::format("{} wait in quarantined rings: slurper recover {}",
                                  size_text(report.quarantine.bytes), one_line(report.quarantine.recover)));
  return rows;
}

std::string ledger_rows(const StatusReport& report) {
  const Ledger& ledger = report.ledger;
  std::string text = fmt::format("{} in", ledger.received);
  if (ledger.inherited > 0) text += fmt::format(" + {} inherited", ledger.inherited);
  text += fmt::format(" = {} log + {} ring + {} dropped", ledger.logged, ledger.held, ledger.dropped);
  text += report.ledger_is_balanced ? " (bytes since the start; it balances)" : ": IT DOES NOT BALANCE";
  std::string rows = entry("ledger", text);
  if (report.dropped.bytes > 0)
    rows +=
        entry("dropped", fmt::format("{} ({}) since the ring was made", counted(report.dropped.lines, "line"),
                                     size_text(report.dropped.bytes)));
  return rows;
}

std::string sink_rows(const StatusReport& report) {
  if (report.sinks.empty()) return "";
  constexpr std::string_view kRow = "{} {:<9} {:>20} {:>10} {:>11} {:>12}\n";
  std::string rows = fmt::format(kRow, fitted("sink", 11), "state", "cursor", "behind", "for", "lines");
  for (const StatusReport::Sink& sink : report.sinks) {
    const std::string lag = sink.waiting_since == 0 ? "-" : ago(report, sink.waiting_since);
    rows += fmt::format(kRow, fitted(printable(sink.name), 11), fitted(one_line(sink.state), 9), sink.cursor,
                        size_text(sink.lag_bytes), lag, sink.lines);
    std::string more;
    const auto add = [&more](const std::string& text) { more += (more.empty() ? "" : ", ") + text; };
    if (!sink.shown.empty()) add(one_line(sink.shown));
    if (sink.refused > 0) add(counted(sink.refused, "line") + " refused");
    if (sink.missed > 0) add(size_text(sink.missed) + " missed");
    if (sink.retries > 0) add(sink.retries == 1 ? "1 retry" : fmt::format("{} retries", sink.retries));
    if (!sink.last_error.empty())
      add(fmt::format("last error {} ago: {}", ago(report, sink.failed_at), one_line(sink.last_error)));
    if (!more.empty()) rows += wrap("  ", more, kColumns);
  }
  return rows;
}

}  // namespace

std::string status_page(const StatusReport& report) {
  std::string page = heading(report);
  for (const StatusReport::Alarm& alarm : report.alerts) page += wrap("! ", alarm_text(alarm), kColumns);
  for (const std::string& part : {rates_rows(report), fifo_rows(report) + users_rows(report),
                                  log_rows(report) + ledger_rows(report), sink_rows(report)}) {
    if (!part.empty()) page += '\n' + part;
  }
  return page;
}

std::string status_line(const StatusReport& report) {
  std::string line = report.is_healthy() ? "healthy" : "DEGRADED";
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
