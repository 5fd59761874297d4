#include "control/rates.h"

#include <algorithm>

namespace slurper {

void Rates::keep(Clock::time_point now, const Count& count) {
  newest_ = (newest_ + 1) % kKept;
  times_[newest_] = now;
  counts_[newest_] = count;
  kept_ = std::min(kept_ + 1, kKept);
}

// Between two entries more than a second apart, nothing came after the first second: the count rose to that
// of the later one at once.
Rates::Count Rates::at(Clock::time_point time, const Count& count) const {
  Count later = count;
  for (std::size_t i = 0; i < kept_; ++i) {
    const std::size_t entry = (newest_ + kKept - i) % kKept;
    if (times_[entry] <= time) return times_[entry] + kSpacing <= time ? later : counts_[entry];
    later = counts_[entry];
  }
  return later;
}

Rates::Count Rates::over(std::chrono::seconds window, Clock::time_point now, const Count& count) const {
  const Clock::time_point oldest = times_[(newest_ + kKept - (kept_ - 1)) % kKept];
  const Clock::time_point from = std::max<Clock::time_point>(now - window, oldest);
  const Count before = at(from, count);
  const double seconds = std::max(std::chrono::duration<double>(now - from).count(), 1.0);
  const auto rate = [seconds](std::uint64_t counted) {
    return static_cast<std::uint64_t>(static_cast<double>(counted) / seconds + 0.5);
  };
  return {.bytes = rate(count.bytes - before.bytes), .lines = rate(count.lines - before.lines)};
}

}  // namespace slurper
