// LoopWatch: detects that what a sink writes comes back to it, without writing a line of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "slurper/record.h"
#include "slurper/result.h"

namespace slurper {

// For a sink whose destination must not receive a probe: a foreign line does not belong in a user's file. A
// syslogd or a program (rsyslog's imfile, logger(1)) may take a line from there and write it to the FIFO. It
// then comes back as the message of another line, or unchanged if it is only copied. One such line proves
// nothing, and neither do a thousand equal ones. So it counts as a loop only if kLines different lines of
// the last kRecent come back in their order, and only if that happens kTimes. A line with a header of its
// own can't be equal by chance. A bare message counts only if it comes back under another program's name,
// because a job that logs the same lines every minute is not a loop.
//
// One thread uses it. It remembers lines by a 64-bit hash, in a table of fixed size; nothing of it survives
// a crash.
class LoopWatch {
 public:
  static constexpr std::size_t kLines = 32;
  static constexpr int kTimes = 2;
  static constexpr std::uint64_t kRecent = 4096;  // lines

  // Notes that `line`, without its newline, has been written for `record`.
  void wrote(std::string_view line, const Record& record);

  // Whether `record`, the next record of the log, completes the proof of a loop.
  [[nodiscard]] bool closes_loop(const Record& record);

  void forget();

 private:
  struct Line {
    std::uint64_t hash = 0;
    std::uint64_t number = 0;   // from 1
    std::uint64_t program = 0;  // hash of the program; bare messages only
    std::uint64_t offset = 0;   // of its record; a record that is delivered again has not come back
  };
  static constexpr std::size_t kSlots = 2 * kRecent;

  [[nodiscard]] std::uint64_t raw_hash(const Record& record);
  [[nodiscard]] Line recent(std::uint64_t hash) const;  // an empty Line if there is none

  std::vector<Line> lines_ = std::vector<Line>(kSlots);  // by hash; a later line takes an earlier one's slot
  std::uint64_t written_ = 0;
  std::uint64_t last_back_ = 0;      // number of the line that came back last
  std::vector<std::uint64_t> back_;  // hashes of the lines that have come back in order
  int times_ = 0;
  bool writes_raw_ = false;  // the sink writes lines unchanged
  struct {
    std::uint64_t offset = 0;
    std::uint64_t hash = 0;
  } last_raw_;  // the hash of a record as it is in the log
};

// The Loop error of a sink of which closes_loop() has found the last line that came back. `what` is what it
// did, and `advice` how to break the loop.
[[nodiscard]] std::unexpected<Error> lines_came_back(Phrase what, const Record& last, Phrase advice);

}  // namespace slurper
