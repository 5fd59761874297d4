// Rate limit for messages that can be repeated often.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace slurper {

// Lets a few messages of one kind through, and then only some of them: a slurper that reads what a syslogd
// writes would otherwise feed on its own messages. Counts the refused messages; the next one that is let
// through reports how many there were. Pure: the caller passes the time, and nothing happens without a call.
class MessageLimit {
 public:
  using Clock = std::chrono::steady_clock;

  // `burst` messages in a `window`. While more arrive than that, the window doubles, up to an hour.
  MessageLimit(std::uint32_t burst, Clock::duration window)
      : burst_(burst), first_window_(window), window_(window) {}

  // Whether this message may be written. If so, returns how many were refused since the last that was let
  // through.
  std::optional<std::uint64_t> admit(Clock::time_point now);
  // The next admit() will refuse: this message may announce that.
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
