// The machine as `slurper check` sees it: would `slurper run` work here?
#pragma once

#include <string>

#include "base/settings.h"
#include "cli/finding.h"

namespace slurper {

// The machine to look at. Paths in the settings are taken as they are; `root` stands before what belongs to
// the system (/etc, /proc/sys), for tests.
struct Machine {
  std::string root;
  bool is_privileged = false;  // not bound by the limits on pipes: CAP_SYS_RESOURCE (pipe(7))
};

[[nodiscard]] Machine this_machine();

// Each of these looks with the ids of this process, and neither opens nor changes anything.
[[nodiscard]] Findings check_configuration(const std::string& path);
[[nodiscard]] Findings check_fifo(const FifoSettings& settings);
// Whether anything writes into the FIFO: a process, or a syslogd, if its settings name it.
[[nodiscard]] Findings check_writers(const FifoSettings& settings, bool a_syslogd_names_it);
[[nodiscard]] Findings check_log(const LogSettings& settings);
[[nodiscard]] Findings check_ring(const Settings& settings);
// Whether the FIFO can be watched: makes as many inotify instances as slurper needs, and closes them.
[[nodiscard]] Findings check_inotify();
[[nodiscard]] Findings check_pipe_limits(const Machine& machine, const FifoSettings& settings);

}  // namespace slurper
