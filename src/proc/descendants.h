// What a program has started, and left running.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace slurper {

struct Descendant {
  pid_t pid = 0;
  std::string command;  // up to 15 bytes, of the process's own choosing
};

struct Descendants {
  std::vector<Descendant> group;  // of the program's process group, but not its leader
  std::vector<Descendant> gone;   // in another group or session
};

// Looks through /proc for what lives of the process group `leader`, and for what has left that and still has
// the environment that the program was started with: a parent's end takes every other trace away. `mark`
// ("NAME=value") stands in that environment and in no other; a process that has cleared its own, or has it
// beyond the first 4 KiB, is not found. Zombies don't count. The caller must not have reaped the leader: its
// pid, and so the group's, could be another's. Takes some ten microseconds for each process on the machine.
// Any thread.
[[nodiscard]] Descendants find_descendants(pid_t leader, const std::string& mark);

}  // namespace slurper
