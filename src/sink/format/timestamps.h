// Writes timestamps as text.
#pragma once

#include <cstddef>

#include "slurper/record.h"

namespace slurper {

// Writes RFC 3339 in UTC, with 6 or 9 fractional digits: "2003-10-11T22:14:15.003000Z". Writes 27 or 30
// bytes and returns the end.
char* put_rfc3339(char* at, Timestamp time, int digits);

// Writes RFC 3164 in local time (see base/local_time.h): "Oct  1 22:14:15". Writes 15 bytes and returns the
// end.
char* put_bsd_time(char* at, Timestamp time);

inline constexpr std::size_t kMaxTimeText = 30;

}  // namespace slurper
