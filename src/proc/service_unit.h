// The processes of a unit of systemd, by its cgroup. No systemd is asked: it may be the one that is stuck.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace slurper {

// The unit's whole name: as for systemctl(1), `name` without a suffix is a service. Empty if it can be no
// unit's: it contains a slash, or is longer than a file's name.
[[nodiscard]] std::string unit_name(std::string_view name);

// The processes in the unit's cgroup and in those below it, of the system's systemd, not of a user's or a
// container's. Empty if the unit has none now, or does not exist. `mounts` is this process's mountinfo, see
// proc_pid_mountinfo(5).
[[nodiscard]] std::set<pid_t> processes_of_unit(const std::string& unit,
                                                const std::string& mounts = "/proc/self/mountinfo");

// The hierarchies of cgroups in which a systemd keeps its units: bit N for the one whose id is N in `groups`,
// see cgroups(7). That is version 2 (0), or the named hierarchy of version 1, or both.
[[nodiscard]] std::uint64_t unit_hierarchies(const std::string& groups = "/proc/self/cgroup");

}  // namespace slurper
