// A snapshot in which every figure is another one, and its report.
#pragma once

#include <string>

#include "control/snapshot.h"
#include "control/status_report.h"

namespace slurper::test {

inline HistogramCounts some_counts(std::uint64_t first) {
  HistogramCounts counts{.buckets = {}, .seconds = 1.5};
  counts.buckets[0] = first;
  counts.buckets[3] = 2;
  counts.buckets.back() = 1;
  return counts;
}

inline Snapshot some_snapshot() {
  using namespace std::chrono_literals;
  Snapshot snapshot{
      .fifo = {.path = "/run/fifo",
               .pipe_size = 1 << 20,
               .held = 100,
               .most_held = 5000,
               .device = 26,
               .inode = 4711,
               .headroom = 520092},
      .intake = {.head = {3048},
                 .tail = {1000},
                 .ring_size = 64 << 20,
                 .dropped_lines = 7,
                 .dropped_bytes = 700,
                 .times_full = 3,
                 .time_full = 1500ms,
                 .short_reads = 2,
                 .taken_by_others = 12,
                 .most_in_ring = 4096,
                 .ledger = {.received = 3648, .inherited = 0, .logged = 900, .held = 2048, .dropped = 700}},
      .watch = {.second_readers = 5,
                .writers = {"'rsyslogd' (pid 12)", "'logger' (pid 14)"},
                .readers = {"'cat' (pid 13)"},
                .sees_all = true,
                .writer_connects = 9,
                .last_writers_left = 6},
      .log = {.path = "/var/log/messages",
              .synced = {900},
              .rotations = 4,
              .lines = 50,
              .end = {1000},
              .synced_at = std::chrono::system_clock::time_point(1'700'000'000'250ms),
              .segments = 3,
              .segment_bytes = 12345,
              .sync_duration = some_counts(11),
              .latency = some_counts(22)},
      .sinks = {{.name = "relp",
                 .acked = 400,
                 .records = 31,
                 .bytes = 32,
                 .in_flight = 33,
                 .retries = 34,
                 .rejected = 35,
                 .missed = 36,
                 .latencies = some_counts(44),
                 .has_begun = true,
                 .failing = true}},
      .alerts = {{.alert = Alert::SinkFails, .subject = "'relp'", .cause = "Connection refused"}}};
  snapshot.quarantined_bytes = 77;
  snapshot.started_at = std::chrono::system_clock::time_point(1'600'000'000'500ms);
  return snapshot;
}

// Whose paths and names are as bad as they may be.
inline Snapshot hostile_snapshot() {
  Snapshot snapshot = some_snapshot();
  snapshot.fifo.path = "/run/\"\\\n\xff\xc3\xa9\xc3";
  snapshot.log.path = "/var/\xed\xa0\x80}\",x=\"";  // half a surrogate pair
  snapshot.sinks = {{.name = "a\xff", .has_begun = true}, {.name = "a\xfe", .has_begun = true}};
  snapshot.alerts = {{.alert = Alert::SinkFails, .subject = "'\xff\n\"'", .cause = {}}};
  return snapshot;
}

inline StatusReport report_of(const Snapshot& snapshot) {
  StatusReport report = to_report(snapshot, {.words = [](const Error&) { return "cannot connect"; },
                                             .arrival = [](StreamOffset) -> std::optional<Timestamp> {
                                               return Timestamp(std::chrono::milliseconds(1'700'000'000'000));
                                             }});
  report.now = 1'700'000'002'500;
  report.slurper = "1.2.3";
  return report;
}

}  // namespace slurper::test
