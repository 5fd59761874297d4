// What a process's cgroup says of where it belongs: a unit of systemd, a container.
#pragma once

#include <string>
#include <string_view>

namespace slurper {

struct ControlGroup {
  std::string unit;       // "rsyslog.service"; empty: it belongs to none
  std::string container;  // its name, or the first twelve digits of its id; empty: it is in none
};

// `text` is the process's cgroup file, see cgroups(7). Names are as systemd, Docker, Podman, containerd,
// CRI-O, Kubernetes and LXC write them. The unit is the innermost service, scope, socket or mount.
[[nodiscard]] ControlGroup parse_control_group(std::string_view text);

}  // namespace slurper
