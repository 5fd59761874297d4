#include "metrics/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"

namespace slurper {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr double kMillisecond = 1e-3;
constexpr std::array<const char*, 8> kSinkStates = {"starting", "working", "paused",  "lagging",
                                                    "problem",  "failing", "stopped", "ending"};

// What is no UTF-8 becomes U+FFFD, byte by byte. The serializer escapes the rest.
std::string repaired(std::string_view text) {
  std::string good;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    good += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return good;
}

ClientMetric::Label label(const char* name, std::string_view value) {
  return {.name = name, .value = repaired(value)};
}

class Families {
 public:
  explicit Families(std::string_view log) : log_(label("log", log)) {}

  void gauge(const char* name, const char* help, double value, Labels labels = {}) {
    if (ClientMetric* metric = add(name, help, MetricType::Gauge, std::move(labels)))
      metric->gauge.value = value;
  }
  void gauge(const char* name, const char* help, std::uint64_t value, Labels labels = {}) {
    gauge(name, help, static_cast<double>(value), std::move(labels));
  }
  void counter(const char* name, const char* help, double value, Labels labels = {}) {
    if (ClientMetric* metric = add(name, help, MetricType::Counter, std::move(labels)))
      metric->counter.value = value;
  }
  void counter(const char* name, const char* help, std::uint64_t value, Labels labels = {}) {
    counter(name, help, static_cast<double>(value), std::move(labels));
  }
  void histogram(const char* name, const char* help, const HistogramCounts& counts, Labels labels = {}) {
    ClientMetric* metric = add(name, help, MetricType::Histogram, std::move(labels));
    if (metric == nullptr) return;
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < counts.buckets.size(); ++i) {
      so_far += counts.buckets[i];
      const double bound = i < kHistogramBounds.size()
                               ? std::chrono::duration<double>(kHistogramBounds[i]).count()
                               : std::numeric_limits<double>::infinity();
      metric->histogram.bucket.push_back({.cumulative_count = so_far, .upper_bound = bound});
    }
    metric->histogram.sample_count = so_far;
    metric->histogram.sample_sum = counts.seconds;
  }

  [[nodiscard]] const std::vector<MetricFamily>& all() const { return families_; }

 private:
  // Returns nullptr if there is a series with these labels: the first one counts.
  ClientMetric* add(const char* name, const char* help, MetricType type, Labels labels) {
    labels.insert(labels.begin(), log_);
    auto family = std::ranges::find(families_, name, &MetricFamily::name);
    if (family == families_.end())
      family = families_.insert(family, {.name = name, .help = help, .type = type, .metric = {}});
    if (std::ranges::find(family->metric, labels, &ClientMetric::label) != family->metric.end())
      return nullptr;
    ClientMetric metric;
    metric.label = std::move(labels);
    family->metric.push_back(std::move(metric));
    return &family->metric.back();
  }

  const ClientMetric::Label log_;
  std::vector<MetricFamily> families_;
};

void add_health(const StatusReport& report, Families& to) {
  to.gauge("slurper_build_info", "Always 1; the label has slurper's version.", 1.0,
           {label("version", report.slurper)});
  to.gauge("slurper_fifo_info", "Always 1; the label has the path of the FIFO.", 1.0,
           {label("fifo", report.fifo.path)});
  to.gauge("slurper_start_time_seconds", "When the process started, in seconds since 1970.",
           static_cast<double>(report.started_at) * kMillisecond);
  to.gauge("slurper_healthy", "1 if no alert is active, or else 0.", report.is_healthy() ? 1.0 : 0.0);
  for (const StatusReport::Alarm& alarm : report.alerts) {
    to.gauge("slurper_alert_active", "1 for each active alert.", 1.0,
             {label("alert", alarm.name), label("subject", alarm.subject)});
  }
}

void add_log(const Snapshot& snapshot, const StatusReport& report, Families& to) {
  const StatusReport::Log& log = report.log;
  to.counter("slurper_received_bytes_total", "Bytes read from the FIFO since the start.",
             report.ledger.received);
  to.counter("slurper_logged_bytes_total", "The offset of the log's end: bytes ever written to it.", log.end);
  to.counter("slurper_logged_lines_total", "Lines written to the log since the start.", log.lines);
  to.counter("slurper_synced_bytes_total", "The offset up to which the log survives a loss of power.",
             log.synced);
  to.gauge("slurper_unsynced_bytes", "Bytes of the log that a loss of power would take.",
           log.end - std::min(log.end, log.synced));
  if (log.synced_at != 0)
    to.gauge("slurper_last_sync_timestamp_seconds", "When the log was last synced.",
             static_cast<double>(log.synced_at) * kMillisecond);
  to.counter("slurper_discarded_lines_total", "Lines that slurper has dropped, since the ring was made.",
             report.dropped.lines, {label("reason", "ring_full")});
  to.counter("slurper_discarded_bytes_total", "The bytes of these lines.", report.dropped.bytes,
             {label("reason", "ring_full")});
  to.gauge("slurper_ledger_balanced", "1 if every byte received is in the log, in the ring, or dropped.",
           report.ledger_is_balanced ? 1.0 : 0.0);
  to.gauge("slurper_log_segments", "Rotated segments that exist.", log.segments);
  to.gauge("slurper_log_segments_bytes", "What the rotated segments take on disk.", log.segment_bytes);
  to.counter("slurper_log_rotations_total", "Rotations of the log since the start.", log.rotations);
  to.histogram("slurper_sync_duration_seconds", "How long a sync of the log took.",
               snapshot.log.sync_duration);
  to.histogram("slurper_log_latency_seconds", "From a line's arrival to its write to the log, for each line.",
               snapshot.log.latency);
}

