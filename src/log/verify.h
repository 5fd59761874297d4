// Accounts for every byte of a log.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/os.h"
#include "base/stream_offset.h"
#include "log/cursor_format.h"
#include "log/log_index.h"
#include "log/segment_name.h"
#include "slurper/result.h"

namespace slurper {

// A segment that was read from its first byte to its last.
struct VerifiedSegment {
  enum class Kind { Raw, Compressed, Active };
  Kind kind = Kind::Raw;
  StreamOffset base;
  std::uint64_t bytes = 0;   // of the stream
  std::uint64_t stored = 0;  // of the file
  std::uint64_t lines = 0;   // newlines
  bool damaged = false;      // then `bytes` is what it should hold, and `lines` what could be read
};

// A sink's cursor that could be read, and is this log's.
struct VerifiedCursor {
  std::string sink;
  CursorRecord record;
  std::uint64_t behind = 0;  // bytes of the log that the sink has not delivered yet
};

struct LogVerification {
  std::optional<IndexRecord> index;
  std::optional<pid_t> writer;            // the process that has the log open for writing, if one is visible
  std::vector<VerifiedSegment> segments;  // by base; the active one last, if there is one
  StreamOffset end;                       // of the log: a ring's bytes continue there
  std::uint64_t unfinished_line_bytes = 0;  // after the last newline
  std::vector<VerifiedCursor> cursors;      // by name

  std::vector<Phrase> problems;  // what is missing, damaged, or contradicts something else
  std::vector<Phrase> notes;     // what is worth knowing, and as it should be
};

// Reads all of the log at `paths` and compares it with its index. Changes and locks nothing: it may be used
// on a log that is being written, whose bytes up to some moment after the call it accounts for. What a crash
// left and slurper's next start resolves is a note; damage is a problem, not a failure. Fails with NoInput
// if there is no log, and with NoPermission or Io if it can't be looked at.
[[nodiscard]] Result<LogVerification> verify_log(Os& os, const LogPaths& paths);

}  // namespace slurper
