#include "control/alerts.h"

#include <algorithm>
#include <new>
#include <utility>

namespace slurper {

namespace {

using Key = std::pair<Alert, std::string_view>;

Key key_of(const ActiveAlert& active) {
  return {active.alert, active.subject};
}

}  // namespace

const char* title(Alert alert) {
  switch (alert) {
    case Alert::LogThreadHangs:
      return "THE LOG'S THREAD HANGS";
    case Alert::DiskStalls:
      return "THE LOG'S DISK DOES NOT ANSWER";
    case Alert::LogNotWritten:
      return "THE LOG CAN'T BE WRITTEN";
    case Alert::LogNotSynced:
      return "THE LOG CAN'T BE SYNCED";
    case Alert::LinesDropped:
      return "LINES ARE DROPPED";
    case Alert::FifoNotRead:
      return "THE FIFO CAN'T BE READ NOW";
    case Alert::FifoNotAtPath:
      return "THE FIFO IS NOT AT ITS PATH";
    case Alert::OtherReader:
      return "ANOTHER READER TAKES LINES FROM THE FIFO";
    case Alert::PathNotWatched:
      return "THE FIFO'S PATH CAN'T BE WATCHED";
    case Alert::UsersNotSeen:
      return "PROCESSES THAT OPEN THE FIFO CAN'T BE SEEN";
    case Alert::RingElsewhere:
      return "THE RING IS NOT IN ITS FOLDER";
    case Alert::LogNotRotated:
      return "THE LOG CAN'T BE ROTATED";
    case Alert::SegmentsNotKept:
      return "OLD SEGMENTS CAN'T BE COMPRESSED OR REMOVED";
    case Alert::SinkHangs:
      return "A SINK DOES NOT END";
    case Alert::SinkStopped:
      return "A SINK HAS STOPPED UNTIL SIGHUP";
    case Alert::SinkFails:
      return "A SINK FAILS";
    case Alert::SinkLags:
      return "A SINK LAGS";
  }
  return "";  // no other alert exists
}

const char* name(Alert alert) {
  switch (alert) {
    case Alert::LogThreadHangs:
      return "log-thread-hangs";
    case Alert::DiskStalls:
      return "disk-stalls";
    case Alert::LogNotWritten:
      return "log-not-written";
    case Alert::LogNotSynced:
      return "log-not-synced";
    case Alert::LinesDropped:
      return "lines-dropped";
    case Alert::FifoNotRead:
      return "fifo-not-read";
    case Alert::FifoNotAtPath:
      return "fifo-not-at-path";
    case Alert::OtherReader:
      return "other-reader";
    case Alert::PathNotWatched:
      return "path-not-watched";
    case Alert::UsersNotSeen:
      return "users-not-seen";
    case Alert::RingElsewhere:
      return "ring-elsewhere";
    case Alert::LogNotRotated:
      return "log-not-rotated";
    case Alert::SegmentsNotKept:
      return "segments-not-kept";
    case Alert::SinkHangs:
      return "sink-hangs";
    case Alert::SinkStopped:
      return "sink-stopped";
    case Alert::SinkFails:
      return "sink-fails";
    case Alert::SinkLags:
      return "sink-lags";
  }
  return "";  // no other alert exists
}

// The alert's place in the list, or the place to insert it.
std::vector<ActiveAlert>::iterator Alerts::place_of(Alert alert, std::string_view subject) {
  return std::ranges::lower_bound(active_, Key(alert, subject), {}, key_of);
}

Alerts::Change Alerts::raise(Alert alert, std::string_view cause, std::string_view subject) noexcept {
  Change change = Change::Cause;
  try {
    const std::lock_guard lock(mutex_);
    const auto active = place_of(alert, subject);
    if (active == active_.end() || key_of(*active) != Key(alert, subject)) {
      active_.insert(active, {.alert = alert, .subject = std::string(subject), .cause = std::string(cause)});
      change = Change::Raised;
    } else if (active->cause != cause) {
      active->cause = cause;
    } else {
      return Change::None;
    }
    ++changes_;
  } catch (const std::bad_alloc&) {
    return Change::None;  // a lack of memory must not make things worse
  }
  changed_();
  return change;
}

bool Alerts::clear(Alert alert, std::string_view subject) noexcept {
  {
    const std::lock_guard lock(mutex_);
    const auto active = place_of(alert, subject);
    if (active == active_.end() || key_of(*active) != Key(alert, subject)) return false;
    active_.erase(active);
    ++changes_;
  }
  changed_();
  return true;
}

void Alerts::clear_all(std::string_view subject) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (std::erase_if(active_, [&](const ActiveAlert& active) { return active.subject == subject; }) == 0)
      return;
    ++changes_;
  }
  changed_();
}

std::vector<ActiveAlert> Alerts::active() const {
  const std::lock_guard lock(mutex_);
  return active_;
}

}  // namespace slurper
