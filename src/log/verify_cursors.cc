#include "log/verify_cursors.h"

#include <fmt/format.h>

#include "log/log_errors.h"

namespace slurper {

namespace {

constexpr int kLooks = 3;  // one may fall into a write of a slot

// Whether bytes may have been at `offset`, beyond the log's end, and the next ones come behind it: where
// another process has just cut the log that slurper is writing, or the machine went down since.
bool may_go_on_behind(Os& os, StreamOffset offset, const LogVerification& log) {
  if (!log.index || offset > log.index->reserved) return false;
  const auto boot = read_boot_id(os);
  return log.writer || !boot || *boot != log.index->boot_id;
}

// Adds to `log` what there is to say about one cursor.
void check_cursor(Os& os, const LogPaths& paths, const CursorsSeen::One& seen, LogVerification& log) {
  const std::string name = "the cursor of the sink " + in_quotes(seen.sink);
  const auto problem = [&](std::string what, std::string advice) {
    log.problems.push_back({std::move(what), std::move(advice)});
  };
  const auto note = [&](std::string text) { log.notes.push_back(std::move(text)); };
  const std::string begin_anew =
      fmt::format("Move {} away: the sink then begins as a new one", in_quotes(paths.cursor(seen.sink)));

  if (!seen.reading) {
    const Error& error = seen.reading.error();
    problem(fmt::format("{} can't be used: {}", name, error.why.str()),
            error.advice.empty() ? begin_anew : error.advice.str());
    return;
  }
  for (const std::string& damage : seen.reading->damage)
    note(damage + "; the other one is whole, and the next write mends it");
  const std::optional<CursorRecord>& record = seen.reading->record;
  if (!record) {
    note(name + " says nothing yet");
    return;
  }
  if (log.index && record->log_id != log.index->log_id) {
    problem(fmt::format("{} is of another log, {}", name, format(record->log_id)), begin_anew);
    return;
  }
  VerifiedCursor cursor{.sink = seen.sink, .record = *record};
  const StreamOffset first = log.segments.empty() ? log.end : log.segments.front().base;
  if (record->offset <= log.end) {
    cursor.behind = log.end - record->offset;
  } else if (may_go_on_behind(os, record->offset, log)) {
    note(fmt::format(
        "{} is {} bytes beyond the log's end: they were cut off, or lost with the machine's power. "
        "slurper goes on behind them",
        name, record->offset - log.end));
  } else {
    problem(fmt::format("{} is at offset {}, beyond the log's end", name, record->offset.value),
            "Was the log cut, or restored from a backup? Restore all of it, or else: " + begin_anew);
  }
  if (record->offset < first)
    note(
        fmt::format("{} is at offset {}: the {} bytes before offset {} are no longer in the log, and will be "
                    "counted as missed",
                    name, record->offset.value, first - record->offset, first.value));
  log.cursors.push_back(std::move(cursor));
}

}  // namespace

Result<CursorsSeen> inspect_cursors(Os& os, const LogPaths& paths) {
  const auto sinks = list_cursors(paths);
  if (!sinks) return std::unexpected(sinks.error());
  CursorsSeen seen;
  for (const std::string& sink : *sinks) {
    auto reading = read_cursor(os, paths, sink);
    for (int look = 1; look < kLooks && (!reading || !reading->damage.empty()); ++look)
      reading = read_cursor(os, paths, sink);
    if (!reading && reading.error().errnum == ENOENT) continue;  // removed meanwhile
    if (!reading && reading.error().kind == ErrorKind::NoPermission) return std::unexpected(reading.error());
    seen.cursors.push_back({.sink = sink, .reading = std::move(reading)});
  }
  return seen;
}

void check_cursors(Os& os, const LogPaths& paths, const CursorsSeen& seen, LogVerification& log) {
  for (const CursorsSeen::One& one : seen.cursors) check_cursor(os, paths, one, log);
}

}  // namespace slurper
