// The FIFO: opened so that no writer's going is ever an end of file.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/fd.h"
#include "base/os.h"
#include "base/settings.h"
#include "fifo/fifo_lock.h"
#include "slurper/result.h"

namespace slurper {

// Both ends of an open FIFO. While `keep_alive_fd`, a write end that is never written to, is open, read(2)
// never returns 0: fifo(7) knows an end of file only when the last writer is gone. It is locked, so that no
// second slurper reads the same FIFO (fifo_lock.h). Both ends are O_NONBLOCK and O_CLOEXEC.
// Nothing of it survives a crash; the pipe's contents do as long as anybody else has it open.
struct Fifo {
  FifoLock lock;  // first, so that it goes last
  UniqueFd read_fd;
  UniqueFd keep_alive_fd;
  dev_t device = 0;
  ino_t inode = 0;
  bool created = false;
  // Reads leave its time of last access as it was (O_NOATIME, which only its owner may set): who changes that
  // is another reader.
  bool hides_reads = false;
  std::uint64_t pipe_size = 0;             // bytes, as the kernel granted
  std::optional<Error> pipe_size_refusal;  // why it granted less than was asked for
};

// Whether open_fifo could make the missing FIFO: its folder is there, and may be written to. Makes nothing.
// Errors: CantCreate, NoPermission.
[[nodiscard]] Status can_create_fifo(const FifoSettings& settings);

// Opens settings.path, making it first where it is missing and settings.create says so. Nothing but a FIFO is
// ever opened or changed. Errors: NoInput (missing, or not a FIFO), CantCreate, NoPermission, Busy (another
// slurper, for longer than `lock_patience`).
[[nodiscard]] Result<Fifo> open_fifo(Os& os, const FifoSettings& settings,
                                     std::chrono::milliseconds lock_patience = kLockPatience);

// Whether a writer could write PIPE_BUF bytes right now (poll(2), POLLOUT): where not, one that does not wait
// gets EAGAIN.
[[nodiscard]] bool has_room(const Fifo& fifo);

// Whether no process has it open for writing any more. Only ever true without the keep-alive writer.
[[nodiscard]] bool writers_are_gone(const Fifo& fifo);

// Opens the keep-alive writer anew, of this very inode, whatever its path is now. Errors: NoPermission, Io.
[[nodiscard]] Status reopen_keep_alive(Os& os, Fifo& fifo);

}  // namespace slurper
