#include "control/status_report.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"

namespace slurper {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

template <typename Clock, typename Duration>
std::uint64_t to_number(std::chrono::time_point<Clock, Duration> time) {
  return static_cast<std::uint64_t>(
      std::max<milliseconds::rep>(duration_cast<milliseconds>(time.time_since_epoch()).count(), 0));
}

std::vector<StatusReport::Alarm> alarms_of(const Snapshot& snapshot) {
  std::vector<StatusReport::Alarm> alarms;
  const Ledger& ledger = snapshot.intake.ledger;
  if (!ledger.is_balanced()) {
    alarms.push_back({.name = "ledger-unbalanced",
                      .title = "THE LEDGER DOES NOT BALANCE",
                      .subject = {},
                      .cause = "bytes are unaccounted for; stop slurper and run slurper verify on its log"});
  }
  for (const ActiveAlert& active : snapshot.alerts)
    alarms.push_back({.name = name(active.alert),
                      .title = title(active.alert),
                      .subject = active.subject,
                      .cause = active.cause});
  for (const SinkStatus& sink : snapshot.sinks) {
    if (sink.has_problem)
      alarms.push_back({.name = "sink-problem",
                        .title = "A SINK HAS A PROBLEM",
                        .subject = in_quotes(sink.name),
                        .cause = sink.shown});
  }
  return alarms;
}

StatusReport::Sink to_report(const SinkStatus& sink, std::string_view state, StreamOffset end,
                             const ReportOptions& options) {
  StatusReport::Sink report{.name = sink.name,
                            .state = std::string(state),
                            .cursor = sink.acked,
                            .lag_bytes = 0,
                            .waiting_since = 0,
                            .lines = sink.records,
                            .bytes = sink.bytes,
                            .in_flight = sink.in_flight,
                            .retries = sink.retries,
                            .refused = sink.rejected,
                            .missed = sink.missed,
                            .latency = static_cast<std::uint64_t>(sink.latency.count()),
                            .shown = sink.shown,
                            .last_error = {},
                            .failed_at = 0};
  if (sink.has_begun && sink.acked < end.value) {
    report.lag_bytes = end.value - sink.acked;
    if (const auto arrival = options.arrival({sink.acked})) report.waiting_since = to_number(*arrival);
  }
  if (sink.last_failure) {
    report.last_error = options.words(*sink.last_failure);
    report.failed_at = to_number(sink.failed_at);
  }
  return report;
}

}  // namespace

std::string_view state_of(const SinkStatus& sink) {
  if (sink.paused) return "paused";
  if (sink.stopped) return "stopped";
  if (sink.failing) return "failing";
  if (!sink.has_begun) return "starting";
  if (sink.has_problem) return "problem";
  return sink.lagging ? "lagging" : "working";
}

StatusReport to_report(const Snapshot& snapshot, const ReportOptions& options) {
  const IntakeStatus& intake = snapshot.intake;
  StatusReport report;
  report.slurper = SLURPER_VERSION;
  report.pid = static_cast<std::uint64_t>(::getpid());
  report.started_at = to_number(snapshot.started_at);
  report.now = to_number(std::chrono::system_clock::now());
  report.alerts = alarms_of(snapshot);
  for (const Rate& rate : snapshot.rates)
    report.rates.push_back({.window_seconds = static_cast<std::uint64_t>(rate.window.count()),
                            .bytes_per_second = rate.bytes,
                            .lines_per_second = rate.lines});
  report.fifo = {
      .path = snapshot.fifo.path,
      .device = snapshot.fifo.device,
      .inode = snapshot.fifo.inode,
      .pipe_size = snapshot.fifo.pipe_size,
      .held = snapshot.fifo.held,
      .most_held = snapshot.fifo.most_held,
      .times_full = intake.times_full,
      .time_full = static_cast<std::uint64_t>(duration_cast<milliseconds>(intake.time_full).count()),
      .writers = snapshot.watch.writers,
      .readers = snapshot.watch.readers,
      .sees_all_processes = snapshot.watch.sees_all,
      .second_readers = snapshot.watch.second_readers,
      .short_reads = intake.short_reads,
      .taken_by_others = intake.taken_by_others};
  report.ring = {.folder = snapshot.ring_folder,
                 .size = intake.ring_size,
                 .held = intake.head - intake.tail,
                 .most_held = intake.most_in_ring};
  report.log = {.path = snapshot.log.path,
                .device = snapshot.log.device,
                .inode = snapshot.log.inode,
                .end = snapshot.log.end.value,
                .synced = snapshot.log.synced.value,
                .synced_at = to_number(snapshot.log.synced_at),
                .lines = snapshot.log.lines,
                .rotations = snapshot.log.rotations,
                .segments = snapshot.log.segments,
                .segment_bytes = snapshot.log.segment_bytes};
  report.ledger = intake.ledger;
  report.ledger_is_balanced = intake.ledger.is_balanced();
  report.dropped = {.lines = intake.dropped_lines, .bytes = intake.dropped_bytes};
  report.quarantine = {.bytes = snapshot.quarantined_bytes, .recover = snapshot.recover_arguments};
  for (const SinkStatus& sink : snapshot.sinks)
    report.sinks.push_back(to_report(sink, state_of(sink), snapshot.log.end, options));
  for (const SinkStatus& sink : snapshot.ending_sinks)
    report.sinks.push_back(to_report(sink, "ending", snapshot.log.end, options));
  return report;
}

}  // namespace slurper
