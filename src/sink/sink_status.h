// SinkStatus: the state of a sink, as data.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/histogram.h"
#include "slurper/result.h"

namespace slurper {

struct SinkStatus {
  std::string name = {};
  std::uint64_t acked = 0;               // the destination has, or has refused, everything before this offset
  std::uint64_t records = 0;             // that the destination took since this process started
  std::uint64_t bytes = 0;               // of the log, in these records
  std::uint64_t in_flight = 0;           // records
  std::uint64_t retries = 0;             // since this process started
  std::uint64_t rejected = 0;            // ever
  std::uint64_t missed = 0;              // bytes that were gone before they were read; ever
  std::chrono::milliseconds latency{0};  // from the delivery of a batch to its acknowledgement; the last one
  HistogramCounts latencies = {};        // of each line, from its arrival to its acknowledgement
  bool has_begun = false;                // `acked` is known: its cursor was usable
  bool failing = false;
  bool stopped = false;  // failing, and not retried before resume()
  bool lagging = false;
  bool paused = false;                // by the operator
  std::string shown = {};             // by the sink itself, in words
  bool has_problem = false;           // although it works; `shown` says which
  std::optional<Error> failure = {};  // while it is failing; none while memory has run out
  // The last failure since this process started, and when it happened; the sink may work again.
  std::optional<Error> last_failure = {};
  std::chrono::system_clock::time_point failed_at = {};
};

}  // namespace slurper
