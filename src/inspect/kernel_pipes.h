// KernelPipes: what the kernel's own structures say of pipes, by way of slurper-pipes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "proc/opening_processes.h"

namespace slurper {

struct KernelPipe {
  dev_t device = 0;  // of the file system: stat(2) shows another on some
  ino_t inode = 0;
  std::uint32_t slots = 0;                  // 0: no process has it open
  std::uint32_t slots_filled = 0;           // so far; wraps
  std::uint32_t slots_emptied = 0;          // so far; wraps
  std::optional<std::uint64_t> bytes = {};  // unknown of a very large pipe
  std::uint32_t readers = 0;                // open files, not descriptors
  std::uint32_t writers = 0;
  std::uint32_t unfound_readers = 0;  // of these, those that no process has as a descriptor
  std::uint32_t unfound_writers = 0;
  bool is_wanted = false;  // by the descriptor that KernelPipes::start() was given
  bool is_named = false;   // not made by pipe(2)

  [[nodiscard]] std::uint32_t slots_used() const { return slots_filled - slots_emptied; }
};

struct KernelDescriptor {
  std::uint64_t pipe = 0;       // its number in KernelLook::pipes
  std::uint64_t open_file = 0;  // descriptors with the same number share it
  pid_t pid = 0;
  pid_t tid = 0;  // of the main thread, or of one that has descriptors of its own
  int fd = -1;
  int flags = 0;     // as in open(2), with O_CLOEXEC
  std::string path;  // as in /proc/PID/fd
};

// A moment. Only FIFOs and the wanted pipe are in it.
struct KernelLook {
  std::map<std::uint64_t, KernelPipe> pipes;
  std::vector<KernelDescriptor> descriptors;
  std::vector<ThreadId> opening;  // threads that sleep in open(2) or a call like it, of whatever file

  [[nodiscard]] const KernelPipe* wanted() const;
};

// One answer of slurper-pipes. Empty unless `bytes` are whole records, with an end, whose values can be:
// it may be another version's, or have been cut off.
[[nodiscard]] std::optional<KernelLook> parse_kernel_look(std::string_view bytes);

// A slurper-pipes, which runs as long as this. Used by one thread.
class KernelPipes {
 public:
  // `target_fd`: of the wanted pipe, opened with O_PATH, which is no open of the pipe; -1: none is.
  [[nodiscard]] static std::optional<KernelPipes> start(int target_fd);
  KernelPipes(KernelPipes&& other) noexcept;
  KernelPipes& operator=(KernelPipes&&) = delete;
  ~KernelPipes();

  // Empty if BPF may not be used, or if no good answer comes in time: then none ever will. The first look
  // takes some 20 ms, those after it less than one. Without the descriptors of slurper-pipes itself.
  [[nodiscard]] std::optional<KernelLook> look();

 private:
  KernelPipes(pid_t pid, UniqueFd socket_fd) : pid_(pid), socket_fd_(std::move(socket_fd)) {}
  void ask();
  [[nodiscard]] std::optional<std::string> answer();

  pid_t pid_;
  UniqueFd socket_fd_;
  bool is_asked_ = false;
};

}  // namespace slurper
