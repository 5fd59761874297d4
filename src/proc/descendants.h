// Finds the processes that a program started and left running.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace slurper {

struct Descendant {
  pid_t pid = 0;
  std::string command;  // up to 15 bytes, chosen by the process
};

struct Descendants {
  std::vector<Descendant> group;  // members of the program's process group, except its leader
  std::vector<Descendant> gone;   // members of another group or session
};

// Searches /proc for living members of the process group `leader`, and for processes that left the group but
// still have the environment that the program was started with: when a parent ends, every other trace is
// lost. `mark` ("NAME=value") stands in that environment and in no other. A process that has cleared its
// environment, or has the mark beyond the first 4 KiB, is not found. Zombies don't count. The caller must not
// have reaped the leader: otherwise the kernel may have given its pid, and so the group's, to another
// process. Takes about ten microseconds for each process on the machine. Any thread may call it.
[[nodiscard]] Descendants find_descendants(pid_t leader, const std::string& mark);

}  // namespace slurper
