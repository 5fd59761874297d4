// ServiceReport: what systemd is told while slurper runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/troubles.h"
#include "daemon/log_thread.h"
#include "ring/ring.h"
#include "service/watchdog.h"

namespace slurper {

// STATUS=, for `systemctl status`, and WATCHDOG=1. Where the unit has a watchdog it has a timer, by which
// both are renewed; else the status is, when there is news, and slurper sleeps for as long as nothing comes.
// Belongs to the intake's thread.
//
// WATCHDOG=1 says that both threads make progress: it is sent by the intake's thread after a look at the
// FIFO, and only while the log's thread does not hang (StallDetector). The housekeeper and the thread of the
// messages are not asked for: nothing is lost while they stand still. If it stays out, systemd aborts
// slurper, and the next one goes on where this one stood.
class ServiceReport {
 public:
  // All of these outlive it.
  ServiceReport(const Ring& ring, const LogThread& log_thread, Troubles& troubles);

  // A timerfd: when it is readable, take() it. -1: no watchdog.
  [[nodiscard]] int timer_fd() const { return timer_fd_.get(); }
  void take();

  // The intake has looked at the FIFO.
  void after_round() {
    if (due_ || troubles_.changes() != changes_) report();
  }

 private:
  using Clock = StallDetector::Clock;

  void report();
  void renew_status(Clock::time_point now);
  bool log_thread_lives(Clock::time_point now);
  void measure(Clock::time_point now);

  const Ring& ring_;
  const LogThread& log_thread_;
  Troubles& troubles_;
  UniqueFd timer_fd_;
  bool due_ = false;
  std::uint64_t changes_ = 0;  // of the troubles, that have been reported
  StallDetector judge_;
  bool disk_stalls_ = false;
  bool hangs_ = false;
  Clock::time_point measured_at_ = Clock::now();
  std::uint64_t lines_ = 0;
  std::uint64_t lines_per_second_ = 0;
  std::string status_;
};

}  // namespace slurper
