// StreamOffset: a place in a log, counted in bytes since the log's creation.
#pragma once

#include <compare>
#include <cstdint>

#include "base/contract.h"

namespace slurper {

// Identifies a byte of a log for ever, whatever file it lies in. A type of its own, so that it can't be
// confused with an offset into a file or a number of bytes.
struct StreamOffset {
  std::uint64_t value = 0;

  auto operator<=>(const StreamOffset&) const = default;

  constexpr StreamOffset& operator+=(std::uint64_t bytes) {
    value += bytes;
    return *this;
  }
};

constexpr StreamOffset operator+(StreamOffset offset, std::uint64_t bytes) {
  return offset += bytes;
}

// The number of bytes in [earlier, later).
constexpr std::uint64_t operator-(StreamOffset later, StreamOffset earlier) {
  SLURPER_ASSERT(later >= earlier);
  return later.value - earlier.value;
}

}  // namespace slurper
