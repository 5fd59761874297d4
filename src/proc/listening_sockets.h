// At which unix(7) sockets the processes of a program listen.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace slurper {

struct ListeningSockets {
  std::vector<std::string> paths;  // absolute
  std::size_t unseen = 0;          // processes of which this user may not see the descriptors
};

// The sockets at which processes with the command `command` (up to 15 bytes) listen. A process in another
// mount namespace may mean another file by that path. Takes a walk over /proc: for the command line.
[[nodiscard]] ListeningSockets listening_sockets_of(std::string_view command);

}  // namespace slurper
