// StatusReport: the snapshot as it goes over the control socket.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/snapshot.h"

namespace slurper {

// All times are milliseconds since 1970, 0 if unknown; all sizes are bytes. docs/status.md describes each
// member under the name that it has in JSON (status_json.cc).
struct StatusReport {
  struct Alarm {
    std::string name;     // a word that never changes: "log-not-written"
    std::string title;    // "THE LOG CAN'T BE WRITTEN"
    std::string subject;  // "'mysink'"; may be empty
    std::string cause;    // may be empty
    bool operator==(const Alarm&) const = default;
  };
  struct Rate {
    std::uint64_t window_seconds = 0;
    std::uint64_t bytes_per_second = 0;
    std::uint64_t lines_per_second = 0;
    bool operator==(const Rate&) const = default;
  };
  struct Fifo {
    std::string path;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t pipe_size = 0;
    std::uint64_t held = 0;
    std::uint64_t most_held = 0;
    std::uint64_t times_full = 0;
    std::uint64_t time_full = 0;  // milliseconds
    std::vector<std::string> writers;
    std::vector<std::string> readers;
    bool sees_all_processes = false;
    std::uint64_t second_readers = 0;
    std::uint64_t short_reads = 0;
    std::uint64_t taken_by_others = 0;
    bool operator==(const Fifo&) const = default;
  };
  struct RingFill {
    std::string folder;
    std::uint64_t size = 0;
    std::uint64_t held = 0;
    std::uint64_t most_held = 0;
    bool operator==(const RingFill&) const = default;
  };
  struct Log {
    std::string path;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t end = 0;
    std::uint64_t synced = 0;
    std::uint64_t synced_at = 0;
    std::uint64_t lines = 0;
    std::uint64_t rotations = 0;
    std::uint64_t segments = 0;
    std::uint64_t segment_bytes = 0;
    bool operator==(const Log&) const = default;
  };
  struct Dropped {
    std::uint64_t lines = 0;
    std::uint64_t bytes = 0;
    bool operator==(const Dropped&) const = default;
  };
  struct Quarantine {
    std::uint64_t bytes = 0;
    std::string recover;
    bool operator==(const Quarantine&) const = default;
  };
  struct Sink {
    std::string name;
    std::string state;  // see state_of()
    std::uint64_t cursor = 0;
    std::uint64_t lag_bytes = 0;
    std::uint64_t waiting_since = 0;  // the arrival of the oldest byte that the destination does not have
    std::uint64_t lines = 0;
    std::uint64_t bytes = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t retries = 0;
    std::uint64_t refused = 0;
    std::uint64_t missed = 0;
    std::uint64_t latency = 0;  // milliseconds
    std::string shown;
    std::string last_error;
    std::uint64_t failed_at = 0;
    bool operator==(const Sink&) const = default;
  };

  std::string slurper;  // its version
  std::uint64_t pid = 0;
  std::uint64_t started_at = 0;
  std::uint64_t now = 0;
  std::vector<Alarm> alerts;
  std::vector<Rate> rates;
  Fifo fifo;
  RingFill ring;
  Log log;
  Ledger ledger;
  bool ledger_is_balanced = true;
  Dropped dropped;
  Quarantine quarantine;
  std::vector<Sink> sinks;

  [[nodiscard]] bool is_healthy() const { return alerts.empty(); }
  bool operator==(const StatusReport&) const = default;
};

// "starting", "working", "lagging", "problem", "failing", "stopped", "paused"
[[nodiscard]] std::string_view state_of(const SinkStatus& sink);

struct ReportOptions {
  std::function<std::string(const Error&)> words;  // for the last failures of sinks
  // When the byte at this offset came, if that is known.
  std::function<std::optional<Timestamp>(StreamOffset)> arrival;
};

[[nodiscard]] StatusReport to_report(const Snapshot& snapshot, const ReportOptions& options);

// One line of JSON without a newline; and back. Members that this version does not know are ignored, and
// those that are missing keep their defaults: the other side may be of another version. Empty if it is no
// report.
[[nodiscard]] std::string to_json(const StatusReport& report);
[[nodiscard]] std::optional<StatusReport> parse_report(std::string_view json);

}  // namespace slurper
