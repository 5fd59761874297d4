// OverloadReport: what is said while lines can't be taken, or are thrown away.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/troubles.h"
#include "ring/ring.h"

namespace slurper {

// Says once that writers are held up or lines dropped, and once that it is over: when the ring is half empty,
// not at its first free byte, since a log that only just keeps up would say it all day.
//
// Belongs to the intake's thread.
class OverloadReport {
 public:
  // `ring` and `troubles` outlive it.
  OverloadReport(const Ring& ring, std::string fifo_path, Troubles& troubles);

  // Nothing can be taken from the FIFO. `why` continues "cannot take more from it: ".
  void held_up(const std::string& why);
  // Lines are thrown away.
  void dropping();
  // Lines have been taken.
  void took();
  // The intake ends: no line is thrown away any more.
  void end();

 private:
  using Clock = std::chrono::steady_clock;

  void report_dropped(const char* now);

  const Ring& ring_;
  const std::string fifo_path_;
  Troubles& troubles_;
  std::optional<Clock::time_point> held_up_since_;
  bool dropping_ = false;
  std::uint64_t dropped_lines_before_;
};

}  // namespace slurper
