// LoopWatch: whether what a sink writes comes back to it, without a line of its own.
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

// For sinks into whose destination no probe may be written: a foreign line does not belong in a user's file.
// A line that a syslogd takes from there (rsyslog's imfile, logger(1)) and writes to the FIFO comes back as
// the message of another line, or, if it is only copied there, as it was. One such line proves nothing, nor
// do a thousand equal ones. So it is a loop only if kLines different lines of the last kRecent come back in
// their order, and that happens kTimes. What has a header of its own in it can't be the same by chance; a
// bare message counts only under another program's name: a job that logs the same lines every minute is no
// loop.
//
// One thread. Remembers by a hash of 64 bits, in a table of fixed size; nothing of it survives a crash.
class LoopWatch {
 public:
  static constexpr std::size_t kLines = 32;
  static constexpr int kTimes = 2;
  static constexpr std::uint64_t kRecent = 4096;  // lines

  // `line`, without its newline, is written for `record`.
  void wrote(std::string_view line, const Record& record);

  // Whether `record`, the next one of the log, closes the proof.
  [[nodiscard]] bool closes_loop(const Record& record);

  void forget();

 private:
  struct Line {
    std::uint64_t hash = 0;
    std::uint64_t number = 0;   // from 1
    std::uint64_t program = 0;  // hash of it, of a bare message
    std::uint64_t offset = 0;   // of its record: one that is delivered again has not come back
  };
  static constexpr std::size_t kSlots = 2 * kRecent;

  [[nodiscard]] Line recent(std::uint64_t hash) const;  // an empty one: none

  std::vector<Line> lines_ = std::vector<Line>(kSlots);  // by hash; a later one takes an earlier one's slot
  std::uint64_t written_ = 0;
  std::uint64_t last_back_ = 0;      // number of the line that came back last
  std::vector<std::uint64_t> back_;  // hashes of those that have come back in order
  int times_ = 0;
  bool writes_raw_ = false;  // lines as they came
};

// What such a sink ends with: Loop. `way` is what to take away.
[[nodiscard]] std::unexpected<Error> loop_error(std::string what, const Record& record, std::string_view way);

}  // namespace slurper
