// What is measured, what a table shows of it, and what slurper has to reach.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/run.h"

namespace slurper::bench {

// How a column makes one number of a peer's runs.
enum class Basis {
  Median,
  Spread,    // the median, shown with the least and the greatest
  Worst,     // the greatest
  Ratio,     // the median of the ratios to the yardstick's run in the same repeat
  Above,     // the median of the differences to the yardstick's run in the same repeat
  AboveRam,  // the median of the differences to the same peer's run with its log in RAM
};

struct Target {
  enum class Relation { AtLeast, AtMost, Below };
  Relation relation;
  double limit;

  [[nodiscard]] bool met(double value) const;
  [[nodiscard]] std::string text(int digits) const;  // ">= 1.4"
};

struct Column {
  std::string heading;
  std::string metric;  // see run_once()
  Basis basis = Basis::Median;
  int digits = 0;
  double factor = 1;  // of what is shown
  std::optional<Target> target = std::nullopt;
};

// Who takes part.
enum class Field {
  Readers,     // cat, slurper, and more
  Sinks,       // slurper without a sink, and with one of each kind
  Forwarders,  // slurper, rsyslog and syslog-ng, as they pass lines on; see forward.h
  Recorders,   // slurper trace, and none; see traced.h
  Questions,   // slurper's commands, and other ways to the same answer; see asked.h
  Lookers,     // slurper inspect, lsof and fuser; see looked.h
};

struct Scenario {
  std::string name;
  std::string title;
  RunPlan plan;
  std::vector<Column> columns;
  Field field = Field::Readers;
  std::string yardstick = "cat";
  std::vector<std::string> judged = {"slurper"};  // has to reach the targets
  bool to_receiver = false;                       // of the forwarders, those to one
  bool yardsticks = true;                         // whether the bare loops take part
  bool also_in_ram = false;  // each peer also with its log in RAM, as NAME/ram, see kInRam
};

// In the order in which they run.
[[nodiscard]] std::span<const Scenario> scenarios();

// The end of the name of a peer whose log is in RAM.
inline constexpr std::string_view kInRam = "/ram";

struct Record {
  std::string scenario;
  std::string peer;
  unsigned repeat;
  Outcome outcome;
};

// The table of a scenario, for 80 columns. Failed runs are left out of the numbers, count in the verdict and
// are reported below it.
[[nodiscard]] std::string table(const Scenario& scenario, std::span<const Record> records);

// Whether every run of `peer` passed and met its targets.
[[nodiscard]] bool passed(const Scenario& scenario, std::span<const Record> records, const std::string& peer);

}  // namespace slurper::bench
