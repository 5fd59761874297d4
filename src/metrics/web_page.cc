#include "metrics/web_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>

#include "base/local_time.h"
#include "base/text.h"
#include "control/status_words.h"

namespace slurper {

namespace {

// The policy forbids whatever the page does not have, above all scripts, should a text ever be taken for
// markup.
constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<style>
:root {
  --back: #ffffff; --raised: #f3f5f8; --line: #d8dde4; --text: #1c2430; --faint: #5d6878;
  --good: #0b6b4f; --bad: #b3211a; --bad-back: #fdeceb; --fill: #2f74d0; --high: #b06a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #12161d; --raised: #1b212b; --line: #333c4a; --text: #e4e9f0; --faint: #9aa6b6;
    --good: #4fd3a9; --bad: #ff8a82; --bad-back: #3a1a1a; --fill: #5b9cf5; --high: #f0a83c;
  }
}
* { box-sizing: border-box; }
body {
  max-width: 1180px; margin: 0 auto; padding: 12px; background: var(--back); color: var(--text);
  font: 15px/1.45 system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; overflow-wrap: anywhere;
}
header { margin-bottom: 12px; }
h1 { margin: 0; font-size: 24px; }
h2 { margin: 0 0 8px; font-size: 16px; }
h3 { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 12px; margin: 0 0 4px; font-size: 15px; }
p { margin: 0; }
header p, dt, th { color: var(--faint); }
.healthy { color: var(--good); }
.degraded, .state { color: var(--bad); }
.working { color: var(--good); }
#alerts { margin: 0 0 12px; padding: 0; list-style: none; }
#alerts li {
  margin-bottom: 6px; padding: 8px 12px; background: var(--bad-back); border-left: 4px solid var(--bad); border-radius: 4px;
}
main { columns: 2 420px; column-gap: 12px; }
section { break-inside: avoid; margin-bottom: 12px; padding: 12px; background: var(--raised); border: 1px solid var(--line); border-radius: 6px; min-width: 0; }
dl { margin: 0; }
dt { margin-top: 6px; font-size: 13px; }
dl > dt:first-child { margin-top: 0; }
dd { margin: 0; }
dd p + p { margin-top: 2px; }
code { font: 14px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; unicode-bidi: isolate; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 0 3px 8px; text-align: right; font-weight: normal; white-space: nowrap; }
th:first-child { padding-left: 0; text-align: left; }
.figures { display: flex; flex-wrap: wrap; gap: 0 20px; }
.figures div { display: flex; gap: 6px; }
.figures dt { margin: 0; font-size: inherit; }
.sink + .sink { margin-top: 12px; padding-top: 12px; border-top: 1px solid var(--line); }
.bar { height: 12px; margin: 3px 0; background: var(--line); border-radius: 6px; overflow: hidden; }
.bar div { height: 100%; background: var(--fill); }
.bar .high { background: var(--high); }
.bar .full { background: var(--bad); }
</style>
)";

// `text`, which is printable, as it may stand between tags and in an attribute.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += letter;
    }
  }
  return out;
}

std::string element(std::string_view name, std::string_view text) {
  return fmt::format("<{}>{}</{}>", name, escaped(text), name);
}

// A paragraph for each text that says something.
std::string paragraphs(std::initializer_list<std::string> texts) {
  std::string out;
  for (const std::string& text : texts) {
    if (!text.empty()) out += element("p", text);
  }
  return out;
}

// A name and the markup beside it; nothing if there is none.
std::string entry(std::string_view name, std::string_view markup) {
  return markup.empty() ? "" : fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, markup);
}

std::string section(std::string_view heading, std::string_view markup) {
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", heading, markup);
}

// A bar, and the same in words. (Browsers agree too little on how <meter> looks.)
std::string fill(std::uint64_t held, std::uint64_t size, std::uint64_t most) {
  constexpr std::uint64_t kHigh = 50;  // per cent
  constexpr std::uint64_t kFull = 90;
  const std::uint64_t percent = percent_of(held, size);
  const std::string_view look = percent >= kFull ? "full" : percent >= kHigh ? "high" : "low";
  return fmt::format(R"(<div class="bar" aria-hidden="true"><div class="{}" style="width: {}%"></div></div>)",
                     look, std::min<std::uint64_t>(percent, 100)) +
         element("p", fmt::format("{}%: {}", percent, fill_text(held, size, most)));
}

