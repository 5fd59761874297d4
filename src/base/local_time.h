// Computes local time, fast enough for every line.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

#include "slurper/record.h"

namespace slurper {

// How far local time is ahead of UTC at `moment`. localtime_r(3) takes a lock and reads the environment, so
// each thread caches the offsets of a few quarters of an hour. After a change of the machine's zone, only
// quarters that are not cached yet show it. Any thread may call it.
[[nodiscard]] std::chrono::seconds local_offset(std::chrono::sys_seconds moment);

// The moments at which local clocks show a time: two, in the order of time, if a clock that is set back shows
// it twice. If clocks skip it, the one moment is converted as if they had not been set forward.
struct LocalMoments {
  std::array<std::chrono::sys_seconds, 2> at{};
  std::size_t count = 0;
};

// `local` is a local time, stored as if it were UTC.
[[nodiscard]] LocalMoments local_moments(std::chrono::sys_seconds local);

// "2026-11-30 12:00:00.123", local time. (fmt has its own ideas of which clocks are local, and they differ
// from version to version.)
[[nodiscard]] std::string local_time_text(Timestamp time);

}  // namespace slurper
