// Alerts: what is wrong now.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slurper {

// Conditions that an operator wants to be woken up for, in the order in which the status names them: a cause
// comes before its consequences. A new alert needs a line here, a title and a name in alerts.cc, and in the
// message table the event that raises it and the event that clears it.
enum class Alert {
  LogThreadHangs,
  DiskStalls,
  LogNotWritten,
  LogNotSynced,
  LinesDropped,
  FifoNotRead,
  FifoNotAtPath,
  OtherReader,
  PathNotWatched,
  UsersNotSeen,
  RingElsewhere,
  LogNotRotated,
  SegmentsNotKept,
  SinkHangs,
  SinkStopped,
  SinkFails,
  SinkLags,
};

// For example "THE LOG CAN'T BE WRITTEN".
[[nodiscard]] const char* title(Alert alert);
// A word for programs, which stays as it is: "log-not-written".
[[nodiscard]] const char* name(Alert alert);

struct ActiveAlert {
  Alert alert;
  std::string subject;  // which one, if there may be several: "'mysink'"; may be empty
  std::string cause;    // "No space left on device"; may be empty

  bool operator==(const ActiveAlert&) const = default;
};

// The alerts that are up at this moment. Events raise and clear them (service/messages.h). Any thread may
// call it. The alerts end with the process.
class Alerts {
 public:
  // Calls `changed` after each change, on the thread that made it. `changed` must neither call back nor
  // throw.
  explicit Alerts(std::function<void()> changed) : changed_(std::move(changed)) {}

  enum class Change { None, Cause, Raised };

  // If memory has run out, the alert may stay down, and the call returns None: the next failure raises it.
  Change raise(Alert alert, std::string_view cause, std::string_view subject = {}) noexcept;
  // Returns whether the alert was up.
  bool clear(Alert alert, std::string_view subject = {}) noexcept;

  // Clears every alert of this subject, which is no more.
  void clear_all(std::string_view subject) noexcept;

  // The number of changes so far: cheap enough for every round of the intake.
  [[nodiscard]] std::uint64_t changes() const { return changes_.load(); }
  // The alerts that are up, sorted by alert and subject.
  [[nodiscard]] std::vector<ActiveAlert> active() const;

 private:
  std::vector<ActiveAlert>::iterator place_of(Alert alert, std::string_view subject);

  const std::function<void()> changed_;
  mutable std::mutex mutex_;
  std::vector<ActiveAlert> active_;
  std::atomic<std::uint64_t> changes_{0};
};

}  // namespace slurper
