// Finds the processes that wait in open(2) for the other end of a FIFO: they have no descriptor yet.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "proc/open_descriptors.h"

namespace slurper {

struct OpeningProcess {
  ProcessId process;
  std::string command;  // as in proc_pid_comm(5)
  Access access = Access::None;
};

struct ThreadId {
  pid_t pid = 0;
  pid_t tid = 0;
};

// Those that this process may look at, with a thread that is in open(2), openat(2), openat2(2) or creat(2) of
// a path that leads to the file now, in the root and from the folder of that process. Opens nothing but for
// O_PATH, which no process notices. Does not wait for the file servers on that path, unless the folder itself
// is on one. Takes a few microseconds for each thread on the machine.
[[nodiscard]] std::vector<OpeningProcess> find_opening_processes(const FileId& fifo);

// The same, if it is known which threads are in such a call, sorted by process.
[[nodiscard]] std::vector<OpeningProcess> find_opening_processes(const FileId& fifo,
                                                                 std::span<const ThreadId> among);

}  // namespace slurper
