// Which rotated segments go.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/os.h"
#include "base/text.h"
#include "log/segment_name.h"
#include "slurper/result.h"

namespace slurper {

struct RetentionLimits {
  std::uint32_t keep_files = 0;  // rotated segments; 0: all
  ByteSize keep_size{0};         // bytes that they take as they are stored; 0: no limit
};

// The segments to remove, oldest first, so that the newest that are within both limits are left; what is left
// has no gap. `segments` are the rotated ones, sorted by base. Pure.
[[nodiscard]] std::vector<Segment> plan_retention(std::span<const Segment> segments,
                                                  const RetentionLimits& limits);

// The oldest segment of `segments`, which are sorted in the same way, both its files if it is there raw
// and compressed: for a disk that is full. Pure.
[[nodiscard]] std::vector<Segment> plan_room(std::span<const Segment> segments);

// What carry_out() did.
struct RetentionOutcome {
  std::vector<Segment> removed;
  std::size_t gone = 0;          // of the plan's, from the first on: removed, or not there any more
  std::optional<Error> failure;  // why the rest was left
};

// Removes the segments of `plan`, and makes that durable. Stops at the first failure: if a later segment
// went, an earlier one that stays would be cut off from the log.
[[nodiscard]] RetentionOutcome carry_out(Os& os, const LogPaths& paths, std::span<const Segment> plan);

}  // namespace slurper