void add_pipe(const Snapshot& snapshot, const StatusReport& report, Families& to) {
  const StatusReport::Fifo& fifo = report.fifo;
  to.gauge("slurper_pipe_size_bytes", "The pipe's capacity.", fifo.pipe_size);
  to.gauge("slurper_pipe_held_bytes", "Bytes in the pipe.", fifo.held);
  to.gauge("slurper_pipe_held_bytes_max", "The most that slurper has found in the pipe since the start.",
           fifo.most_held);
  to.gauge("slurper_pipe_headroom_bytes",
           "What writers can surely still write before they wait or get EAGAIN.", snapshot.fifo.headroom);
  to.counter("slurper_pipe_full_total", "How often slurper has found the pipe full.", fifo.times_full);
  to.counter("slurper_pipe_full_seconds_total", "For how long writers found no room.",
             static_cast<double>(fifo.time_full) * kMillisecond);
  to.counter("slurper_eofs_avoided_total",
             "How often the last writer has closed the FIFO, and slurper has seen no end of file.",
             snapshot.watch.last_writers_left);
  to.counter("slurper_writer_connects_total", "Processes that have opened the FIFO for writing.",
             snapshot.watch.writer_connects);
  to.gauge("slurper_writers", "Processes that have the FIFO open for writing.", fifo.writers.size());
  to.gauge("slurper_second_readers", "Processes that read the FIFO besides slurper.", fifo.readers.size());
  to.counter("slurper_second_readers_total", "Processes that have read the FIFO besides slurper.",
             fifo.second_readers);
  to.counter("slurper_taken_by_others_bytes_total", "What second readers took at least.",
             fifo.taken_by_others);
  to.gauge("slurper_ring_size_bytes", "What the ring can hold.", report.ring.size);
  to.gauge("slurper_ring_held_bytes", "Bytes in the ring, which wait for the log.", report.ring.held);
  to.gauge("slurper_ring_held_bytes_max", "The most that the ring has held since the start.",
           report.ring.most_held);
  to.gauge("slurper_quarantined_bytes", "Bytes in rings that were set aside, for slurper recover.",
           report.quarantine.bytes);
}

void add_sink(const StatusReport::Sink& sink, const HistogramCounts& latencies, std::uint64_t now,
              Families& to) {
  const Labels name = {label("sink", sink.name)};
  to.gauge("slurper_sink_lag_bytes", "Bytes of the log that the destination does not have.", sink.lag_bytes,
           name);
  const std::uint64_t waits = sink.waiting_since == 0 ? 0 : now - std::min(now, sink.waiting_since);
  to.gauge("slurper_sink_lag_seconds", "How long ago the oldest of these bytes came.",
           static_cast<double>(waits) * kMillisecond, name);
  to.counter("slurper_sink_sent_bytes_total", "Bytes of the log that the destination has taken.", sink.bytes,
             name);
  to.counter("slurper_sink_sent_lines_total", "Lines that the destination has taken.", sink.lines, name);
  to.counter("slurper_sink_retries_total", "Failures after which the sink tried again.", sink.retries, name);
  to.counter("slurper_sink_refused_lines_total", "Lines that the destination has refused for good.",
             sink.refused, name);
  to.counter("slurper_sink_missed_bytes_total", "Bytes that were gone before the sink read them.",
             sink.missed, name);
  to.gauge("slurper_sink_in_flight", "Lines that were delivered and are not acknowledged.", sink.in_flight,
           name);
  for (const char* const state : kSinkStates) {
    to.gauge("slurper_sink_state", "1 for the state that the sink is in, 0 for the others.",
             sink.state == state ? 1.0 : 0.0, {name.front(), label("state", state)});
  }
  to.histogram("slurper_sink_latency_seconds", "From a line's arrival to its acknowledgement, for each line.",
               latencies, name);
}

Families families_of(const Snapshot& snapshot, const StatusReport& report) {
  Families all(report.log.path);
  add_health(report, all);
  add_log(snapshot, report, all);
  add_pipe(snapshot, report, all);
  // The report has them in the order of the snapshot: those of the settings first. One that is ending may
  // have the name of one that waits for its end.
  auto sink = report.sinks.begin();
  for (const auto* const sinks : {&snapshot.sinks, &snapshot.ending_sinks}) {
    for (const SinkStatus& status : *sinks) add_sink(*sink++, status.latencies, report.now, all);
  }
  return all;
}

std::string serialized(const Families& families) {
  return prometheus::TextSerializer().Serialize(families.all());
}

}  // namespace

std::string to_metrics_text(const Snapshot& snapshot, const StatusReport& report) {
  return serialized(families_of(snapshot, report));
}

std::string to_textfile_text(const Snapshot& snapshot, const StatusReport& report,
                             std::chrono::system_clock::time_point now) {
  Families all = families_of(snapshot, report);
  all.gauge("slurper_metrics_written_timestamp_seconds", "When this file was written.",
            std::chrono::duration<double>(now.time_since_epoch()).count());
  return serialized(all);
}

}  // namespace slurper
