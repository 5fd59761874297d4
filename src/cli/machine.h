// The machine as `slurper check` sees it: checks whether `slurper run` would work here. check_fifo.cc has
// what concerns the FIFO and its pipe, check_control.cc the control socket.
#pragma once

#include <string>

#include "base/settings.h"
#include "cli/finding.h"

namespace slurper {

// The machine to check. Paths in the settings are used unchanged; tests set `root` as a prefix for the
// system's own paths (/etc, /proc/sys).
struct Machine {
  std::string root;
  bool is_privileged = false;  // exempt from the limits on pipes: CAP_SYS_RESOURCE (pipe(7))
};

[[nodiscard]] Machine this_machine();

// Each of these checks with the ids of this process, opens no file, and changes nothing.
// Checks the configuration at `path` and its folder: whether this process can read all of it, and whether
// other users can change it.
[[nodiscard]] Findings check_configuration(const std::string& path);
[[nodiscard]] Findings check_fifo(const FifoSettings& settings);
// Checks whether anything writes into the FIFO: a process, or a syslogd, if its settings name it.
[[nodiscard]] Findings check_writers(const FifoSettings& settings, bool a_syslogd_names_it);
[[nodiscard]] Findings check_log(const LogSettings& settings);
[[nodiscard]] Findings check_ring(const Settings& settings);
// Checks whether slurper can listen at its control socket. Asks what listens there, if anything does.
[[nodiscard]] Findings check_control(const Settings& settings);
// Checks whether the text file of the metrics can be written.
[[nodiscard]] Findings check_textfile(const MetricsSettings& settings);
// Checks whether the FIFO can be watched: makes as many inotify instances as slurper needs, and closes them.
[[nodiscard]] Findings check_inotify();
[[nodiscard]] Findings check_pipe_limits(const Machine& machine, const FifoSettings& settings);

}  // namespace slurper
