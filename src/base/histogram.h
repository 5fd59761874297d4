// Histogram: how often something took how long.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slurper {

// The upper bounds of the buckets, inclusive; another bucket has what took longer. From the write of a line
// into RAM to a destination that is down for an hour.
inline constexpr std::array kHistogramBounds = {
    std::chrono::nanoseconds(std::chrono::microseconds(100)),
    std::chrono::nanoseconds(std::chrono::microseconds(250)),
    std::chrono::nanoseconds(std::chrono::microseconds(500)),
    std::chrono::nanoseconds(std::chrono::milliseconds(1)),
    std::chrono::nanoseconds(std::chrono::microseconds(2500)),
    std::chrono::nanoseconds(std::chrono::milliseconds(5)),
    std::chrono::nanoseconds(std::chrono::milliseconds(10)),
    std::chrono::nanoseconds(std::chrono::milliseconds(25)),
    std::chrono::nanoseconds(std::chrono::milliseconds(50)),
    std::chrono::nanoseconds(std::chrono::milliseconds(100)),
    std::chrono::nanoseconds(std::chrono::milliseconds(250)),
    std::chrono::nanoseconds(std::chrono::milliseconds(500)),
    std::chrono::nanoseconds(std::chrono::seconds(1)),
    std::chrono::nanoseconds(std::chrono::milliseconds(2500)),
    std::chrono::nanoseconds(std::chrono::seconds(5)),
    std::chrono::nanoseconds(std::chrono::seconds(10)),
    std::chrono::nanoseconds(std::chrono::seconds(30)),
    std::chrono::nanoseconds(std::chrono::minutes(1)),
    std::chrono::nanoseconds(std::chrono::minutes(5)),
    std::chrono::nanoseconds(std::chrono::hours(1)),
};
static_assert(std::ranges::is_sorted(kHistogramBounds));

// What a histogram has counted: buckets[i] took more than the bound before, and at most kHistogramBounds[i].
struct HistogramCounts {
  std::array<std::uint64_t, kHistogramBounds.size() + 1> buckets{};
  double seconds = 0;  // in all
  bool operator==(const HistogramCounts&) const = default;
};

// One thread observes; any thread reads the counts, at any time. Neither waits, locks or allocates. What a
// read finds of an observation that is being made may be a part of it.
class Histogram {
 public:
  // Counts `times` observations of `took`. A negative time counts as 0: clocks may be set back.
  void observe(std::chrono::nanoseconds took, std::uint64_t times = 1) {
    took = std::max(took, std::chrono::nanoseconds(0));
    const auto bucket =
        static_cast<std::size_t>(std::ranges::lower_bound(kHistogramBounds, took) - kHistogramBounds.begin());
    add(buckets_[bucket], times);
    add(seconds_, std::chrono::duration<double>(took).count() * static_cast<double>(times));
  }

  [[nodiscard]] HistogramCounts counts() const {
    HistogramCounts counts;
    std::ranges::transform(buckets_, counts.buckets.begin(),
                           [](const auto& bucket) { return bucket.load(std::memory_order_relaxed); });
    counts.seconds = seconds_.load(std::memory_order_relaxed);
    return counts;
  }

 private:
  // There is one writer, so this needs no locked instruction.
  template <typename Number>
  static void add(std::atomic<Number>& number, Number more) {
    static_assert(std::atomic<Number>::is_always_lock_free);
    number.store(number.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, kHistogramBounds.size() + 1> buckets_{};
  std::atomic<double> seconds_{0};
};

}  // namespace slurper