// A row for each window: a phone has room for three columns of large figures, and not for five.
std::string rates_table(const StatusReport& report) {
  std::string table = "<table>\n<tr><th>over</th><th>bytes/s</th><th>lines/s</th></tr>\n";
  for (const StatusReport::Rate& rate : report.rates)
    table += "<tr>" + element("th", window_text(rate)) + element("td", size_text(rate.bytes_per_second)) +
             element("td", std::to_string(rate.lines_per_second)) + "</tr>\n";
  return table + "</table>\n";
}

std::string fifo_list(const StatusReport& report) {
  const StatusReport::Fifo& fifo = report.fifo;
  const StatusReport::RingFill& ring = report.ring;
  return "<dl>\n" + entry("path", element("code", in_quotes(fifo.path))) +
         entry("pipe", fill(fifo.held, fifo.pipe_size, fifo.most_held) + paragraphs({full_text(fifo)})) +
         entry("ring", fill(ring.held, ring.size, ring.most_held)) +
         entry("writers", paragraphs({writers_text(fifo)})) +
         entry("readers", paragraphs({readers_text(fifo)})) + "</dl>\n";
}

std::string log_list(const StatusReport& report) {
  return "<dl>\n" + entry("path", element("code", in_quotes(report.log.path))) +
         entry("end", paragraphs({end_text(report)})) +
         entry("segments", paragraphs({segments_text(report.log)})) +
         entry("quarantine", paragraphs({quarantine_text(report.quarantine)})) +
         entry("ledger", paragraphs({ledger_text(report)})) +
         entry("dropped", paragraphs({dropped_text(report.dropped)})) + "</dl>\n";
}

std::string sink_entry(const StatusReport& report, const StatusReport::Sink& sink) {
  const auto figure = [](std::string_view name, std::string_view text) {
    return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", name, escaped(text));
  };
  // Whatever is no trouble has the color of the text that it is beside.
  const bool is_quiet = sink.state == "starting" || sink.state == "ending" || sink.state == "paused";
  const std::string_view look = sink.state == "working" ? "working" : is_quiet ? "quiet" : "state";
  return fmt::format(R"(<div class="sink"><h3><code>{}</code> <span class="{}">{}</span></h3>)",
                     escaped(printable(sink.name)), look, escaped(one_line(sink.state))) +
         "<dl class=\"figures\">" + figure("cursor", std::to_string(sink.cursor)) +
         figure("behind", size_text(sink.lag_bytes)) + figure("for", waiting_text(report, sink)) +
         figure("lines", std::to_string(sink.lines)) + "</dl>" + paragraphs({sink_text(report, sink)}) +
         "</div>\n";
}

std::string time_of(const StatusReport& report) {
  using std::chrono::floor;
  const std::chrono::sys_seconds now(
      floor<std::chrono::seconds>(std::chrono::milliseconds(static_cast<std::int64_t>(report.now))));
  const std::chrono::seconds ahead = local_offset(now);
  const auto zone = floor<std::chrono::minutes>(std::chrono::abs(ahead));
  const std::string time = local_time_text(now);
  return fmt::format("{} {}{:02}:{:02}", time.substr(0, time.find('.')), ahead.count() < 0 ? '-' : '+',
                     zone.count() / 60, zone.count() % 60);
}

std::string alerts_list(const StatusReport& report) {
  if (report.is_healthy()) return "";
  std::string list = "<ul id=\"alerts\">\n";
  for (const StatusReport::Alarm& alarm : report.alerts) list += element("li", alarm_text(alarm)) + '\n';
  return list + "</ul>\n";
}

std::string heading(std::string_view look, std::string_view health, std::string_view beside) {
  return fmt::format("</head>\n<body>\n<header>\n<h1 class=\"{}\">{}</h1>\n{}</header>\n", look, health,
                     beside);
}

}  // namespace

std::string web_page(const StatusReport& report) {
  const std::string_view health = health_text(report);
  std::string page(kHead);
  page += element("title", fmt::format("{}: {}", health, one_line(report.log.path))) + '\n';
  page += heading(report.is_healthy() ? "healthy" : "degraded", health,
                  paragraphs({process_text(report), "as of " + time_of(report)}));
  page += alerts_list(report) + "<main>\n" + section("Rate", rates_table(report)) +
          section("FIFO", fifo_list(report)) + section("Log", log_list(report));
  std::string sinks;
  for (const StatusReport::Sink& sink : report.sinks) sinks += sink_entry(report, sink);
  if (!sinks.empty()) page += section("Sinks", sinks);
  return page + "</main>\n</body>\n</html>\n";
}

std::string web_page_of_failure(std::string_view failure) {
  std::string page(kHead);
  page += element("title", "slurper does not answer") + '\n';
  page += heading("degraded", "slurper does not answer", paragraphs({one_line(failure)}));
  return page + "</body>\n</html>\n";
}

}  // namespace slurper
