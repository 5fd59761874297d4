// At which unix(7) sockets the processes of a program listen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slurper {

// The absolute paths of the sockets at which processes with the command `command` (up to 15 bytes) listen, as
// far as this user may see their descriptors. A process in another mount namespace may mean another file by
// that path. Takes a walk over /proc: for the command line.
[[nodiscard]] std::vector<std::string> listening_sockets_of(std::string_view command);

}  // namespace slurper
