// Messages of what can happen again and again.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace slurper {

// Lets a few messages of one kind through, then one now and then: a slurper that reads what a syslogd writes
// would otherwise feed on its own. Whoever is refused counts; the next one that is let through says how many
// there were. Pure: time comes from outside, and nothing happens by itself.
class MessageLimit {
 public:
  using Clock = std::chrono::steady_clock;

  // `burst` messages in a `window`. While more come than that, the window doubles, up to an hour.
  MessageLimit(std::uint32_t burst, Clock::duration window)
      : burst_(burst), first_window_(window), window_(window) {}

  // Whether this one may be said. If so: how many were refused since the last that was let through.
  std::optional<std::uint64_t> admit(Clock::time_point now);
  // The next admit() will refuse: what is said now may announce it.
  [[nodiscard]] bool exhausted() const { return said_ == burst_; }

 private:
  std::uint32_t burst_;
  Clock::duration first_window_;
  Clock::duration window_;
  Clock::time_point window_end_;
  std::uint32_t said_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace slurper
