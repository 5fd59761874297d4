// The facts of one pipe or FIFO: which processes have it open, how, and what it holds.
#pragma once

#include <sys/types.h>
#include <algorithm>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "inspect/activity.h"
#include "inspect/kernel_pipes.h"
#include "inspect/pipe_fill.h"
#include "proc/open_descriptors.h"
#include "proc/opening_processes.h"
#include "proc/process_facts.h"
#include "slurper/result.h"

namespace slurper {

// A FIFO by its path, or what a process has open.
struct PipeTarget {
  std::string path;  // empty: the descriptor
  pid_t pid = 0;
  int fd = -1;
};

struct PipeHolder {
  OpenDescriptor open;
  std::string path;  // as this process sees it: in another mount namespace, another file may stand there
  Activity doing;
  bool is_slurper = false;  // its process reads the pipe as slurper does: by a descriptor that it has locked
  // Of slurper: the write end that it keeps open so that its reader meets no end-of-file. It never writes.
  bool is_keep_alive = false;
  // Descriptors with the same number are one open file: inherited, or passed over a socket. 0: unknown.
  std::size_t open_file = 0;
  // The process that it was inherited from, an ancestor that still has it open.
  std::optional<ProcessId> inherited_from;
};

struct PipeFacts {
  FileId id;
  std::string path;          // of a FIFO; empty if it has none here
  bool is_anonymous = true;  // made by pipe(2)
  mode_t mode = 0;
  uid_t owner = 0;
  gid_t group = 0;

  // What the kernel's own structures say, by BPF. Without it, the facts are from /proc.
  std::optional<KernelPipe> kernel;

  std::vector<PipeHolder> holders;              // by process, then by descriptor
  std::map<ProcessId, ProcessFacts> processes;  // of the holders
  std::vector<OpeningProcess> opening;
  std::vector<OpenDescriptor> of_replaced;  // of other FIFOs, which stood at this path before
  std::vector<pid_t> unseen;                // processes that may have it open, too
  bool others_hidden = false;
  bool is_by_root = false;  // the look itself

  FillAnswer fill;
  // Set if the pipe is full: whether nothing was taken from it for a fifth of a second.
  std::optional<bool> stands_still;

  std::uint64_t user_pages_soft = 0;  // /proc/sys/fs/pipe-user-pages-soft; 0: no limit, or unknown
  std::uint64_t max_size = 0;         // /proc/sys/fs/pipe-max-size; 0: unknown

  [[nodiscard]] bool complete() const { return unseen.empty() && !others_hidden; }
  // Open files of the pipe that no process has as a descriptor. One that waits in open(2) has a file already.
  [[nodiscard]] std::uint64_t unfound_readers() const {
    return kernel ? unfound(kernel->unfound_readers, Access::Read) : 0;
  }
  [[nodiscard]] std::uint64_t unfound_writers() const {
    return kernel ? unfound(kernel->unfound_writers, Access::Write) : 0;
  }

 private:
  [[nodiscard]] std::uint64_t unfound(std::uint64_t files, Access access) const {
    const auto waiting =
        static_cast<std::uint64_t>(std::ranges::count(opening, access, &OpeningProcess::access));
    return files - std::min(files, waiting);
  }
};

// Looks at a pipe without touching it: no byte moves, and no open, write or read of another process notices.
// By BPF if that is allowed, otherwise it takes as long as find_open_files(). A fifth of a second more if the
// pipe is full. Any thread may call it.
[[nodiscard]] Result<PipeFacts> look_at_pipe(const PipeTarget& target);

// All FIFOs that a process has open: no pipes of pipe(2). Without `opening` and `of_replaced`.
[[nodiscard]] std::vector<PipeFacts> look_at_fifos();

}  // namespace slurper
