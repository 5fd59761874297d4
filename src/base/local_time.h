// Local time, fast enough for every line.
#pragma once

#include <chrono>

namespace slurper {

// How far local time is ahead of UTC at `moment`. localtime_r(3) takes a lock and reads the environment, so
// each thread keeps the offsets of a few quarters of an hour. A change of the machine's zone shows with a
// quarter that the thread does not know yet. Any thread.
[[nodiscard]] std::chrono::seconds local_offset(std::chrono::sys_seconds moment);

}  // namespace slurper
