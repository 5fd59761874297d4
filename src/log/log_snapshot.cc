#include "log/log_snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"
#include "proc/lock_holder.h"

namespace slurper {

namespace {

// A rotation takes two syncs of a disk that may be busy.
constexpr int kLooks = 100;
constexpr auto kBetweenLooks = std::chrono::milliseconds(20);

// The inode at the log's path; 0 if no file is there.
Result<ino_t> active_inode(Os& os, const LogPaths& paths) {
  const Phrase what = about_file(PhraseId::VerifyLog, paths.active());
  struct stat st{};
  const int result = os.lstat(paths.active().c_str(), &st);
  if (result == -ENOENT) return 0;
  if (result < 0) return fail_errno(-result, what);
  if (!S_ISREG(st.st_mode))
    return fail(ErrorKind::NoInput, what, not_a_regular_file(paths.active(), st.st_mode),
                PhraseId::NameTheLogItself);
  return st.st_ino;
}

std::optional<pid_t> writer_of(Os& os, const LogPaths& paths) {
  if (const auto writer = flock_holder(paths.lock())) return writer;
  // An older slurper locks the index itself. Any reader could do that, too.
  const UniqueFd index_fd(os.open(paths.index().c_str(), O_PATH | O_NOFOLLOW));
  if (!index_fd) return std::nullopt;
  const LockHolder holder = find_lock_holder(index_fd.get());
  return holder.kind == LockHolder::Kind::Slurper ? std::optional(holder.pid) : std::nullopt;
}

// Whether nothing is half done, as it may be while the log is being written: a rotation, of which the index
// still names the old base, or a write to one of the index's slots.
bool is_settled(const LogSnapshot& snapshot) {
  if (!snapshot.writer) return true;
  if (!snapshot.index || !snapshot.index->damage.empty()) return false;
  const std::optional<IndexRecord> record = snapshot.record();
  if (!record) return true;
  if (snapshot.active_inode != 0 && snapshot.active_inode != record->active_inode) return false;
  const StreamOffset base = record->active_base;
  return std::ranges::none_of(snapshot.rotated, [&](const Segment& segment) { return segment.base == base; });
}

std::uint64_t sequence_of(const Result<IndexReading>& index) {
  return index && index->record ? index->record->sequence : 0;
}

// Looks once. Returns nothing if a rotation came in between.
Result<std::optional<LogSnapshot>> look_once(Os& os, const LogPaths& paths) {
  LogSnapshot snapshot;
  snapshot.index = read_index(os, paths);
  const auto inode = active_inode(os, paths);
  if (!inode) return std::unexpected(inode.error());
  if (*inode != 0) {
    auto active = SegmentReader::open(
        os, {.base = {}, .path = paths.active(), .stored = 0, .compressed = false, .mtime = {}});
    if (active) {
      snapshot.active = std::move(*active);
    } else if (active.error().errnum == ENOENT) {
      return std::nullopt;
    } else {
      return std::unexpected(std::move(active.error()));
    }
  }
  auto rotated = list_segments(os, paths);
  if (!rotated) return std::unexpected(std::move(rotated.error()));
  auto temporaries = list_temporaries(paths);
  if (!temporaries) return std::unexpected(std::move(temporaries.error()));

  // If the same file was at the log's path before and after, the folder was read between two rotations.
  const auto inode_after = active_inode(os, paths);
  if (!inode_after) return std::unexpected(inode_after.error());
  if (*inode_after != *inode || sequence_of(read_index(os, paths)) != sequence_of(snapshot.index))
    return std::nullopt;

  snapshot.active_inode = *inode;
  snapshot.rotated = std::move(*rotated);
  snapshot.temporaries = std::move(*temporaries);
  snapshot.writer = writer_of(os, paths);
  return snapshot;
}

}  // namespace

Result<LogSnapshot> take_snapshot(Os& os, const LogPaths& paths) {
  for (int looks = 1;; ++looks) {
    auto looked = look_once(os, paths);
    if (!looked) return std::unexpected(std::move(looked.error()));
    std::optional<LogSnapshot>& snapshot = *looked;
    if (snapshot && (looks >= kLooks || is_settled(*snapshot))) return std::move(*snapshot);
    if (looks >= kLooks)
      return fail(ErrorKind::Busy, about_file(PhraseId::VerifyLog, paths.active()),
                  PhraseId::RotatedAllTheTime);
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

}  // namespace slurper
