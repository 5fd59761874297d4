// LockFile: a lock that only slurper's own user can take.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/fd.h"
#include "base/os.h"
#include "slurper/result.h"

namespace slurper {

// flock(2) needs a descriptor and no other permission: any process that may read a file can hold its lock for
// ever. So an empty file of mode 0600 guards a file that others may open. The lock belongs to the descriptor
// and ends with the process, however that ends. The file stays, and the next process uses it again. Used by
// one thread at a time.
class LockFile {
 public:
  enum class AtRelease {
    Keep,    // the file stays
    Remove,  // a release removes the file, but a crash does not: for names that may never be used again
  };

  LockFile() = default;
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile() { release(); }

  // Creates the file at `path` if it is missing, and locks it. `for_user`: root makes this user the owner of
  // a file that it creates, so that a slurper of that user can lock it later. The file must belong to this
  // process's user or, for root, to `for_user`. `os` outlives it. Errors: Busy (errnum EWOULDBLOCK: another
  // process held it for longer than `patience`), NoPermission (another user's file, or it can't be opened),
  // CantCreate (something else stands there), or the kind of the errno.
  [[nodiscard]] static Result<LockFile> acquire(Os& os, std::string path, uid_t for_user,
                                                AtRelease at_release = AtRelease::Keep,
                                                std::chrono::milliseconds patience = kLockPatience);

  // Whether the file is still at its path: others may remove it, or replace its folder.
  [[nodiscard]] bool has_name() const;
  // The same lock, held by another descriptor, until both are released. Empty if no descriptor is left.
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
