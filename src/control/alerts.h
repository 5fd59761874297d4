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

// What an operator wants to be woken up for, in the order in which the status names them: a cause stands
// before what follows from it. A new one needs a line here, a title in alerts.cc, and in the message table
// the event that raises it and the one that clears it.
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
  SinkStopped,
  SinkFails,
  SinkLags,
};

// "THE LOG CAN'T BE WRITTEN"
[[nodiscard]] const char* title(Alert alert);

struct ActiveAlert {
  Alert alert;
  std::string subject;  // which one, if there may be several: "'mysink'"; may be empty
  std::string cause;    // "No space left on device"; may be empty

  bool operator==(const ActiveAlert&) const = default;
};

// The alerts that hold at this moment. Events raise and clear them (service/messages.h). Any thread may call
// it. Nothing of it survives the process.
class Alerts {
 public:
  // `changed` is called after each change, on the thread that has made it; it must neither call back nor
  // throw.
  explicit Alerts(std::function<void()> changed) : changed_(std::move(changed)) {}

  enum class Change { None, Cause, Raised };

  // While memory has run out an alert may stay unset, and None is returned: the next failure sets it.
  Change raise(Alert alert, std::string_view cause, std::string_view subject = {}) noexcept;
  // Whether it was up.
  bool clear(Alert alert, std::string_view subject = {}) noexcept;

  // The number of changes so far: cheap enough for every round of the intake.
  [[nodiscard]] std::uint64_t changes() const { return changes_.load(); }
  // Sorted by alert and subject.
  [[nodiscard]] std::vector<ActiveAlert> active() const;

 private:
  std::vector<ActiveAlert>::iterator place_of(Alert alert, std::string_view subject);

  const std::function<void()> changed_;
  mutable std::mutex mutex_;
  std::vector<ActiveAlert> active_;
  std::atomic<std::uint64_t> changes_{0};
};

}  // namespace slurper
