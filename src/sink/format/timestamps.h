// Writes timestamps as text.
#pragma once

#include <cstddef>

#include "slurper/record.h"

namespace slurper {

// Writes RFC 3339 in UTC, with 6 or 9 fractional digits: "2003-10-11T22:14:15.003000Z". Writes 27 or 30
// bytes and returns the end.
char* put_rfc3339(char* at, Timestamp time, int digits);

// Writes RFC 3164 in local time: "Oct  1 22:14:15". Writes 15 bytes and returns the end. Each thread keeps
// the zone's offset and looks it up again every quarter of an hour, since zones change only at these times.
// If the machine's zone is changed, the new one takes effect after at most a quarter of an hour.
char* put_bsd_time(char* at, Timestamp time);

inline constexpr std::size_t kMaxTimeText = 30;

}  // namespace slurper
