// LogWriter's identity: the log's id and its lock, if others remove or replace the log's folder.
#include <fmt/format.h>

#include <utility>

#include "log/log_errors.h"
#include "log/log_writer.h"

namespace slurper {

// Others may have removed the index, alone or with the whole folder. slurper knows what it said, so it makes
// it again, with its lock, before anything else. An older copy of the index in its place gives way; another
// log's index never does.
Status LogWriter::follow_identity() {
  if (!index_.is_gone()) return {};
  Result<LogIndex> found = index_.open_again(paths_, {.mode = settings_.mode, .group = group_});
  if (!found) return std::unexpected(found.error());
  const Phrase what = about_file(PhraseId::WriteTheLog, paths_.active());
  if (const auto& record = found->record()) {
    if (record->log_id != record_.log_id) {
      return fail(ErrorKind::Data, what, {PhraseId::IndexOfOtherLog, {{"log", record->log_id}}});
    }
    if (record->session > record_.session) {
      return fail(ErrorKind::Data, what, PhraseId::IndexOfOtherSlurper);
    }
  }
  index_ = std::move(*found);
  folder_unsynced_ = true;
  synced_reserve_ = {};  // what the new file says of it is not on the disk yet
  findings_.emplace_back(PhraseId::IndexRecreated);
  feed_.renew();
  return write_index();
}

}  // namespace slurper
