// Finds the processes that wait in open(2) for the other end of a FIFO: they have no descriptor yet.
#pragma once

#include <string>
#include <vector>

#include "proc/open_descriptors.h"

namespace slurper {

struct OpeningProcess {
  ProcessId process;
  std::string command;  // as in proc_pid_comm(5)
  Access access = Access::None;
};

// Those that this process may look at, with a thread that is in open(2), openat(2), openat2(2) or creat(2) of
// a path that leads to the file now. Opens nothing: it compares what stat(2) says of the path in the mount
// namespace and the folder of that process. Takes a few microseconds for each thread on the machine.
[[nodiscard]] std::vector<OpeningProcess> find_opening_processes(const FileId& fifo);

}  // namespace slurper
