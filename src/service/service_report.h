// ServiceReport: what slurper reports to systemd while it runs.
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

// Sends STATUS=, for `systemctl status`, and WATCHDOG=1. If the unit has a watchdog, a timer renews both.
// Otherwise the status is renewed when something has changed, and slurper sleeps as long as nothing happens.
// Belongs to the intake's thread.
//
// WATCHDOG=1 means that both threads make progress: the intake's thread sends it after it has checked the
// FIFO, and only while the log's thread does not hang (StallDetector). The housekeeper and the thread of the
// messages don't count: nothing is lost while they stand still. If WATCHDOG=1 stops, systemd aborts slurper,
// and the next slurper continues where this one stopped.
class ServiceReport {
 public:
  // All references outlive it. It calls `snapshot` on this thread.
  ServiceReport(const LogThread& log_thread, const Alerts& alerts, EventListener& events,
                std::function<Snapshot()> snapshot);
  ServiceReport(const ServiceReport&) = delete;
  ServiceReport& operator=(const ServiceReport&) = delete;

  // Makes `loop`, which outlives it, wait for the watchdog's timer, if there is a watchdog. Errors: from
  // timerfd_create(2).
  [[nodiscard]] Status join(EventLoop& loop);

  // Call this when the intake has checked the FIFO.
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
  std::uint64_t changes_ = 0;  // the number of changes of alerts at the last report
  StallDetector detector_;
  Clock::time_point measured_at_ = Clock::now();
  std::uint64_t lines_ = 0;
  std::uint64_t lines_per_second_ = 0;
  std::string status_;
};

}  // namespace slurper
