#include "log/orphaned_cursors.h"

#include <optional>
#include <utility>

#include "log/cursor_file.h"
#include "log/log_index.h"

namespace slurper {

namespace {

// Empty: it may be needed.
Phrase why_useless(Os& os, const LogPaths& paths, const std::string& sink, const std::optional<LogIds>& log) {
  const Result<CursorReading> cursor = read_cursor(os, paths, sink);
  if (!cursor && cursor.error().kind == ErrorKind::Data) return cursor.error().why;
  if (!cursor) return {};
  if (cursor->record && log && !log->include(cursor->record->log_id)) return PhraseId::CursorOfAnotherLog;
  return {};
}

}  // namespace

Result<std::vector<OrphanedCursor>> find_orphaned_cursors(Os& os, const LogPaths& paths) {
  const auto sinks = list_cursors(paths);
  if (!sinks) return std::unexpected(sinks.error());
  const Result<IndexReading> index = read_index(os, paths);
  std::optional<LogIds> log;
  if (index && index->record) log = index->record->ids();
  const bool is_written = LogIndex::is_in_use(os, paths);

  std::vector<OrphanedCursor> orphans;
  for (const std::string& sink : *sinks) {
    Phrase why = why_useless(os, paths, sink, log);
    if (why.empty() && !is_written) continue;
    if (CursorFile::is_in_use(os, paths, sink)) continue;
    if (why.empty()) why = PhraseId::CursorWithoutSink;
    orphans.push_back({.sink = sink, .why = std::move(why)});
  }
  return orphans;
}

}  // namespace slurper
