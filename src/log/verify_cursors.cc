#include "log/verify_cursors.h"

#include <utility>

#include "base/phrase_id.h"
#include "log/log_errors.h"

namespace slurper {

namespace {

constexpr int kLooks = 3;  // one may fall into a write of a slot

// Whether bytes may have been at `offset`, beyond the log's end, so that the next ones follow it: another
// process has just cut the log that slurper is writing, or the machine went down since.
bool may_go_on_behind(Os& os, StreamOffset offset, const LogVerification& log) {
  if (!log.index || offset > log.index->reserved) return false;
  const auto boot = read_boot_id(os);
  return log.writer || !boot || *boot != log.index->boot_id;
}

// Adds the findings about one cursor to `log`.
void check_cursor(Os& os, const LogPaths& paths, const CursorsSeen::One& seen, LogVerification& log) {
  const QuotedText sink{seen.sink};
  const QuotedText file{paths.cursor(seen.sink)};
  const auto problem = [&](Phrase phrase) { log.problems.push_back(std::move(phrase)); };
  const auto note = [&](Phrase phrase) { log.notes.push_back(std::move(phrase)); };

  if (!seen.reading) {
    problem(caused_by(seen.reading.error(), {PhraseId::CursorUnusable, {{"sink", sink}, {"file", file}}}));
    return;
  }
  for (const auto& damage : seen.reading->damage) note({PhraseId::SlotOfFileDamaged, {{"damage", damage}}});
  const std::optional<CursorRecord>& record = seen.reading->record;
  if (!record) {
    note({PhraseId::CursorEmpty, {{"sink", sink}}});
    return;
  }
  if (log.index && !log.index->ids().include(record->log_id)) {
    problem({PhraseId::CursorOfOtherLog, {{"sink", sink}, {"file", file}, {"log", record->log_id}}});
    return;
  }
  VerifiedCursor cursor{.sink = seen.sink, .record = *record};
  const StreamOffset first = log.segments.empty() ? log.end : log.segments.front().base;
  if (record->offset <= log.end) {
    cursor.behind = log.end - record->offset;
  } else if (may_go_on_behind(os, record->offset, log)) {
    note({PhraseId::CursorBeyondCut, {{"sink", sink}, {"size", record->offset - log.end}}});
  } else {
    problem({PhraseId::CursorBeyondEnd, {{"sink", sink}, {"file", file}, {"offset", record->offset.value}}});
  }
  if (record->offset < first)
    note({PhraseId::CursorBeforeLog,
          {{"sink", sink},
           {"from", record->offset.value},
           {"size", first - record->offset},
           {"offset", first.value}}});
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

Phrase caused_by(const Error& error, Phrase phrase) {
  phrase.with({"reason", error.why});
  if (!error.advice.empty()) phrase.with({"advice", error.advice});
  return phrase;
}

void check_cursors(Os& os, const LogPaths& paths, const CursorsSeen& seen, LogVerification& log) {
  for (const CursorsSeen::One& one : seen.cursors) check_cursor(os, paths, one, log);
}

}  // namespace slurper
