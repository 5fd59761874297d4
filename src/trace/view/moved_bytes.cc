#include "trace/view/moved_bytes.h"

#include <algorithm>

namespace slurper {

namespace {

// The calls that move bytes from one descriptor to another: enter types.
constexpr std::uint16_t kSplice = 166;
constexpr std::uint16_t kSendFile = 188;
constexpr std::uint16_t kCopyFileRange = 332;

}  // namespace

MovedBytes moved_bytes(const TraceEvent& exit) {
  MovedBytes moved;
  if (!exit.has_result() || exit.result() <= 0) return moved;
  const auto call = static_cast<std::uint16_t>(exit.raw.type - 1);
  if (call == kSplice || call == kSendFile || call == kCopyFileRange) {
    if (exit.enter == nullptr || exit.enter->type != call) return moved;
    const ScapEvent enter = exit.enter->event(exit.raw.tid);
    const auto first = enter.number<std::int64_t>(0);
    const auto second = enter.number<std::int64_t>(1);
    moved.from = call == kSendFile ? second : first;
    moved.to = call == kSendFile ? first : call == kSplice ? second : exit.raw.number<std::int64_t>(1);
  } else if (exit.shape->reads) {
    moved.from = std::max<std::int64_t>(exit.fd, -1);
  } else if (exit.shape->writes) {
    moved.to = std::max<std::int64_t>(exit.fd, -1);
  } else {
    return moved;
  }
  moved.count = static_cast<std::uint64_t>(exit.result());
  return moved;
}

}  // namespace slurper
