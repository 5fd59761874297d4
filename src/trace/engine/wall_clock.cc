#include "trace/engine/wall_clock.h"

namespace slurper {

void WallClock::begin() {
  offset_ = source_.offset();
  converter_.set_clock_offset(offset_);
}

void WallClock::look(std::uint64_t monotonic, const std::function<void()>& consume, std::string& out) {
  if (!source_.was_set()) return;
  consume();
  queue_.take_all(out);
  const std::int64_t before = offset_;
  begin();
  // In front of all events with times of the new clock, also of those that have begun earlier.
  converter_.add_clock_step(offset_ - before, monotonic);
  queue_.take_all(out);
}

}  // namespace slurper
