#include "log/log_index.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>

#include "log/log_errors.h"

namespace slurper {

namespace {

SlotFileWords words_of(const LogPaths& paths) {
  return {.file = "the log's index " + in_quotes(paths.index()),
          .slot = "an index slot",
          .locked = "the log " + in_quotes(paths.active()),
          .in_use = "is writing it",
          .in_use_advice = "One slurper writes a log: stop the other one, or name another log",
          .unusable_advice =
              "Move it away: slurper then makes a new one, with a new log id, from the "
              "segments that are there",
          .lock_path = paths.lock()};
}

}  // namespace

Result<IndexReading> read_index(Os& os, const LogPaths& paths) {
  const auto file = SlotFile::look(os, paths.index(), words_of(paths));
  if (!file) return std::unexpected(file.error());
  return file->read(&decode_index_slot);
}

Result<LogIndex> LogIndex::open(Os& os, const LogPaths& paths, const Access& access) {
  auto file = SlotFile::open(os, paths.index(), paths.directory(), access, words_of(paths));
  if (!file) return std::unexpected(std::move(file.error()));
  auto reading = file->read(&decode_index_slot);
  if (!reading) return std::unexpected(std::move(reading.error()));
  if (!file->lock_note().empty()) reading->damage.push_back(file->lock_note());
  return LogIndex(std::move(*file), std::move(*reading));
}

bool LogIndex::is_in_use(Os& os, const LogPaths& paths) {
  const UniqueFd index_fd(os.open(paths.index().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  return index_fd && os.flock(index_fd.get(), LOCK_SH | LOCK_NB) == -EWOULDBLOCK;
}

Result<LogIndex> LogIndex::open_again(const LogPaths& paths, const Access& access) const {
  auto file = file_.open_again(paths.directory(), access);
  if (!file) return std::unexpected(std::move(file.error()));
  auto reading = file->read(&decode_index_slot);
  if (!reading) return std::unexpected(std::move(reading.error()));
  return LogIndex(std::move(*file), std::move(*reading));
}

}  // namespace slurper
