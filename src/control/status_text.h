// Renders the snapshot as text: one line for each use.
#pragma once

#include <cstdint>
#include <string>

#include "control/snapshot.h"

namespace slurper {

// "THE LOG CAN'T BE WRITTEN: No space left on device; A SINK FAILS: 'mysink': …", or "all well".
[[nodiscard]] std::string to_text(const std::vector<ActiveAlert>& alerts);

// For the end of a start: "reading 'FIFO' (a pipe of 1.00MiB) into 'LOG' from offset 0".
[[nodiscard]] std::string to_start_text(const Snapshot& snapshot);

// For SIGUSR2: the whole snapshot, in one line, and a line for each sink.
[[nodiscard]] std::string to_status_text(const Snapshot& snapshot);

// For systemd's STATUS=: what `systemctl status` has room for.
[[nodiscard]] std::string to_status_line(const Snapshot& snapshot, std::uint64_t lines_per_second);

}  // namespace slurper
