// Where a log begins and ends, for who does not write it.
#pragma once

#include "base/os.h"
#include "log/log_feed.h"
#include "log/log_ids.h"
#include "log/segment_name.h"
#include "slurper/result.h"

namespace slurper {

// A log as it was at one moment; it may be written meanwhile.
struct LogExtent {
  LogIds ids;
  StreamOffset begin;    // the oldest byte that is left
  StreamOffset end;      // where the next byte goes; what a ring still holds comes behind it
  ActiveSegment active;  // inode 0: there is none now
};

// Looks at the index and the files' sizes and reads no segment. Fails with NoInput if there is no log, and as
// read_index().
[[nodiscard]] Result<LogExtent> read_extent(Os& os, const LogPaths& paths);

}  // namespace slurper
