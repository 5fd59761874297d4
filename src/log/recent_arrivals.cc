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
  // The last mark that begins at or before the offset: mostly one of the newest, which are in the cache. So
  // the steps back from the end double until one is early enough.
  std::uint64_t high = count;  // this mark, if there is one, begins behind the offset
  std::uint64_t low = count;
  for (std::uint64_t step = 1; low == count || begin_of(low) > offset.value; step *= 2) {
    if (low == oldest) return std::nullopt;
    high = low;
    low = count - std::min(step, count - oldest);
  }
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (begin_of(middle) <= offset.value ? low : high) = middle;
  }
  Arrival arrival{.time = Clock::time_point(Clock::duration(at(low).time.load(std::memory_order_relaxed))),
                  .end = {}};
  if (high < count) arrival.end = StreamOffset{begin_of(high)};
  // The intake overwrites mark n with mark n + kPlaces, while the count is n + kPlaces. Nothing that was read
  // here is older than `oldest`.
  std::atomic_thread_fence(std::memory_order_acquire);
  if (count_.load(std::memory_order_relaxed) >= oldest + kPlaces) return std::nullopt;
  return arrival;
}

}  // namespace slurper
