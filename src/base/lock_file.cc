#include "base/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/accounts.h"
#include "base/error.h"
#include "base/file_kind.h"
#include "base/text.h"

namespace slurper {

namespace {

constexpr int kAttempts = 10;
constexpr mode_t kMode = 0600;
constexpr mode_t kOthers = 0077;

// -EAGAIN: it was removed between the two calls.
int open_or_create(Os& os, const std::string& path) {
  const int created_fd = os.open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, kMode);
  if (created_fd != -EEXIST) return created_fd;
  const int fd = os.open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  return fd == -ENOENT ? -EAGAIN : fd;
}

bool has_name(Os& os, const std::string& path, const struct stat& st) {
  struct stat named{};
  return os.lstat(path.c_str(), &named) >= 0 && named.st_dev == st.st_dev && named.st_ino == st.st_ino;
}

// Checks the open file before it changes anything: in a folder that another user may write to, any file could
// stand there under this name.
Status make_private(Os& os, int fd, const struct stat& st, const std::string& path, uid_t for_user) {
  const Phrase what = about_file(PhraseId::UseLockFile, path);
  const uid_t self = ::geteuid();
  if (!S_ISREG(st.st_mode))
    return fail(ErrorKind::CantCreate, what, not_a_regular_file(path, st.st_mode), PhraseId::MoveItAway);
  if (st.st_uid != self && !(self == 0 && st.st_uid == for_user)) {
    return fail(ErrorKind::NoPermission, what, {PhraseId::OwnedByOther, {{"user", the_user(st.st_uid)}}},
                PhraseId::RemoveIt);
  }
  if (st.st_size != 0 || st.st_nlink != 1) return {};  // perhaps another file's second name
  if (self == 0 && st.st_uid != for_user) {
    if (const int error = os.fchown(fd, for_user, static_cast<gid_t>(-1)); error < 0)
      return fail_errno(-error, what);
  }
  if ((st.st_mode & kOthers) != 0) {
    if (const int error = os.fchmod(fd, kMode); error < 0) return fail_errno(-error, what);
  }
  return {};
}

std::unexpected<Error> cannot_open(Os& os, int errnum, const std::string& path) {
  Error error = fail_to_open(errnum, path, about_file(PhraseId::OpenLockFile, path)).error();
  if (errnum == ELOOP) {
    error.kind = ErrorKind::CantCreate;
    error.advice = PhraseId::RemoveTheLink;
  }
  struct stat st{};
  if (errnum == EACCES && os.lstat(path.c_str(), &st) >= 0) {
    error.why = {PhraseId::ErrnoOfOther, {{"errno", Errno{errnum}}, {"user", the_user(st.st_uid)}}};
  }
  return std::unexpected(std::move(error));
}

}  // namespace

LockFile::LockFile(LockFile&& other) noexcept
    : os_(other.os_),
      fd_(std::move(other.fd_)),
      path_(std::move(other.path_)),
      at_release_(other.at_release_) {}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  if (this == &other) return *this;
  release();
  os_ = other.os_;
  fd_ = std::move(other.fd_);
  path_ = std::move(other.path_);
  at_release_ = other.at_release_;
  return *this;
}

bool LockFile::has_name() const {
  struct stat st{};
  return fd_ && os_->fstat(fd_.get(), &st) >= 0 && slurper::has_name(*os_, path_, st);
}

LockFile LockFile::share() const {
  UniqueFd fd(os_->fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd) return {};
  return LockFile(*os_, std::move(fd), path_, at_release_);
}

// The file is removed while it is still locked: a process that waits for the lock checks the name once it has
// it.
void LockFile::release() {
  if (fd_ && at_release_ == AtRelease::Remove) {
    struct stat st{};
    if (os_->fstat(fd_.get(), &st) >= 0 && slurper::has_name(*os_, path_, st))
      (void)os_->unlink(path_.c_str());
  }
  fd_.reset();
}

Result<LockFile> LockFile::acquire(Os& os, std::string path, uid_t for_user, AtRelease at_release,
                                   std::chrono::milliseconds patience) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    UniqueFd fd(open_or_create(os, path));
    if (fd.get() == -EAGAIN) continue;
    if (!fd) return cannot_open(os, -fd.get(), path);
    struct stat st{};
    if (const int error = os.fstat(fd.get(), &st); error < 0)
      return fail_errno(-error, about_file(PhraseId::UseLockFile, path));
    if (Status made = make_private(os, fd.get(), st, path, for_user); !made)
      return std::unexpected(std::move(made.error()));
    if (const int error = lock_file(os, fd.get(), patience); error < 0) {
      Error failure = fail_errno(-error, about_file(PhraseId::LockTheFile, path)).error();
      if (error == -EWOULDBLOCK) failure.kind = ErrorKind::Busy;
      return std::unexpected(std::move(failure));
    }
    // A lock on a file without a name keeps no process out.
    if (slurper::has_name(os, path, st)) return LockFile(os, std::move(fd), std::move(path), at_release);
  }
  return fail(ErrorKind::Io, about_file(PhraseId::LockTheFile, path), PhraseId::ReplacedAllTheTime);
}

}  // namespace slurper
