// Computes local time, fast enough for every line.
#pragma once

#include <chrono>

namespace slurper {

// How far local time is ahead of UTC at `moment`. localtime_r(3) takes a lock and reads the environment, so
// each thread caches the offsets of a few quarters of an hour. After a change of the machine's zone, only
// quarters that are not cached yet show it. Any thread may call it.
[[nodiscard]] std::chrono::seconds local_offset(std::chrono::sys_seconds moment);

}  // namespace slurper
