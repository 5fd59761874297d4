// Finds the slurpers that run on this machine.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace slurper {

struct ControlSockets {
  std::vector<std::string> folders;  // that were searched
  std::size_t unseen = 0;            // slurpers of which this user may not see the sockets
  std::vector<std::string> paths;    // of slurpers that run or were killed; sorted, each once
};

// If $RUNTIME_DIRECTORY is set, the control sockets in it. Otherwise those in /run/slurper, /run/slurper-*
// and $XDG_RUNTIME_DIR/slurper, and all others at which processes named slurper listen, as far as this user
// may look at these.
[[nodiscard]] ControlSockets find_control_sockets();

}  // namespace slurper
