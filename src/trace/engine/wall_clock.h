// WallClock: turns the kernel's monotonic times into times of day, while the machine's clock may be set.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "trace/engine/event_queue.h"
#include "trace/engine/record_converter.h"

namespace slurper {

// The machine's clocks.
struct ClockSource {
  // What to add to CLOCK_MONOTONIC for the time of day now, in nanoseconds.
  std::function<std::int64_t()> offset;
  // Whether the time of day was set since this was asked last.
  std::function<bool()> was_set;
};

// For one thread. The converter and the queue outlive it.
class WallClock {
 public:
  WallClock(ClockSource source, RecordConverter& converter, EventQueue& queue)
      : source_(std::move(source)), converter_(converter), queue_(queue) {}

  // Before the first record is converted.
  void begin();
  // If the clock was set, appends to `out` what was recorded before, with the times of the clock as it was,
  // and an event that says so. `consume` converts the records that have come. `monotonic` is the time now.
  void look(std::uint64_t monotonic, const std::function<void()>& consume, std::string& out);

  [[nodiscard]] std::int64_t offset() const { return offset_; }

 private:
  ClockSource source_;
  RecordConverter& converter_;
  EventQueue& queue_;
  std::int64_t offset_ = 0;
};

}  // namespace slurper
