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
  const std::string what = "write the log " + in_quotes(paths_.active());
  if (const auto& record = found->record()) {
    if (record->log_id != record_.log_id) {
      return fail(ErrorKind::Data, what,
                  fmt::format("its index was replaced by that of another log, {}", format(record->log_id)),
                  "Put its own folder back, or name another log; what can't be written till then, 'slurper "
                  "recover' writes");
    }
    if (record->session > record_.session) {
      return fail(
          ErrorKind::Data, what, "its index was replaced by one with which another slurper has gone on",
          "Let one slurper write a log; what this one can't write any more, 'slurper recover' writes");
    }
  }
  index_ = std::move(*found);
  folder_unsynced_ = true;
  synced_reserve_ = {};  // what the new file says of it is not on the disk yet
  findings_.emplace_back("its index was gone, with its lock; they have been made again, with the same id");
  feed_.renew();
  return write_index();
}

}  // namespace slurper
