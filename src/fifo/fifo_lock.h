// The lock on a FIFO: it keeps two slurpers from reading the same FIFO.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/lock_file.h"
#include "base/os.h"
#include "slurper/result.h"

namespace slurper {

// The parents of the folders for lock files. All slurpers of a user must find the same folder, whatever their
// settings and environment are: so these paths are fixed for the machine, and only tests change them.
struct LockPlaces {
  std::string run = "/run";
  std::string shared_memory = "/dev/shm";
};

// The folder for the locks of FIFOs; creates it if it is missing. For this process's user, the first of these
// that is available:
//   /run/slurper.locks           if this user owns it: tmpfiles.d creates it for the service
//   /run/slurper.locks-0         for root
//   /run/user/UID/slurper.locks  for any other user, while that user is logged in
//   /dev/shm/slurper.locks-UID   otherwise
// If root opens a FIFO of the user `fifo_owner`, it uses that user's /run/slurper.locks if that exists, so
// that a slurper that root starts by hand meets the lock of the service. Never uses a folder of any other
// user. Tightens the mode of a folder that others may write to. Errors: NoPermission, CantCreate, Io.
[[nodiscard]] Result<std::string> fifo_lock_folder(Os& os, uid_t fifo_owner, const LockPlaces& places = {});

// A FIFO's lock, as far as slurper could acquire it.
struct FifoLock {
  LockFile file;              // empty: no folder for it is available, and `notes` has the reason
  std::vector<Phrase> notes;  // each is worth a warning
};

// Locks the FIFO that `read_fd` has open: with a lock file named by device and inode, and with flock(2) on
// the FIFO itself. Any process that may write to the FIFO can hold the flock(2), so that lock is only a hint,
// for slurpers that share no folder with this one: those of other users, and older ones. If a slurper holds
// it, it is respected; if another program holds it, that is noted. Both locks end with this process, and the
// flock(2) also with `read_fd`. `path` is for messages. Errors: Busy (another slurper reads it, for longer
// than `patience`), Io.
[[nodiscard]] Result<FifoLock> lock_fifo(Os& os, int read_fd, const std::string& path,
                                         std::chrono::milliseconds patience);

}  // namespace slurper
