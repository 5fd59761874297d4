// Messages and descriptors between slurper and systemd: sd_notify(3), sd_listen_fds(3),
// sd_watchdog_enabled(3).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace slurper {

// Whether a service manager listens ($NOTIFY_SOCKET is set).
[[nodiscard]] bool systemd_listens();

// Sends lines of "KEY=value". Does nothing if no socket is set. Any thread may call it.
void notify_systemd(const std::string& state);

// Does the same, with a copy of `fd`: FDSTORE=1. When this returns, systemd holds the copy, even if the
// process is killed at once.
void notify_systemd(const std::string& state, int fd);

// A descriptor that systemd passed to this process. `name`: FileDescriptorName= of the socket unit (by
// default the unit's name), or FDNAME= of a stored descriptor.
struct PassedFd {
  std::string name;
  UniqueFd fd;
};

// Takes the passed descriptors, once: it clears the environment. Call it before the first thread starts.
[[nodiscard]] std::vector<PassedFd> take_passed_fds();

// WatchdogSec= of the unit: how long systemd waits for a WATCHDOG=1. Empty if the unit has no watchdog.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_period();

}  // namespace slurper
