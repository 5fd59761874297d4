#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "bench/scenarios.h"
#include "bench/statistics.h"

namespace slurper::bench {

namespace {

// A metric of a peer's good runs, by repeat.
std::map<unsigned, double> values_of(const Scenario& scenario, std::span<const Record> records,
                                     const std::string& peer, const std::string& metric) {
  std::map<unsigned, double> values;
  for (const Record& record : records) {
    if (record.scenario != scenario.name || record.peer != peer || !record.outcome.failure.empty()) continue;
    if (const auto found = record.outcome.metrics.find(metric); found != record.outcome.metrics.end()) {
      values[record.repeat] = found->second;
    }
  }
  return values;
}

// `combine` of both values, for each repeat in which there are both.
template <typename Combine>
std::vector<double> paired(const std::map<unsigned, double>& values, const std::map<unsigned, double>& base,
                           Combine combine) {
  std::vector<double> pairs;
  for (const auto& [repeat, value] : values) {
    if (const auto found = base.find(repeat); found != base.end())
      pairs.push_back(combine(value, found->second));
  }
  return pairs;
}

// What a column makes of a peer's runs: the values that its number is taken from, scaled as they are shown.
std::vector<double> column_values(const Scenario& scenario, std::span<const Record> records,
                                  const std::string& peer, const Column& column) {
  const auto values = values_of(scenario, records, peer, column.metric);
  if (column.basis == Basis::Ratio) {
    return paired(values, values_of(scenario, records, scenario.yardstick, column.metric),
                  [](double value, double base) { return value / base; });
  }
  if (column.basis == Basis::Above) {
    return paired(values, values_of(scenario, records, scenario.yardstick, column.metric),
                  [](double value, double base) { return value - base; });
  }
  if (column.basis == Basis::AboveRam) {
    return paired(values, values_of(scenario, records, peer + std::string(kInRam), column.metric),
                  [](double value, double base) { return value - base; });
  }
  std::vector<double> scaled;
  scaled.reserve(values.size());
  for (const auto& [repeat, value] : values) scaled.push_back(value * column.factor);
  return scaled;
}

double column_number(const Column& column, const std::vector<double>& values) {
  return column.basis == Basis::Worst ? *std::max_element(values.begin(), values.end()) : median(values);
}

std::string cell(const Column& column, const std::vector<double>& values) {
  if (values.empty()) return "-";
  std::string number = fmt::format("{:.{}f}", column_number(column, values), column.digits);
  if (column.basis != Basis::Spread || values.size() < 2) return number;
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  return fmt::format("{} [{:.{}f}-{:.{}f}]", number, *least, column.digits, *greatest, column.digits);
}

std::vector<std::string> failures(const Scenario& scenario, std::span<const Record> records,
                                  const std::string& peer) {
  std::vector<std::string> reasons;
  for (const Record& record : records) {
    if (record.scenario == scenario.name && record.peer == peer && !record.outcome.failure.empty()) {
      reasons.push_back(record.outcome.failure);
    }
  }
  return reasons;
}

std::vector<std::string> peers_of(const Scenario& scenario, std::span<const Record> records) {
  std::vector<std::string> peers;
  for (const Record& record : records) {
    if (record.scenario == scenario.name) peers.push_back(record.peer);
  }
  std::sort(peers.begin(), peers.end());
  peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
  return peers;
}

std::string verdict(const Scenario& scenario, std::span<const Record> records, const std::string& peer) {
  if (const auto failed = failures(scenario, records, peer).size(); failed > 0) {
    return fmt::format("{} FAILED", failed);
  }
  if (peer == scenario.yardstick || peer.ends_with(kInRam)) return "";
  if (scenario.field != Field::Readers && std::ranges::find(scenario.judged, peer) == scenario.judged.end())
    return "";
  return passed(scenario, records, peer) ? "ok" : "MISSED";
}

}  // namespace

bool Target::met(double value) const {
  switch (relation) {
    case Relation::AtLeast:
      return value >= limit;
    case Relation::AtMost:
      return value <= limit;
    case Relation::Below:
      return value < limit;
  }
  return false;
}

std::string Target::text(int digits) const {
  const char* sign = relation == Relation::AtLeast ? ">=" : relation == Relation::AtMost ? "<=" : "<";
  if (limit == 0) return "0";
  std::string number = fmt::format("{:.{}f}", limit, std::min(digits, 2));
  if (digits >= 2 && number.ends_with('0')) number.pop_back();
  return fmt::format("{} {}", sign, number);
}

bool passed(const Scenario& scenario, std::span<const Record> records, const std::string& peer) {
  return failures(scenario, records, peer).empty() &&
         std::all_of(scenario.columns.begin(), scenario.columns.end(), [&](const Column& column) {
           if (!column.target) return true;
           const auto values = column_values(scenario, records, peer, column);
           return !values.empty() && column.target->met(column_number(column, values));
         });
}

std::string table(const Scenario& scenario, std::span<const Record> records) {
  std::vector<std::vector<std::string>> rows = {{"peer"}};
  for (const Column& column : scenario.columns) rows[0].push_back(column.heading);
  rows[0].emplace_back("verdict");
  std::string notes;
  std::vector<double> noise;
  unsigned repeats = 0;
  for (const std::string& peer : peers_of(scenario, records)) {
    auto& row = rows.emplace_back(std::vector<std::string>{peer});
    for (const Column& column : scenario.columns) {
      row.push_back(cell(column, column_values(scenario, records, peer, column)));
    }
    row.push_back(verdict(scenario, records, peer));
    if (const auto reasons = failures(scenario, records, peer); !reasons.empty()) {
      notes += fmt::format("{}: {} of its runs failed, first: {}\n", peer, reasons.size(), reasons.front());
    }
    for (const auto& [repeat, value] : values_of(scenario, records, peer, "noise_cpus")) {
      noise.push_back(value);
      repeats = std::max(repeats, repeat + 1);
    }
  }
  auto& targets = rows.emplace_back(std::vector<std::string>{"target"});
  for (const Column& column : scenario.columns) {
    targets.push_back(column.target ? column.target->text(column.digits) : "");
  }
  targets.emplace_back("");

  std::vector<std::size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text = fmt::format("\n{}: {}\n", scenario.name, scenario.title);
  for (const auto& row : rows) {
    std::string line = fmt::format("{:{}}", row[0], widths[0]);
    for (std::size_t i = 1; i < row.size(); ++i) line += fmt::format("  {:>{}}", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  if (!noise.empty()) {
    text += fmt::format("medians [least-greatest] of {} repeats; other work kept {:.1f} CPUs busy\n", repeats,
                        median(noise));
  }
  return text + notes;
}

}  // namespace slurper::bench
