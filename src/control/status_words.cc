#include "control/status_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace slurper {

namespace {

std::string names_in(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    text += (i > 0 ? ", " : "") + one_line(names[i]);
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  return format_rounded(ByteSize{bytes});
}

std::string time_text(std::uint64_t milliseconds) {
  const std::uint64_t seconds = milliseconds / 1000;
  if (seconds < 10) return fmt::format("{:.1f} s", static_cast<double>(milliseconds) / 1000);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

std::string ago(const StatusReport& report, std::uint64_t time) {
  return time_text(report.now - std::min(report.now, time));
}

std::string one_line(std::string_view text) {
  std::string out;
  append_visible(text, out);
  return out;
}

std::string_view health_text(const StatusReport& report) {
  return report.is_healthy() ? "healthy" : "DEGRADED";
}

std::string process_text(const StatusReport& report) {
  return fmt::format("slurper {}, process {}, running for {}", one_line(report.slurper), report.pid,
                     ago(report, report.started_at));
}

std::string alarm_text(const StatusReport::Alarm& alarm) {
  std::string text = alarm.title;
  if (!alarm.subject.empty()) text += ": " + alarm.subject;
  if (!alarm.cause.empty()) text += ": " + alarm.cause;
  return one_line(text);
}

std::string window_text(const StatusReport::Rate& rate) {
  return rate.window_seconds < 60 ? "now" : fmt::format("{} min", rate.window_seconds / 60);
}

std::uint64_t percent_of(std::uint64_t held, std::uint64_t size) {
  return size == 0 ? 0 : held * 100 / size;
}

std::string fill_text(std::uint64_t held, std::uint64_t size, std::uint64_t most) {
  return fmt::format("{} of {}, at most {}", size_text(held), size_text(size), size_text(most));
}

std::string full_text(const StatusReport::Fifo& fifo) {
  if (fifo.times_full == 0) return "";
  return fmt::format("full {}, for {} in all", counted(fifo.times_full, "time"), time_text(fifo.time_full));
}

std::string writers_text(const StatusReport::Fifo& fifo) {
  const std::string_view unseen = fifo.sees_all_processes ? "" : " (slurper may not see all processes)";
  return (fifo.writers.empty() ? "none seen" : names_in(fifo.writers)) + std::string(unseen);
}

std::string readers_text(const StatusReport::Fifo& fifo) {
  if (fifo.readers.empty() && fifo.second_readers == 0 && fifo.short_reads == 0) return "";
  const std::string now = fifo.readers.empty() ? "" : names_in(fifo.readers) + "; ";
  return fmt::format("{}{} since the start, which took at least {} ({} cut short)", now,
                     counted(fifo.second_readers, "second reader"), size_text(fifo.taken_by_others),
                     counted(fifo.short_reads, "read"));
}

std::string end_text(const StatusReport& report) {
  const StatusReport::Log& log = report.log;
  const std::uint64_t unsynced = log.end - std::min(log.end, log.synced);
  const std::string when = log.synced_at == 0 ? "no sync yet since the start"
                                              : fmt::format("last sync {} ago", ago(report, log.synced_at));
  const std::string state = unsynced == 0 ? "all synced" : size_text(unsynced) + " not synced yet";
  return fmt::format("offset {}, {}, {}", log.end, state, when);
}

std::string segments_text(const StatusReport::Log& log) {
  return fmt::format("{} of {}, {} since the start", counted(log.segments, "rotated segment"),
                     size_text(log.segment_bytes), counted(log.rotations, "rotation"));
}

std::string quarantine_text(const StatusReport::Quarantine& quarantine) {
  if (quarantine.bytes == 0) return "";
  return fmt::format("{} wait in quarantined rings: slurper recover {}", size_text(quarantine.bytes),
                     one_line(quarantine.recover));
}

std::string ledger_text(const StatusReport& report) {
  const Ledger& ledger = report.ledger;
  std::string text = fmt::format("{} in", ledger.received);
  if (ledger.inherited > 0) text += fmt::format(" + {} inherited", ledger.inherited);
  text += fmt::format(" = {} log + {} ring + {} dropped", ledger.logged, ledger.held, ledger.dropped);
  return text +
         (report.ledger_is_balanced ? " (bytes since the start; it balances)" : ": IT DOES NOT BALANCE");
}

std::string dropped_text(const StatusReport::Dropped& dropped) {
  if (dropped.bytes == 0) return "";
  return fmt::format("{} ({}) since the ring was made", counted(dropped.lines, "line"),
                     size_text(dropped.bytes));
}

std::string waiting_text(const StatusReport& report, const StatusReport::Sink& sink) {
  return sink.waiting_since == 0 ? "-" : ago(report, sink.waiting_since);
}

std::string sink_text(const StatusReport& report, const StatusReport::Sink& sink) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (!sink.shown.empty()) add(one_line(sink.shown));
  if (sink.refused > 0) add(counted(sink.refused, "line") + " refused");
  if (sink.missed > 0) add(size_text(sink.missed) + " missed");
  if (sink.retries > 0) add(counted(sink.retries, "retry"));
  if (!sink.last_error.empty())
    add(fmt::format("last error {} ago: {}", ago(report, sink.failed_at), one_line(sink.last_error)));
  return text;
}

}  // namespace slurper
