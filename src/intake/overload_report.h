// OverloadReport: reports that lines can't be taken, or are dropped.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/event.h"
#include "ring/ring.h"

namespace slurper {

// Reports once that writers are held up or lines are dropped, and once that this has ended. It has ended when
// the ring is half empty, not at the first free byte: otherwise a log that barely keeps up would cause
// reports all day.
//
// Belongs to the intake's thread.
class OverloadReport {
 public:
  // `ring` and `events` outlive it.
  OverloadReport(const Ring& ring, std::string fifo_path, EventListener& events);

  // Nothing can be taken from the FIFO. `why` continues "cannot read more from the FIFO: ".
  void held_up(std::string_view why);
  // Lines are being dropped.
  void dropping();
  // Lines were taken into the ring.
  void took();
  // The intake ends, and drops no more lines.
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
