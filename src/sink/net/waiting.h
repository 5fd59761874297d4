// Waiting for a descriptor, for a time, and for slurper's end, whichever comes first.
#pragma once

#include <chrono>

namespace slurper {

using Deadline = std::chrono::steady_clock::time_point;

enum class Woken { Ready, TimedOut, Stopped };

// Until `fd` shows one of `events` or an error (poll(2)), or the deadline has passed, or `stop_fd` is
// readable: what is ready goes first, so that a stop never hides it. -1 for either: none. One thread.
[[nodiscard]] Woken wait_for(int fd, short events, Deadline deadline, int stop_fd);

}  // namespace slurper
