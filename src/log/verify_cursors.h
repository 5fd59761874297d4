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

// Call this before the log is read: then what a sink has delivered is in the log.
[[nodiscard]] Result<CursorsSeen> inspect_cursors(Os& os, const LogPaths& paths);

// `phrase`, whose reason is why `error` happened; the error's advice, if it has one, comes first.
[[nodiscard]] Phrase caused_by(const Error& error, Phrase phrase);

// Compares the cursors with `log`, whose segments and end are known.
void check_cursors(Os& os, const LogPaths& paths, const CursorsSeen& seen, LogVerification& log);

}  // namespace slurper
