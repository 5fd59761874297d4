// What slurper and systemd tell each other: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace slurper {

// Whether a service manager wants to be told anything ($NOTIFY_SOCKET is set).
[[nodiscard]] bool systemd_listens();

// Lines of "KEY=value". Does nothing if no socket is set. Any thread.
void notify_systemd(const std::string& state);

// The same, with a copy of `fd`: FDSTORE=1. It is in systemd's hands when this returns, even if the process
// is killed at once.
void notify_systemd(const std::string& state, int fd);

// A descriptor that systemd gave to this process. `name`: FileDescriptorName= of the socket unit (without it
// the unit's own name), or FDNAME= of one that was stored.
struct PassedFd {
  std::string name;
  UniqueFd fd;
};

// Takes what was passed, once: the environment is cleared. Before the first thread starts.
[[nodiscard]] std::vector<PassedFd> take_passed_fds();

// WatchdogSec= of the unit: how long systemd waits for a WATCHDOG=1. Nothing where it does not.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_period();

}  // namespace slurper
