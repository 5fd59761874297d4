// Finds the process that holds a flock(2).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "base/os.h"

namespace slurper {

// Another process that holds a flock(2) on the file at `path`, or has it open for writing if the kernel does
// not show its locks. Empty if no such process is visible: it may still exist, in another pid namespace or
// under another user. This process need not be allowed to open the file.
[[nodiscard]] std::optional<pid_t> flock_holder(const std::string& path);

// What is known of the process that blocks a lock on a file that others may open, too.
struct LockHolder {
  enum class Kind {
    Slurper,   // a slurper of root, of this process's user, or of the file's owner
    Stranger,  // any other program: it holds the lock, but does not do what the lock is for
    Unknown,   // undetermined: no process is visible
  };
  Kind kind = Kind::Unknown;
  pid_t pid = 0;             // 0: unknown
  std::string command = {};  // as in proc_pid_comm(5); empty: unknown

  [[nodiscard]] std::string text() const;  // "process 708 ('cat')", "another process"
};

// Finds the holder of the flock(2) on the file that `fd` has open in any mode, O_PATH included.
[[nodiscard]] LockHolder find_lock_holder(int fd);

// The outcome of claim_flock.
struct FlockClaim {
  int error = 0;  // -errno of flock(2); 0: acquired; -EWOULDBLOCK: `holder` has it
  LockHolder holder = {};

  [[nodiscard]] bool is_strangers() const { return error != 0 && holder.kind == LockHolder::Kind::Stranger; }
};

// Acquires flock(2), LOCK_EX, on a file that others may open, and so may lock: it is a hint to slurpers that
// know no other lock, such as older ones. Waits for a slurper that holds it, as lock_file does, and for a
// holder that can't be identified. Does not wait for a stranger, which does not stop the caller either.
[[nodiscard]] FlockClaim claim_flock(Os& os, int fd, std::chrono::milliseconds patience = kLockPatience);

}  // namespace slurper
