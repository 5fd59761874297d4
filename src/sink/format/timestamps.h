// Times as they are written.
#pragma once

#include <cstddef>

#include "slurper/record.h"

namespace slurper {

// "2003-10-11T22:14:15.003000Z": RFC 3339, in UTC, 6 or 9 digits behind the point. Writes 27 or 30 bytes and
// returns the end.
char* put_rfc3339(char* at, Timestamp time, int digits);

// "Oct  1 22:14:15": RFC 3164, local time. Writes 15 bytes and returns the end. The zone's offset is kept for
// each thread and looked up again with each quarter of an hour, as zones change at these; a change of the
// machine's zone shows after that long.
char* put_bsd_time(char* at, Timestamp time);

inline constexpr std::size_t kMaxTimeText = 30;

}  // namespace slurper
