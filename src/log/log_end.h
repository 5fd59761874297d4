// Where a log continues after a start: what its end says, held against what else is known of it.
#pragma once

#include <cstdint>

#include "base/stream_offset.h"

namespace slurper {

// A log that was last written in an earlier boot of the machine.
struct RebootFacts {
  StreamOffset base;  // of the active segment
  StreamOffset end;   // of what its file holds
  StreamOffset
      reserved;  // in the index: no byte at or beyond it was ever written; after a clean stop, the end
  bool at_line_start = true;  // the log ends with a whole line, or the active segment is empty
};

enum class AfterReboot {
  Complete,  // nothing was lost
  Appended,  // it was closed at `reserved`, and another process has written to its file since
  MayLack,   // what was written up to `reserved` and not synced may be lost: none of its offsets is given out
             // again
};

// Pure. A torn last line has been ended with a newline if the result is not Appended: see `at_line_start`.
[[nodiscard]] AfterReboot classify_reboot(const RebootFacts& facts);

// A log whose ring of this boot was taken over. The ring knows that the log was written up to `tail`, and
// holds the `pending` bytes that come next, of which the last process may have written some without noting
// it.
struct EndFacts {
  StreamOffset base;  // of the active segment
  StreamOffset end;   // of what its file holds
  StreamOffset tail;
  std::uint64_t pending = 0;
  bool restored = false;  // the log came back from a backup

  // The costly facts. They are asked for only if classify_end() depends on them.
  std::uint64_t written_of_pending = 0;  // how many of `pending` stand in the log at `tail`: end > tail
  bool begins_pending = false;           // the active segment holds the first bytes of `pending` and no other
};

enum class LogEnd {
  Noted,           // at `tail`
  WrittenInPart,   // behind `tail`, and all of it are the bytes of `pending`
  Polluted,        // behind them are another process's bytes, in the active segment
  PollutedBefore,  // the same, in the file that was the active segment until others moved it away

  Restored,     // before `tail`: the log is an old copy
  Restarted,    // its file was cut to nothing, and the last process wrote the first bytes of `pending` to it
  CutToAPart,   // its file was cut, or replaced: what it holds is not what follows `tail`
  CutToNothing  // its file was cut, and is empty
};

// Whether `begins_pending` counts.
[[nodiscard]] bool may_be_restarted(const EndFacts& facts);

// Pure.
[[nodiscard]] LogEnd classify_end(const EndFacts& facts);

}  // namespace slurper
