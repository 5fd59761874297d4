#include "fifo/fifo_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "base/accounts.h"
#include "base/error.h"
#include "proc/lock_holder.h"

namespace slurper {

namespace {

constexpr const char* kName = "slurper.locks";
constexpr const char* kUnseenProcess = "a process that is not visible";
constexpr mode_t kWritableByOthers = 0022;

// Checks that the folder at `path` is `user`'s, and that others can't replace files in it. `make`: creates
// the folder if it is missing.
Status use_folder(Os& os, const std::string& path, uid_t user, bool make) {
  const Phrase what = about_file(PhraseId::UseLockFolder, path);
  if (make) {
    if (const int error = os.mkdir(path.c_str(), 0700); error < 0 && error != -EEXIST)
      return fail_errno(-error, about_file(PhraseId::MakeLockFolder, path));
  }
  const UniqueFd folder_fd(os.open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!folder_fd) return fail_errno(-folder_fd.get(), what);
  struct stat st{};
  if (const int error = os.fstat(folder_fd.get(), &st); error < 0) return fail_errno(-error, what);
  const bool is_writable_by_others = (st.st_mode & kWritableByOthers) != 0;
  if (st.st_uid != user || (is_writable_by_others && user != ::geteuid()))
    return fail(ErrorKind::NoPermission, what, {PhraseId::OwnedByOther, {{"user", the_user(st.st_uid)}}});
  if (!is_writable_by_others) return {};
  if (const int error = os.fchmod(folder_fd.get(), st.st_mode & 07777 & ~kWritableByOthers); error < 0)
    return fail_errno(-error, what);
  return {};
}

std::unexpected<Error> busy(const std::string& path, const std::string& process) {
  Error error = fail(ErrorKind::Busy, about_file(PhraseId::ReadFifo, path),
                     {PhraseId::ReadByAnotherSlurper, {{"process", process}, {"file", QuotedText{path}}}})
                    .error();
  error.errnum = EWOULDBLOCK;
  return std::unexpected(std::move(error));
}

// If no folder is available, or none has room, the flock(2) remains.
Result<LockFile> take_lock_file(Os& os, const struct stat& fifo, std::chrono::milliseconds patience,
                                std::string& path) {
  const Result<std::string> folder = fifo_lock_folder(os, fifo.st_uid);
  if (!folder) return std::unexpected(folder.error());
  path = fmt::format("{}/fifo-{}:{}-{}", *folder, major(fifo.st_dev), minor(fifo.st_dev), fifo.st_ino);
  struct stat st{};
  const uid_t user = os.lstat(folder->c_str(), &st) >= 0 ? st.st_uid : ::geteuid();
  return LockFile::acquire(os, path, user, LockFile::AtRelease::Remove, patience);
}

}  // namespace

Result<std::string> fifo_lock_folder(Os& os, uid_t fifo_owner, const LockPlaces& places) {
  const uid_t self = ::geteuid();
  std::string services = fmt::format("{}/{}", places.run, kName);
  if (use_folder(os, services, self, false)) return services;
  if (self == 0 && fifo_owner != 0 && use_folder(os, services, fifo_owner, false)) return services;

  std::vector<std::string> own;
  if (self == 0) {
    own.push_back(fmt::format("{}-0", services));
  } else {
    const std::string home = fmt::format("{}/user/{}", places.run, self);
    struct stat st{};
    if (os.lstat(home.c_str(), &st) >= 0 && S_ISDIR(st.st_mode) && st.st_uid == self)
      own.push_back(fmt::format("{}/{}", home, kName));
  }
  own.push_back(fmt::format("{}/{}-{}", places.shared_memory, kName, self));
  Status used;
  for (const std::string& folder : own) {
    used = use_folder(os, folder, self, true);
    if (used) return folder;
  }
  return std::unexpected(std::move(used.error()));
}

Result<FifoLock> lock_fifo(Os& os, int read_fd, const std::string& path, std::chrono::milliseconds patience) {
  const Phrase what = about_file(PhraseId::LockFifo, path);
  struct stat st{};
  if (const int error = os.fstat(read_fd, &st); error < 0) return fail_errno(-error, what);
  FifoLock lock;
  std::string lock_path;
  Result<LockFile> file = take_lock_file(os, st, patience, lock_path);
  if (file) {
    lock.file = std::move(*file);
  } else if (file.error().kind == ErrorKind::Busy) {
    const auto holder = flock_holder(lock_path);
    return busy(path, holder ? fmt::format("process {}", *holder) : kUnseenProcess);
  } else {
    lock.notes.push_back(
        {PhraseId::NoLockFile, {{"reason", as_phrase(file.error())}, {"file", QuotedText{path}}}});
  }

  const FlockClaim claim = claim_flock(os, read_fd, patience);
  if (claim.error == 0) return lock;
  if (claim.error != -EWOULDBLOCK) return fail_errno(-claim.error, what);
  if (!claim.is_strangers()) return busy(path, claim.holder.pid != 0 ? claim.holder.text() : kUnseenProcess);
  lock.notes.push_back(
      {PhraseId::StrangerHoldsLock, {{"process", claim.holder.text()}, {"file", QuotedText{path}}}});
  return lock;
}

}  // namespace slurper
