// LockFile: a lock that only slurper's own user can take.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/fd.h"
#include "base/os.h"
#include "slurper/result.h"

namespace slurper {

// flock(2) needs a descriptor and no permission beyond that: whoever may read a file can hold its lock for
// ever. So what others may open is guarded by an empty file of mode 0600 beside it. The lock belongs to the
// descriptor and goes with the process, however that ends; the file stays, and is used again by the next one.
// Used by one thread at a time.
class LockFile {
 public:
  enum class AtRelease {
    Keep,    // the file stays
    Remove,  // it is removed by a release, though not by a crash: for names that may never come again
  };

  LockFile() = default;
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile() { release(); }

  // Makes the file at `path`, where there is none, and locks it. `for_user`: root gives a file that it makes
  // to this user, so that a slurper of that user can take the lock later; the file may belong to
  // this process's user or, for root, to that one, and to no other. `os` outlives it.
  // Errors: Busy (errnum EWOULDBLOCK: another process had it for longer than `patience`), NoPermission
  // (another user's file, or not to be opened), CantCreate (something else stands there), or what the errno
  // says.
  [[nodiscard]] static Result<LockFile> acquire(Os& os, std::string path, uid_t for_user,
                                                AtRelease at_release = AtRelease::Keep,
                                                std::chrono::milliseconds patience = kLockPatience);

  // Whether its file is still at its path: others may remove it, or replace its folder.
  [[nodiscard]] bool has_name() const;
  // The same lock, held by another descriptor, until both are released. Empty where no descriptor is to be
  // had.
  [[nodiscard]] LockFile share() const;

  explicit operator bool() const { return static_cast<bool>(fd_); }
  void release();

 private:
  LockFile(Os& os, UniqueFd fd, std::string path, AtRelease at_release)
      : os_(&os), fd_(std::move(fd)), path_(std::move(path)), at_release_(at_release) {}

  Os* os_ = nullptr;
  UniqueFd fd_;
  std::string path_;
  AtRelease at_release_ = AtRelease::Keep;
};

}  // namespace slurper
