// SinkHealth: whether a sink works, and what the operator is told of it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "base/backoff.h"
#include "base/event.h"
#include "log/log_feed.h"
#include "sink/sink_status.h"
#include "slurper/record.h"
#include "slurper/sink.h"

namespace slurper {

// Reports once that the sink fails, lags, works again or has caught up. The sink's thread calls it, except
// fill().
class SinkHealth {
 public:
  using Clock = std::chrono::steady_clock;

  // The references outlive it. `acked` is the sink's position in the log.
  SinkHealth(std::string name, const LogFeed& feed, const std::atomic<std::uint64_t>& acked,
             std::chrono::milliseconds retry_max, EventListener& events);

  void failed(const Error& error);
  // There is too little memory even to report a failure. The status shows it now, a message later.
  void out_of_memory();
  void works();
  // A sink that has stopped because of a loop tries again.
  void resumes();
  // The operator has paused the sink: nothing is wrong with it until it resumes.
  void rests();
  // `oldest` is the arrival of the oldest record that waits.
  void watch_lag(Timestamp oldest);
  // When to call watch_lag() for that record, at the latest.
  [[nodiscard]] Clock::time_point lag_due(Timestamp oldest) const;

  // How long to wait before the next try.
  [[nodiscard]] std::chrono::milliseconds pause() const;

  // Any thread: adds its part.
  void fill(SinkStatus& status) const;

 private:
  [[nodiscard]] ByteSize behind() const;
  bool set_failure(std::optional<Error> failure);

  const std::string name_;
  const LogFeed& feed_;
  const std::atomic<std::uint64_t>& acked_;
  const std::chrono::milliseconds retry_max_;
  EventListener& events_;

  std::atomic<std::uint64_t> retries_{0};
  std::atomic<bool> failing_{false};
  std::atomic<bool> stopped_{false};
  std::atomic<bool> lagging_{false};
  mutable std::mutex failure_mutex_;
  std::optional<Error> failure_;                     // under the mutex; written by the thread alone
  std::optional<Error> last_failure_;                // the same
  std::chrono::system_clock::time_point failed_at_;  // the same

  // The thread's own state:
  Backoff backoff_;
  bool is_reported_ = false;
  Clock::time_point failing_since_;
  Clock::time_point report_again_;
};

}  // namespace slurper
