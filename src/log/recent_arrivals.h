// RecentArrivals: when the bytes came that slurper has read last, to the microsecond.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/stream_offset.h"

namespace slurper {

// TimeIndex knows half seconds, of all bytes. This knows the moment of each of the last kKept reads, which is
// what a latency is measured by. The intake writes, any thread reads: without a lock, and without a wait on
// either side. A reader that is overtaken finds nothing, and never a wrong time. Nothing survives the
// process.
class RecentArrivals {
 public:
  using Clock = std::chrono::steady_clock;

  // The intake's thread: bytes that begin at `begin`, which never goes back, have come at `time`. Call this
  // before another thread can see the bytes.
  void note(StreamOffset begin, Clock::time_point time);

  struct Arrival {
    Clock::time_point time;
    std::optional<StreamOffset> end;  // where the bytes of the next read begin; empty: this was the last one
  };
  // Any thread. Empty if the byte at `offset` came before the last kKept reads, or if there was none.
  [[nodiscard]] std::optional<Arrival> find(StreamOffset offset) const;

  static constexpr std::size_t kKept = 4096;

 private:
  struct Mark {
    std::atomic<std::uint64_t> begin{0};
    std::atomic<Clock::rep> time{0};
  };
  // A reader has as many reads' time to look, before the intake overwrites what it looks at.
  static constexpr std::size_t kPlaces = 2 * kKept;

  [[nodiscard]] const Mark& at(std::uint64_t number) const { return marks_[number % kPlaces]; }

  std::array<Mark, kPlaces> marks_;
  std::atomic<std::uint64_t> count_{0};  // of all marks so far; the last one is number count_ - 1
};

}  // namespace slurper
