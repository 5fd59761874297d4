// Who holds a flock(2).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "base/os.h"

namespace slurper {

// Another process that holds a flock(2) on the file at `path`, or has it open for writing where the kernel
// does not show its locks. Nothing where none is to be seen: it may be there nevertheless, in another pid
// namespace or another user's. The file need not be one that this process may open.
[[nodiscard]] std::optional<pid_t> flock_holder(const std::string& path);

// What is known of the process in the way of a lock on a file that others may open, too.
struct LockHolder {
  enum class Kind {
    Slurper,   // a slurper of root's, of this process's user, or of the file's owner
    Stranger,  // anything else: it holds the lock, and does not do what the lock is for
    Unknown,   // it can't be told: no process is to be seen
  };
  Kind kind = Kind::Unknown;
  pid_t pid = 0;             // 0: not known
  std::string command = {};  // as proc_pid_comm(5) has it; empty: not known

  [[nodiscard]] std::string text() const;  // "process 708 ('cat')", "another process"
};

// Who holds the flock(2) on the file that `fd` is open on, in whatever way (O_PATH, too).
[[nodiscard]] LockHolder find_lock_holder(int fd);

// The outcome of claim_flock.
struct FlockClaim {
  int error = 0;  // -errno of flock(2); 0: it is taken; -EWOULDBLOCK: `holder` has it
  LockHolder holder = {};

  [[nodiscard]] bool is_strangers() const { return error != 0 && holder.kind == LockHolder::Kind::Stranger; }
};

// flock(2), LOCK_EX, on a file that others may open, too, and so may lock: a hint to slurpers that know no
// other lock, such as older ones. A slurper that has it is waited for, as lock_file does, and so is
// a holder that can't be told; a stranger is not, and does not keep the caller from going on.
[[nodiscard]] FlockClaim claim_flock(Os& os, int fd, std::chrono::milliseconds patience = kLockPatience);

}  // namespace slurper
