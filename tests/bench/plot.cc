#include "bench/plot.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/statistics.h"

namespace slurper::bench {

namespace {

// One metric of one scenario, a row for each peer.
struct Panel {
  std::string_view scenario;
  std::string_view metric;
  std::string_view heading;
  double factor;
  int digits;
  std::string_view unit;
  std::string_view better;  // "more" or "less"
  double at_least = 0;      // what the scale reaches, whatever the values
};

struct Figure {
  std::string_view file;
  std::string_view question;
  std::vector<Panel> panels;
};

const std::array<Figure, 3>& figures() {
  static const std::array<Figure, 3> figures = {
      {{.file = "bench-flat.svg",
        .question = "One writer, flat out: how fast does it get, and what does its reader cost?",
        .panels = {{"flat", "lines_per_second", "throughput, million lines a second", 1e-6, 2, "", "more"},
                   {"flat", "cpu_per_million", "reader's CPU for a million lines, seconds", 1, 2, "",
                    "less"}}},
       {.file = "bench-paced.svg",
        .question = "20,000 lines a second: what does the reader cost, and when is a line in the log?",
        .panels = {{"paced", "cpu_per_million", "reader's CPU for a million lines, seconds", 1, 2, "",
                    "less"},
                   {"paced", "p50_us", "from write(2) to the log, median, milliseconds", 1e-3, 2, "", "less"},
                   {"paced", "p99_us", "from write(2) to the log, 99th percentile, milliseconds", 1e-3, 2, "",
                    "less"}}},
       {.file = "bench-refused.svg",
        .question = "How many lines does a writer lose if it does not wait?",
        .panels = {
            {"bursts", "refused_percent", "40 bursts of 5,000 lines, 100 ms apart", 1, 1, " %", "less", 100},
            {"burst", "refused_percent", "one burst of 200,000 lines, flat out", 1, 1, " %", "less", 100},
            {"stall", "refused_percent", "50,000 lines a second while the disk stalls for 5 s", 1, 1, " %",
             "less", 100}}}}};
  return figures;
}

// The peers that a drawing shows first, in this order, and by what name.
struct Name {
  std::string_view peer;
  std::string_view shown;
};
constexpr std::string_view kOwn = "slurper";
constexpr std::array<Name, 4> kNames = {
    {{kOwn, kOwn}, {"cat", "cat"}, {"loop", "bare loop, sleeps 1 ms"}, {"loop0", "bare loop"}}};

// Lengths are in the SVG's units, which are pixels at its natural size.
constexpr int kWidth = 760;
constexpr int kMargin = 20;
constexpr int kBarsFrom = 196;
constexpr int kBarsTo = 580;  // what is right of it holds the longest value
constexpr int kRowHeight = 26;
constexpr int kBarHeight = 14;

// The drawing has a background of its own, because a page's colours need not be those that the reader's
// system prefers. The colours hold their contrast on it: at least 4.5 for text.
constexpr std::string_view kStyle = R"(
    svg { --page: #ffffff; --edge: #d0d7de; --ink: #1f2328; --soft: #59636e; --bar: #c4ccd4; --own: #54a0ee; }
    @media (prefers-color-scheme: dark) {
      svg { --page: #0d1117; --edge: #3d444d; --ink: #e6edf3; --soft: #9aa4af; --bar: #4a535d; --own: #1f6fc9; }
    }
    text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--ink); }
    .page { fill: var(--page); stroke: var(--edge); }
    .question { font-size: 15px; font-weight: 600; }
    .heading, .own { font-weight: 600; }
    .soft { fill: var(--soft); font-size: 12px; }
    .end { text-anchor: end; }
    .bar { fill: var(--bar); }
    .own-bar { fill: var(--own); }
    .axis { stroke: var(--soft); }
    .spread { stroke: var(--ink); stroke-width: 1.5; fill: none; }
    .run { fill: var(--page); stroke: var(--ink); }
)";

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

struct Row {
  std::string peer;
  std::string shown;
  std::vector<double> values;  // sorted, in the panel's unit
};

std::vector<double> values_of(const Data& data, const Panel& panel, std::string_view peer) {
  std::vector<double> values;
  for (const Record& record : data.runs) {
    if (record.scenario != panel.scenario || record.peer != peer || !record.outcome.failure.empty()) continue;
    const auto found = record.outcome.metrics.find(std::string(panel.metric));
    if (found != record.outcome.metrics.end()) values.push_back(found->second * panel.factor);
  }
  std::sort(values.begin(), values.end());
  return values;
}

// A row for each peer with a value: first those of kNames, then the others by name.
std::vector<Row> rows_of(const Data& data, const Panel& panel) {
  std::vector<Row> rows;
  std::set<std::string> others;
  for (const Record& record : data.runs) {
    if (!record.peer.ends_with(kInRam)) others.insert(record.peer);
  }
  const auto add = [&](std::string_view peer, std::string_view shown) {
    auto values = values_of(data, panel, peer);
    if (!values.empty()) rows.push_back({std::string(peer), std::string(shown), std::move(values)});
  };
  for (const Name& name : kNames) {
    others.erase(std::string(name.peer));
    add(name.peer, name.shown);
  }
  for (const std::string& peer : others) add(peer, peer);
  return rows;
}

// "1.42 (1.31 to 1.50)", or "0 %" if there is no spread to show.
std::string value_text(const Panel& panel, const Row& row) {
  const auto number = [&](double value) { return fmt::format("{:.{}f}", value, panel.digits); };
  const std::string least = number(row.values.front());
  const std::string greatest = number(row.values.back());
  if (least == greatest) return (row.values.back() == 0 ? "0" : least) + std::string(panel.unit);
  return fmt::format("{}{} ({} to {})", number(median(row.values)), panel.unit, least, greatest);
}

std::string draw_row(const Panel& panel, const Row& row, double greatest, int top) {
  const auto place = [&](double value) {
    return kBarsFrom + (greatest > 0 ? value / greatest : 0) * (kBarsTo - kBarsFrom);
  };
  const int bar_top = top + (kRowHeight - kBarHeight) / 2;
  const int middle = top + kRowHeight / 2;
  const int baseline = middle + 5;
  const bool own = row.peer == kOwn;
  std::string svg = fmt::format("    <text class=\"end{}\" x=\"{}\" y=\"{}\">{}</text>\n", own ? " own" : "",
                                kBarsFrom - 10, baseline, escaped(row.shown));
  svg += fmt::format(R"(    <rect class="{}" x="{}" y="{}" width="{:.1f}" height="{}"/>)",
                     own ? "own-bar" : "bar", kBarsFrom, bar_top, place(median(row.values)) - kBarsFrom,
                     kBarHeight);
  svg += fmt::format("\n    <path class=\"spread\" d=\"M{:.1f} {}H{:.1f}\"/>\n", place(row.values.front()),
                     middle, place(row.values.back()));
  for (const double value : row.values) {
    svg +=
        fmt::format("    <circle class=\"run\" cx=\"{:.1f}\" cy=\"{}\" r=\"2.5\"/>\n", place(value), middle);
  }
  svg += fmt::format("    <text class=\"{}\" x=\"{:.1f}\" y=\"{}\">{}</text>\n", own ? "own" : "value",
                     place(row.values.back()) + 10, baseline, value_text(panel, row));
  return svg;
}

// What a panel draws below `top`, moved on past it.
std::string draw_panel(const Panel& panel, const std::vector<Row>& rows, int& top) {
  double greatest = panel.at_least;
  for (const Row& row : rows) greatest = std::max(greatest, row.values.back());
  std::string svg = fmt::format(
      "  <g>\n    <text class=\"heading\" x=\"{}\" y=\"{}\">{}</text>\n"
      "    <text class=\"soft end\" x=\"{}\" y=\"{}\">{} is better</text>\n",
      kMargin, top + 14, panel.heading, kWidth - kMargin, top + 14, panel.better);
  top += 24;
  const int axis_top = top;
  for (const Row& row : rows) {
    svg += draw_row(panel, row, greatest, top);
    top += kRowHeight;
  }
  svg += fmt::format("    <path class=\"axis\" d=\"M{} {}V{}\"/>\n  </g>\n", kBarsFrom, axis_top, top);
  top += 18;
  return svg;
}

std::string panel_text(const Panel& panel, const std::vector<Row>& rows) {
  std::string text = std::string(panel.heading) + ':';
  for (const Row& row : rows) text += fmt::format(" {} {},", row.shown, value_text(panel, row));
  text.back() = '.';
  return text;
}

// How many repeats each of a figure's scenarios has, and how busy the machine was with other work meanwhile.
std::string circumstances(const Data& data, const Figure& figure) {
  std::vector<std::string> repeats;
  std::vector<std::string> noise;
  std::set<std::string_view> seen;
  for (const Panel& panel : figure.panels) {
    if (!seen.insert(panel.scenario).second) continue;
    unsigned count = 0;
    std::vector<double> busy;
    for (const Record& record : data.runs) {
      if (record.scenario != panel.scenario) continue;
      count = std::max(count, record.repeat + 1);
      const auto found = record.outcome.metrics.find("noise_cpus");
      if (found != record.outcome.metrics.end()) busy.push_back(found->second);
    }
    if (count > 0) repeats.push_back(fmt::format("{} {}", panel.scenario, count));
    if (!busy.empty()) noise.push_back(fmt::format("{:.1f}", median(busy)));
  }
  std::string text = fmt::format("Bars: medians. Dots: repeats ({}).", fmt::join(repeats, ", "));
  if (!noise.empty()) text += fmt::format(" Processors busy with other work: {}.", fmt::join(noise, ", "));
  return text;
}

std::string draw(const Data& data, const Figure& figure) {
  std::string body;
  std::string description;
  int top = 56;
  for (const Panel& panel : figure.panels) {
    const auto rows = rows_of(data, panel);
    if (rows.empty()) continue;
    body += draw_panel(panel, rows, top);
    description += panel_text(panel, rows) + ' ';
  }
  if (body.empty()) return {};
  const std::string how = circumstances(data, figure);
  const std::string where = escaped(fmt::format("{}, {}", data.machine, data.date));
  const int height = top + 40;
  std::string svg = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-labelledby="title desc">
)",
      kWidth, height);
  svg += fmt::format(
      "  <title id=\"title\">{}</title>\n  <desc id=\"desc\">{}{} {}.</desc>\n  <style>{}  </style>\n",
      figure.question, escaped(description), how, where, kStyle);
  svg += fmt::format(R"(  <rect class="page" x=".5" y=".5" width="{}" height="{}" rx="8"/>)", kWidth - 1,
                     height - 1);
  svg += fmt::format("\n  <text class=\"question\" x=\"{}\" y=\"34\">{}</text>\n", kMargin, figure.question);
  svg += body;
  svg += fmt::format(
      "  <text class=\"soft\" x=\"{0}\" y=\"{1}\">{2}</text>\n"
      "  <text class=\"soft\" x=\"{0}\" y=\"{3}\">{4}</text>\n</svg>\n",
      kMargin, top + 6, how, top + 24, where);
  return svg;
}

}  // namespace

std::vector<Drawing> drawings(const Data& data) {
  std::vector<Drawing> drawn;
  for (const Figure& figure : figures()) {
    std::string svg = draw(data, figure);
    if (!svg.empty()) drawn.push_back({std::string(figure.file), std::move(svg)});
  }
  return drawn;
}

}  // namespace slurper::bench
