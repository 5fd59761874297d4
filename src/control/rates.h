// Rates: how much came within the last second and the last minutes.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slurper {

// Keeps what was counted at most once a second, for a quarter of an hour, and only while something comes: an
// idle slurper does not wake up for it. Pure: the caller passes the time. Allocates nothing. Belongs to one
// thread.
class Rates {
 public:
  using Clock = std::chrono::steady_clock;

  struct Count {
    std::uint64_t bytes = 0;
    std::uint64_t lines = 0;
  };

  explicit Rates(Clock::time_point begin) : times_{begin} {}

  // Call this before anything is counted: `now` has the count of everything up to this moment.
  void note(Clock::time_point now, const Count& count) {
    if (now - times_[newest_] >= kSpacing) keep(now, count);
  }
  // A second's average over the last `window`, at most kLongest, or over the time since the begin if that is
  // shorter.
  [[nodiscard]] Count over(std::chrono::seconds window, Clock::time_point now, const Count& count) const;

  static constexpr std::chrono::minutes kLongest{15};

 private:
  static constexpr std::chrono::seconds kSpacing{1};
  static constexpr std::size_t kKept = kLongest / kSpacing + 2;

  void keep(Clock::time_point now, const Count& count);
  [[nodiscard]] Count at(Clock::time_point time, const Count& count) const;

  std::array<Clock::time_point, kKept> times_;
  std::array<Count, kKept> counts_{};
  std::size_t newest_ = 0;
  std::size_t kept_ = 1;
};

}  // namespace slurper
