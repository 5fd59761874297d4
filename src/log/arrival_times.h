// ArrivalTimes: when the bytes of a log came, for who does not write it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/os.h"
#include "log/log_ids.h"
#include "log/segment_name.h"
#include "log/times_file.h"

namespace slurper {

// The clock may have been set back between any two blocks, so a range of times is not a range of offsets: who
// looks for times looks at every block, which takes 50 ms for the log of a month. The file has 16 bytes for
// each half second in which bytes came.
//
// Used by one thread. Locks nothing; slurper may be writing the log.
class ArrivalTimes {
 public:
  // The bytes [begin, end) came from `time` on, within kMarkSpan. Without a time, when they came is unknown.
  struct Block {
    StreamOffset begin;
    StreamOffset end;  // kOpen in the last block: what comes next belongs to it until there is another
    std::optional<Timestamp> time;
    std::optional<Timestamp> next;  // of the block behind it
  };
  static constexpr StreamOffset kOpen{UINT64_MAX};

  // `os` outlives it.
  ArrivalTimes(Os& os, LogPaths paths, const LogIds& log) : os_(os), paths_(std::move(paths)), log_(log) {}

  // Looks at the file again: the times of bytes are in it before the log has the bytes. `last_write` is the
  // time of the last write to the log, if that is known: if it is much later than the last time in the file,
  // slurper could not write that, and when the last bytes came is unknown.
  void refresh(std::optional<Timestamp> last_write);

  [[nodiscard]] Block block_of(StreamOffset offset);
  // Calls `look` for each block that has bytes in [begin, end), in the order of the offsets.
  void for_each(StreamOffset begin, StreamOffset end, const std::function<void(const Block&)>& look) const;

 private:
  [[nodiscard]] std::optional<TimeMark> next_mark(std::uint64_t entry) const;

  Os& os_;
  const LogPaths paths_;
  const LogIds log_;
  std::shared_ptr<TimesFile> file_;  // empty: there is none that can be used
  std::optional<Timestamp> last_write_;
  std::vector<Block> known_;  // around the offset that was looked up last
};

}  // namespace slurper
