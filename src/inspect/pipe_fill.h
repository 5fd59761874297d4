// What a pipe holds, asked of the kernel through a descriptor of a process that has it open.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "inspect/kernel_pipes.h"
#include "proc/open_descriptors.h"

namespace slurper {

// A pipe has slots of a page each. A write that does not fit into the rest of the last page takes a new one,
// so a pipe can be full although half of its bytes are free: see fs/pipe.c of the kernel.
struct PipeFill {
  std::uint64_t capacity = 0;  // in bytes: F_GETPIPE_SZ
  std::uint64_t bytes = 0;     // FIONREAD
  // Whether a write of PIPE_BUF would not wait: POLLOUT. Unknown if only read ends could be asked.
  std::optional<bool> has_room = {};
  // Slots that are used, and that have been emptied so far. Only the kernel's own structures have these.
  std::optional<std::uint64_t> used = {};
  std::optional<std::uint64_t> emptied = {};

  [[nodiscard]] std::uint64_t slots() const;
  // Without `used`, known if the pipe is empty or full.
  [[nodiscard]] std::optional<std::uint64_t> slots_used() const;
  // No writer can write PIPE_BUF bytes. False if that is unknown.
  [[nodiscard]] bool is_full() const;
  [[nodiscard]] unsigned percent() const;  // of its bytes
};

struct FillAnswer {
  std::optional<PipeFill> fill;
  int errnum = 0;  // why there is none; 0: no process has the pipe open
};

// Asks through the first of `holders` whose descriptor of `pipe` can be copied (pidfd_getfd(2)). The copy is
// held for three calls only: while a copied read end exists, a writer whose reader has died gets no EPIPE.
// Never opens /proc/PID/fd/N, which would make a new reader or writer, and release a blocked open(2). Needs
// the right to trace the process.
[[nodiscard]] FillAnswer ask_fill(std::span<const OpenDescriptor> holders, const FileId& pipe);

// The same from the kernel's own structures, without a descriptor. Empty if it does not know the bytes.
[[nodiscard]] FillAnswer fill_of(const KernelPipe& pipe);

}  // namespace slurper
