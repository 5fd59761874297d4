// Checks that the segments of a log hold each offset of its stream once.
#pragma once

#include "base/stream_offset.h"
#include "log/segment_name.h"
#include "log/verify.h"

namespace slurper {

// Compares the segments of `log`, which are known, with its index: between the first one's base and the log's
// end, each offset is in one segment, or the index has noted why it is in none. Adds what is wrong to the
// problems of `log`, and what the index explains to its notes. `active_base` is the base of the active
// segment, even if its file is missing. Pure.
void check_offsets(const LogPaths& paths, StreamOffset active_base, LogVerification& log);

}  // namespace slurper
