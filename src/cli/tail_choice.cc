#include "cli/tail_choice.h"

#include <algorithm>
#include <chrono>

namespace slurper {

namespace {

// A clock that is kept by NTP may be set back by less.
constexpr std::chrono::seconds kJump{1};

}  // namespace

bool TailChoice::is_within(Timestamp time) const {
  return (!times_.since || time >= *times_.since) && (!times_.until || time <= *times_.until);
}

bool TailChoice::may_have(const ArrivalTimes::Block& block) const {
  if (!block.time || times_.by_line) return true;
  return (!times_.since || *block.time + kMarkSpan > *times_.since) &&
         (!times_.until || *block.time <= *times_.until);
}

bool TailChoice::wants(const Record& record, const ArrivalTimes::Block& block) {
  if (times_.any()) {
    if (block.time && !times_.by_line) {
      if (!may_have(block)) return false;
    } else {
      if (const auto& time = record.header().timestamp) last_ = time;
      if (!last_) last_ = block.time;
      if (last_ && !is_within(*last_)) return false;
    }
  }
  return !filter_ || filter_->matches(record);
}

std::vector<OffsetRange> TailChoice::ranges(const ArrivalTimes& arrivals, OffsetRange whole,
                                            const Findings& findings) const {
  if (whole.begin == whole.end) return {};
  if (!times_.any() || times_.by_line) return {whole};
  std::vector<OffsetRange> ranges;
  std::optional<OffsetRange> unknown;
  std::optional<Timestamp> before;  // the time of the last block that has one
  bool had_before = false;          // whether that one is wanted
  bool is_first = true;
  const auto tell_unknown = [&] {
    if (unknown) findings.arrivals_unknown(*unknown);
    unknown.reset();
  };
  arrivals.for_each(whole.begin, whole.end, [&](const ArrivalTimes::Block& block) {
    const OffsetRange part{.begin = std::max(block.begin, whole.begin),
                           .end = std::min(block.end, whole.end)};
    const bool has = may_have(block);
    if (has && !ranges.empty() && ranges.back().end == part.begin) {
      ranges.back().end = part.end;
    } else if (has) {
      ranges.push_back(part);
    }
    if (block.time) {
      tell_unknown();
      if (std::exchange(is_first, false) && times_.since && *block.time > *times_.since)
        findings.begins_later();
      if (before && *before > *block.time + kJump && (has || had_before))
        findings.clock_set_back(block.begin, *before, *block.time);
      before = block.time;
      had_before = has;
    } else {
      unknown = {.begin = unknown ? unknown->begin : part.begin, .end = part.end};
      is_first = false;
    }
  });
  tell_unknown();
  return ranges;
}

bool TailChoice::needs_order(const ArrivalTimes& arrivals, const std::vector<OffsetRange>& ranges) const {
  if (!times_.any() || times_.by_line) return times_.any();
  bool needs = false;
  for (const OffsetRange& range : ranges)
    arrivals.for_each(range.begin, range.end,
                      [&](const ArrivalTimes::Block& block) { needs = needs || !block.time; });
  return needs;
}

}  // namespace slurper
