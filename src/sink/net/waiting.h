// Waits for a descriptor, a deadline or slurper's stop, whichever comes first.
#pragma once

#include <chrono>

namespace slurper {

using Deadline = std::chrono::steady_clock::time_point;

enum class Woken { Ready, TimedOut, Stopped };

// Waits until `fd` shows one of `events` or an error (poll(2)), the deadline has passed, or `stop_fd` is
// readable. A ready `fd` takes precedence, so that a stop never hides it. -1 for either descriptor: none.
// One thread.
[[nodiscard]] Woken wait_for(int fd, short events, Deadline deadline, int stop_fd);

}  // namespace slurper
