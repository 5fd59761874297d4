// LogSnapshot: the files of a log at one moment, while slurper may be writing it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/os.h"
#include "log/log_index.h"
#include "log/segment_name.h"
#include "log/segment_reader.h"
#include "slurper/result.h"

namespace slurper {

// What the log's folder and index said at one moment, between two rotations.
struct LogSnapshot {
  Result<IndexReading> index;
  std::vector<Segment> rotated;
  std::vector<std::string> temporaries;
  std::optional<SegmentReader>
      active;  // open, so that a rotation can't take it away; its base is not known yet
  ino_t active_inode = 0;
  std::optional<pid_t> writer;  // the process that writes the log, if one is visible

  [[nodiscard]] std::optional<IndexRecord> record() const { return index ? index->record : std::nullopt; }
};

// Looks at the log until no rotation comes in between, for at most two seconds. Then the last look counts, if
// it was consistent. Locks nothing. Errors: Busy (the log was rotated all the time), NoInput, NoPermission,
// Io.
[[nodiscard]] Result<LogSnapshot> take_snapshot(Os& os, const LogPaths& paths);

}  // namespace slurper
