// The lock on a FIFO: no two slurpers may read the same one.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/lock_file.h"
#include "base/os.h"
#include "slurper/result.h"

namespace slurper {

// Where the folders for lock files may lie. All slurpers of a user must come to the same one, whatever their
// settings and their environment are: so these are the machine's, and only tests have others.
struct LockPlaces {
  std::string run = "/run";
  std::string shared_memory = "/dev/shm";
};

// The folder for the locks of FIFOs, made if it is missing. For this process's user the first that there is:
//   /run/slurper.locks           where it is this user's: tmpfiles.d makes it for the service
//   /run/slurper.locks-0         root's own
//   /run/user/UID/slurper.locks  a user's own, while that user is logged in
//   /dev/shm/slurper.locks-UID   otherwise
// Root, on a FIFO of the user `fifo_owner`, takes that user's /run/slurper.locks where it is there, so that a
// slurper that root starts by hand meets the service's. A folder of any other user is never used; one that
// others may write to is tightened. Errors: NoPermission, CantCreate, Io.
[[nodiscard]] Result<std::string> fifo_lock_folder(Os& os, uid_t fifo_owner, const LockPlaces& places = {});

// A FIFO's lock as it could be had.
struct FifoLock {
  LockFile file;     // empty: no folder for it was to be had, and `note` says why
  std::string note;  // for a warning; empty: all is well
};

// Locks the FIFO that `read_fd` is open on: by a lock file, named by device and inode, and by flock(2) on the
// FIFO itself. Whoever may write to the FIFO can hold that one, so it is only a hint, to slurpers that share
// no folder with this one, other users' and older ones: one that a slurper holds is respected, one that
// another program holds is noted. Both end with this process; the flock(2) with `read_fd`, too. `path` is for
// messages. Errors: Busy (another slurper reads it, for longer than `patience`), Io.
[[nodiscard]] Result<FifoLock> lock_fifo(Os& os, int read_fd, const std::string& path,
                                         std::chrono::milliseconds patience);

}  // namespace slurper
