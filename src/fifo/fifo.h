// The FIFO: opened so that read(2) never sees an end of file when a writer leaves.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/fd.h"
#include "base/os.h"
#include "base/settings.h"
#include "fifo/fifo_lock.h"
#include "slurper/result.h"

namespace slurper {

// Both ends of an open FIFO. While `keep_alive_fd`, a write end that slurper never writes to, is open,
// read(2) never returns 0: a FIFO reports an end of file only after its last writer has closed it (fifo(7)).
// A lock keeps a second slurper from reading the same FIFO (fifo_lock.h). Both ends are O_NONBLOCK and
// O_CLOEXEC. A crash loses all of this; the pipe's contents survive if another process has the pipe open.
struct Fifo {
  FifoLock lock;  // first, so that it is released last
  UniqueFd read_fd;
  UniqueFd keep_alive_fd;
  dev_t device = 0;
  ino_t inode = 0;
  bool created = false;
  // Reads leave the FIFO's access time unchanged (O_NOATIME, which only its owner may set): if the access
  // time changes, another process has read.
  bool hides_reads = false;
  std::uint64_t pipe_size = 0;             // bytes that the kernel granted
  std::optional<Error> pipe_size_refusal;  // why the kernel granted less than requested
};

// Whether open_fifo could create the missing FIFO: its folder exists and is writable. Creates nothing.
// Errors: CantCreate, NoPermission.
[[nodiscard]] Status can_create_fifo(const FifoSettings& settings);

// Opens settings.path. Creates the FIFO first if it is missing and settings.create is set. Never opens or
// changes anything but a FIFO. Errors: NoInput (missing, or not a FIFO), CantCreate, NoPermission, Busy
// (another slurper reads it, for longer than `lock_patience`).
[[nodiscard]] Result<Fifo> open_fifo(Os& os, const FifoSettings& settings,
                                     std::chrono::milliseconds lock_patience = kLockPatience);

// Whether a writer could write PIPE_BUF bytes right now (poll(2), POLLOUT). If not, a writer that does not
// wait gets EAGAIN.
[[nodiscard]] bool has_room(const Fifo& fifo);

// How many bytes writers can surely still write, by write(2) of up to a page each, before one of them gets
// EAGAIN or waits, if the pipe has the capacity `pipe_size` and holds `held` bytes. A pipe of N pages has N
// slots, and a write that does not fit into the rest of the last one takes a new one. So two neighbouring
// slots hold more than a page together, except the first, of which a reader may have left one byte: a pipe
// with less than (N - 1) / 2 pages in it can't be full (pipe(7); pipe_write() in the kernel's fs/pipe.c).
// Packets, and what splice(2) puts into a pipe, are not covered.
[[nodiscard]] std::uint64_t sure_room(std::uint64_t pipe_size, std::uint64_t held, std::uint64_t page);
// The same now; and at least a page if the kernel says that there is a free slot.
[[nodiscard]] std::uint64_t headroom(Os& os, const Fifo& fifo);

// Whether no process has it open for writing any more. True only while the keep-alive writer is closed.
[[nodiscard]] bool writers_are_gone(const Fifo& fifo);

// Reopens the keep-alive writer, on this very inode, whatever its path is now. Errors: NoPermission, Io.
[[nodiscard]] Status reopen_keep_alive(Os& os, Fifo& fifo);

}  // namespace slurper
