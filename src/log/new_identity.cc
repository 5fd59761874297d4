#include "log/new_identity.h"

#include <fcntl.h>

#include <cerrno>
#include <string>
#include <vector>

#include "log/cursor_file.h"
#include "log/log_errors.h"
#include "log/log_index.h"
#include "log/times_file.h"

namespace slurper {

namespace {

Status rename_times(Os& os, const LogPaths& paths, const LogIds& log) {
  const auto times = TimesFile::open(os, paths, log, O_RDWR);
  // A damaged file is begun anew at the next start, and only times depend on it.
  const bool is_useless = !times && (times.error().kind == ErrorKind::Data || times.error().errnum == ENOENT);
  if (is_useless) return {};
  if (!times) return std::unexpected(times.error());
  return (*times)->has_former_id() ? (*times)->rename(log.id) : Status();
}

// Gives the present id to what has the former one.
Status rename_all(Os& os, const LogPaths& paths, const LogIds& log) {
  const Result<std::vector<std::string>> sinks = list_cursors(paths);
  if (!sinks) return std::unexpected(sinks.error());
  for (const std::string& sink : *sinks) {
    if (Status renamed = rename_cursor(os, paths, sink, log); !renamed) return renamed;
  }
  return rename_times(os, paths, log);
}

}  // namespace

Result<LogIds> give_new_identity(Os& os, const LogPaths& paths) {
  if (const Result<IndexReading> there = read_index(os, paths); !there) return std::unexpected(there.error());
  Result<LogIndex> index = LogIndex::open(os, paths, {});
  if (!index) return std::unexpected(std::move(index.error()));
  if (!index->record())
    return fail(ErrorKind::NoInput, about_file(PhraseId::GiveNewIdentity, paths.active()),
                PhraseId::IndexIsNew);
  IndexRecord record = *index->record();
  // After this, nothing has the id before the former one, which the index can't name any more.
  if (Status renamed = rename_all(os, paths, record.ids()); !renamed)
    return std::unexpected(std::move(renamed.error()));
  record.former_id = record.log_id;
  record.log_id = new_uuid();
  if (Status written = index->write(record, Durability::Synced); !written)
    return std::unexpected(std::move(written.error()));
  // What fails here is done when a sink, or slurper, opens the file.
  (void)rename_all(os, paths, record.ids());
  return record.ids();
}

}  // namespace slurper
