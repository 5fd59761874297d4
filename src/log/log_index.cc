#include "log/log_index.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>

#include "base/error.h"

namespace slurper {

namespace {

SlotFileNames names_of(const LogPaths& paths) {
  return {.file = about_file(PhraseId::TheLogsIndex, paths.index()),
          .locked = about_file(PhraseId::TheLog, paths.active()),
          .in_use = PhraseId::IndexInUse,
          .unusable_advice = PhraseId::MoveIndexAway,
          .lock_path = paths.lock()};
}

}  // namespace

Result<IndexReading> read_index(Os& os, const LogPaths& paths) {
  const auto file = SlotFile::look(os, paths.index(), names_of(paths));
  if (!file) return std::unexpected(file.error());
  return file->read(&decode_index_slot);
}

Result<LogIndex> LogIndex::open(Os& os, const LogPaths& paths, const Access& access) {
  auto file = SlotFile::open(os, paths.index(), paths.directory(), access, names_of(paths));
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
