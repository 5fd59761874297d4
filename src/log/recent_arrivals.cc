#include "log/recent_arrivals.h"

#include <algorithm>

namespace slurper {

void RecentArrivals::note(StreamOffset begin, Clock::time_point time) {
  const std::uint64_t count = count_.load(std::memory_order_relaxed);
  Mark& mark = marks_[count % kPlaces];
  // A reader that sees one of the next two stores also sees this count in find()'s last line, and knows that
  // the place was overwritten.
  std::atomic_thread_fence(std::memory_order_release);
  mark.begin.store(begin.value, std::memory_order_relaxed);
  mark.time.store(time.time_since_epoch().count(), std::memory_order_relaxed);
  count_.store(count + 1, std::memory_order_release);
}

std::optional<RecentArrivals::Arrival> RecentArrivals::find(StreamOffset offset) const {
  const std::uint64_t count = count_.load(std::memory_order_acquire);
  const std::uint64_t oldest = count - std::min<std::uint64_t>(count, kKept);
  const auto begin_of = [this](std::uint64_t number) {
    return at(number).begin.load(std::memory_order_relaxed);
  };
  // The last mark that begins at or before the offset.
  std::uint64_t low = oldest;
  for (std::uint64_t high = count; low < high;) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (begin_of(middle) <= offset.value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == oldest) return std::nullopt;
  Arrival arrival{
      .time = Clock::time_point(Clock::duration(at(low - 1).time.load(std::memory_order_relaxed))),
      .end = {}};
  if (low < count) arrival.end = StreamOffset{begin_of(low)};
  // The intake overwrites mark n with mark n + kPlaces, while the count is n + kPlaces. Nothing that was read
  // here is older than `oldest`.
  std::atomic_thread_fence(std::memory_order_acquire);
  if (count_.load(std::memory_order_relaxed) >= oldest + kPlaces) return std::nullopt;
  return arrival;
}

}  // namespace slurper
