// What a call has read and written.
#pragma once

#include <cstdint>

#include "trace/model/model.h"

namespace slurper {

struct MovedBytes {
  std::uint64_t count = 0;
  std::int64_t from = kNoFd;  // the descriptor it was read from; -1: not known; kNoFd: it writes alone
  std::int64_t to = kNoFd;    // and was written to; both of splice(2) and its like
};

// Of the exit of a call.
[[nodiscard]] MovedBytes moved_bytes(const TraceEvent& exit);

}  // namespace slurper
