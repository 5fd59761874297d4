// ReadCoalescer: one read for many lines.
#pragma once

#include <chrono>
#include <cstdint>

namespace slurper {

// Decides how long to let lines gather in the pipe before the next read. A wake-up costs more than a line,
// and a timed sleep costs more than a wake-up, so it pauses only while a pause brings several lines. It reads
// no clock: the caller passes the time.
class ReadCoalescer {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ReadCoalescer(std::uint64_t pipe_size);

  // Call this when the intake has read `bytes` at `now`. Returns the pause before its next read; 0: wait
  // until the FIFO is readable.
  [[nodiscard]] std::chrono::microseconds after_read(std::uint64_t bytes, Clock::time_point now);
  // Call this when the pipe was empty.
  void nothing_came() { gathering_ = false; }

 private:
  std::uint64_t target_;                 // bytes to gather
  std::chrono::microseconds max_pause_;  // 0: the pipe is too small to gather anything
  bool gathering_ = false;
  int quick_wakes_ = 0;
  std::uint64_t usual_wake_ = 0;  // bytes that one wake-up brings while nothing gathers
  Clock::time_point last_read_;
};

}  // namespace slurper
