// ServiceReport: what systemd is told while slurper runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/event.h"
#include "base/event_loop.h"
#include "base/fd.h"
#include "control/alerts.h"
#include "control/snapshot.h"
#include "log/log_thread.h"
#include "service/watchdog.h"
#include "slurper/result.h"

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
  // All references outlive it. `snapshot` is called on this thread.
  ServiceReport(const LogThread& log_thread, const Alerts& alerts, EventListener& events,
                std::function<Snapshot()> snapshot);
  ServiceReport(const ServiceReport&) = delete;
  ServiceReport& operator=(const ServiceReport&) = delete;

  // Has `loop`, which outlives it, wait for the watchdog's timer, if there is a watchdog. Fails as
  // timerfd_create(2).
  [[nodiscard]] Status join(EventLoop& loop);

  // The intake has looked at the FIFO.
  void after_round() {
    if (due_ || alerts_.changes() != changes_) report();
  }

 private:
  using Clock = StallDetector::Clock;

  void take();
  void report();
  void renew_status(Clock::time_point now);
  bool log_thread_lives(Clock::time_point now);
  void measure(Clock::time_point now, const LogStatus& log);

  const LogThread& log_thread_;
  const Alerts& alerts_;
  EventListener& events_;
  const std::function<Snapshot()> snapshot_;
  UniqueFd timer_fd_;
  bool due_ = false;
  std::uint64_t changes_ = 0;  // of the alerts, that have been shown
  StallDetector detector_;
  Clock::time_point measured_at_ = Clock::now();
  std::uint64_t lines_ = 0;
  std::uint64_t lines_per_second_ = 0;
  std::string status_;
};

}  // namespace slurper
