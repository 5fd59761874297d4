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
#include "base/text.h"
#include "proc/lock_holder.h"

namespace slurper {

namespace {

constexpr const char* kName = "slurper.locks";
constexpr mode_t kWritableByOthers = 0022;

// Checks that the folder at `path` is `user`'s, and that others can't replace files in it. `make`: creates
// the folder if it is missing.
Status use_folder(Os& os, const std::string& path, uid_t user, bool make) {
  const std::string what = "use the folder for lock files " + in_quotes(path);
  if (make) {
    if (const int error = os.mkdir(path.c_str(), 0700); error < 0 && error != -EEXIST)
      return fail_errno(-error, "make the folder for lock files " + in_quotes(path));
  }
  const UniqueFd folder_fd(os.open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!folder_fd) return fail_errno(-folder_fd.get(), what);
  struct stat st{};
  if (const int error = os.fstat(folder_fd.get(), &st); error < 0) return fail_errno(-error, what);
  if (st.st_uid != user) {
    return fail(ErrorKind::NoPermission, what, "it belongs to " + the_user(st.st_uid));
  }
  if ((st.st_mode & kWritableByOthers) == 0) return {};
  if (user != ::geteuid()) return fail(ErrorKind::NoPermission, what, "others may write there");
  if (const int error = os.fchmod(folder_fd.get(), st.st_mode & 07777 & ~kWritableByOthers); error < 0)
    return fail_errno(-error, what);
  return {};
}

std::unexpected<Error> busy(const std::string& path, const std::string& who) {
  Error error = fail(ErrorKind::Busy, "read the FIFO " + in_quotes(path),
                     "another slurper reads it" + (who.empty() ? who : ": " + who),
                     fmt::format("Two readers would each get a part of the lines. fuser -v {} names it",
                                 in_quotes(path)))
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
  const std::string what = "lock the FIFO " + in_quotes(path);
  struct stat st{};
  if (const int error = os.fstat(read_fd, &st); error < 0) return fail_errno(-error, what);
  FifoLock lock;
  std::string lock_path;
  Result<LockFile> file = take_lock_file(os, st, patience, lock_path);
  if (file) {
    lock.file = std::move(*file);
  } else if (file.error().kind == ErrorKind::Busy) {
    const auto holder = flock_holder(lock_path);
    return busy(path, holder ? fmt::format("process {}", *holder) : "");
  } else {
    lock.note = fmt::format(
        "{}. slurper goes on: only flock(2) on the FIFO {} keeps a second slurper away now, and only from "
        "what "
        "it can see in /proc",
        file.error().message(), in_quotes(path));
  }

  const FlockClaim claim = claim_flock(os, read_fd, patience);
  if (claim.error == 0) return lock;
  if (claim.error != -EWOULDBLOCK) return fail_errno(-claim.error, what);
  if (!claim.is_strangers()) return busy(path, claim.holder.pid != 0 ? claim.holder.text() : "");
  if (!lock.note.empty()) lock.note += ". ";
  lock.note += fmt::format("{} holds a lock on the FIFO {}, and is no slurper: going on without that lock",
                           claim.holder.text(), in_quotes(path));
  return lock;
}

}  // namespace slurper
