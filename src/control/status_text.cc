#include "control/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"

namespace slurper {

namespace {

std::string size_text(std::uint64_t bytes) {
  return format_rounded(ByteSize{bytes});
}

// "\n  sink 'x': 12 lines, 1.2MiB behind, FAILING"; the alerts say why it fails. `what`: "sink".
std::string to_text(std::string_view what, const SinkStatus& sink, StreamOffset end) {
  std::string text = fmt::format("\n  {} '{}': {}", what, sink.name, counted(sink.records, "line"));
  if (sink.has_begun)
    text += fmt::format(", {} behind", size_text(end.value - std::min(end.value, sink.acked)));
  if (sink.rejected > 0) text += fmt::format(", {} refused", counted(sink.rejected, "line"));
  if (sink.missed > 0) text += fmt::format(", {} missed", size_text(sink.missed));
  if (sink.in_flight > 0) text += fmt::format(", {} in flight", sink.in_flight);
  if (!sink.shown.empty()) text += fmt::format(", {}", sink.shown);
  if (sink.paused) text += ", paused";
  if (sink.failing) text += sink.stopped ? ", STOPPED" : ", FAILING";
  return text;
}

}  // namespace

std::string to_text(const std::vector<ActiveAlert>& alerts) {
  std::string text;
  for (const ActiveAlert& active : alerts) {
    if (!text.empty()) text += "; ";
    text += title(active.alert);
    if (!active.subject.empty()) text += ": " + active.subject;
    if (!active.cause.empty()) text += ": " + active.cause;
  }
  return text.empty() ? "all well" : text;
}

namespace {

std::string condition(const Snapshot& snapshot) {
  if (!snapshot.alerts.empty() || std::ranges::none_of(snapshot.sinks, &SinkStatus::has_problem))
    return to_text(snapshot.alerts);
  return "A SINK HAS A PROBLEM";
}

}  // namespace

std::string to_start_text(const Snapshot& snapshot) {
  return fmt::format("reading {} (a pipe of {}) into {} from offset {}", in_quotes(snapshot.fifo.path),
                     size_text(snapshot.fifo.pipe_size), in_quotes(snapshot.log.path),
                     snapshot.intake.head.value);
}

std::string to_status_text(const Snapshot& snapshot) {
  const IntakeStatus& intake = snapshot.intake;
  std::string text = fmt::format("offset {}, {} wait in the ring of {}", intake.head.value,
                                 size_text(intake.head - intake.tail), size_text(intake.ring_size));
  if (snapshot.quarantined_bytes > 0)
    text += fmt::format(", {} in quarantined rings (slurper recover {})",
                        size_text(snapshot.quarantined_bytes), snapshot.recover_arguments);
  text += fmt::format(
      ", synced up to {}, {}, {} ({}) dropped, the pipe was full {} ({:.1f} s), {} ({} cut short)",
      snapshot.log.synced.value, counted(snapshot.log.rotations, "rotation"),
      counted(intake.dropped_lines, "line"), size_text(intake.dropped_bytes),
      counted(intake.times_full, "time"), std::chrono::duration<double>(intake.time_full).count(),
      counted(snapshot.watch.second_readers, "second reader"), counted(intake.short_reads, "read"));
  text += ", " + condition(snapshot);
  for (const SinkStatus& sink : snapshot.sinks) text += to_text("sink", sink, intake.tail);
  for (const SinkStatus& sink : snapshot.ending_sinks) text += to_text("ending sink", sink, intake.tail);
  return text;
}

std::string to_status_line(const Snapshot& snapshot, std::uint64_t lines_per_second) {
  return fmt::format("{} lines/s, {} wait in the ring of {}, {}", lines_per_second,
                     size_text(snapshot.intake.head - snapshot.intake.tail),
                     size_text(snapshot.intake.ring_size), condition(snapshot));
}

}  // namespace slurper
