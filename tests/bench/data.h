// A run's data in a file: every repeat of every peer, and the machine it ran on. Tables and plots are made
// from nothing else, so a plot can be drawn again, or otherwise, without measuring again.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bench/scenarios.h"
#include "slurper/result.h"

namespace slurper::bench {

struct Data {
  std::string machine;  // see machine() in surroundings.h
  std::string date;     // YYYY-MM-DD, when the last scenario ended
  std::vector<Record> runs;
};

// As JSON, one run a line:
//   {"machine": "…", "date": "2026-11-29", "runs": [
//   {"scenario": "flat", "peer": "cat", "repeat": 0, "failure": "", "metrics": {"lines_per_second": 1254000,
//   …}}, …]}
// The metrics are those of run_once(), with seven significant digits.
[[nodiscard]] std::string to_json(const Data& data);

// Reads what to_json() wrote. Fails with NoInput if the file cannot be read, with Data if it is anything
// else.
[[nodiscard]] Result<Data> read_data(const std::filesystem::path& file);

}  // namespace slurper::bench
