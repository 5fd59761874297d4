// OverloadReport: reports that lines cannot be taken, or are dropped.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/event.h"
#include "ring/ring.h"

namespace slurper {

// Reports once that writers are held up or lines are dropped, and once that it is over: when the ring is half
// empty, not at its first free byte, for a log that only just keeps up would report it all day.
//
// Belongs to the intake's thread.
class OverloadReport {
 public:
  // `ring` and `events` outlive it.
  OverloadReport(const Ring& ring, std::string fifo_path, EventListener& events);

  // Nothing can be taken from the FIFO. `why` continues "cannot take more from it: ".
  void held_up(std::string_view why);
  // Lines are thrown away.
  void dropping();
  // Lines have been taken.
  void took();
  // The intake ends: no line is thrown away any more.
  void end();

 private:
  using Clock = std::chrono::steady_clock;

  void report_dropped(std::string_view now);

  const Ring& ring_;
  const std::string fifo_path_;
  EventListener& events_;
  std::optional<Clock::time_point> held_up_since_;
  bool dropping_ = false;
  std::uint64_t dropped_lines_before_;
};

}  // namespace slurper
