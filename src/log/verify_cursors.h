// What the sinks' cursors say about a log.
#pragma once

#include <string>
#include <vector>

#include "log/cursor_file.h"
#include "log/verify.h"

namespace slurper {

// Cursors as they were at one moment.
struct CursorsSeen {
  struct One {
    std::string sink;
    Result<CursorReading> reading;
  };
  std::vector<One> cursors;
};

// To be called before the log is looked at: what a sink has, the log has had before.
[[nodiscard]] Result<CursorsSeen> inspect_cursors(Os& os, const LogPaths& paths);

// Holds the cursors against `log`, whose segments and end are known.
void check_cursors(Os& os, const LogPaths& paths, const CursorsSeen& seen, LogVerification& log);

}  // namespace slurper
