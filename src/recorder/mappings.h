// What a process writes to through memory.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace slurper {

// The names of the files that are mapped into the process, shared, and to be written to, and of the queues of
// an io_uring: proc_pid_maps(5). Without shared memory that is no file. Each once; empty if /proc does not
// say.
[[nodiscard]] std::vector<std::string> written_mappings(pid_t pid);

}  // namespace slurper
