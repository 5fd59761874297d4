// TailChoice: which lines of a log are wanted.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/stream_offset.h"
#include "cli/tail_reader.h"
#include "log/arrival_times.h"
#include "record/record_fields.h"
#include "slurper/record.h"

namespace slurper {

struct OffsetRange {
  StreamOffset begin;
  StreamOffset end;
  bool operator==(const OffsetRange&) const = default;
};

// Times are those of arrival, or with `by_line` those in the lines: a line without one has that of the line
// before it. Arrival is known within kMarkSpan, so a line that came that close to a bound is wanted, too.
// If the arrival is unknown, the time in the line decides.
class TailChoice {
 public:
  struct Times {
    std::optional<Timestamp> since;
    std::optional<Timestamp> until;
    bool by_line = false;
    [[nodiscard]] bool any() const { return since || until; }
  };

  TailChoice(Times times, std::optional<RecordFilter> filter) : times_(times), filter_(std::move(filter)) {}

  [[nodiscard]] const Times& times() const { return times_; }
  [[nodiscard]] bool wants(const Record& record, const ArrivalTimes::Block& block);

  // What was found while ranges() looked at the times.
  struct Findings {
    // The clock was set back by more than a second, next to what is wanted.
    std::function<void(StreamOffset at, Timestamp before, Timestamp after)> clock_set_back;
    std::function<void(OffsetRange unknown)> arrivals_unknown;
    // What is wanted came before the oldest byte of the log, too.
    std::function<void()> begins_later;
  };
  // The parts of `whole` that may have lines that are wanted, in order. No time is taken as a proof that
  // those behind it are later.
  [[nodiscard]] std::vector<OffsetRange> ranges(const ArrivalTimes& arrivals, OffsetRange whole,
                                                const Findings& findings) const;
  // Whether lines of `ranges` must be read in their order, because the times in lines decide.
  [[nodiscard]] bool needs_order(const ArrivalTimes& arrivals, const std::vector<OffsetRange>& ranges) const;

 private:
  [[nodiscard]] bool may_have(const ArrivalTimes::Block& block) const;
  [[nodiscard]] bool is_within(Timestamp time) const;

  Times times_;
  std::optional<RecordFilter> filter_;
  std::optional<Timestamp> last_;  // the last time in a line
};

}  // namespace slurper
