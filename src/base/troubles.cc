#include "base/troubles.h"

#include <algorithm>
#include <new>
#include <utility>

namespace slurper {

namespace {

using Key = std::pair<Trouble, std::string_view>;

const char* title(Trouble kind) {
  switch (kind) {
    case Trouble::LogThreadHangs:
      return "THE LOG'S THREAD HANGS";
    case Trouble::DiskStalls:
      return "THE LOG'S DISK DOES NOT ANSWER";
    case Trouble::LogNotWritten:
      return "THE LOG CAN'T BE WRITTEN";
    case Trouble::LogNotSynced:
      return "THE LOG CAN'T BE SYNCED";
    case Trouble::LinesDropped:
      return "LINES ARE THROWN AWAY";
    case Trouble::FifoNotRead:
      return "THE FIFO CAN'T BE READ NOW";
    case Trouble::FifoNotAtPath:
      return "THE FIFO IS NOT AT ITS PATH";
    case Trouble::OtherReader:
      return "ANOTHER READER TAKES LINES FROM THE FIFO";
    case Trouble::PathNotWatched:
      return "THE FIFO'S PATH CAN'T BE WATCHED";
    case Trouble::PipeUsersNotSeen:
      return "WHO OPENS THE FIFO CAN'T BE SEEN";
    case Trouble::RingElsewhere:
      return "THE RING IS NOT IN ITS FOLDER";
    case Trouble::LogNotRotated:
      return "THE LOG CAN'T BE ROTATED";
    case Trouble::SegmentsNotKept:
      return "OLD SEGMENTS CAN'T BE COMPRESSED OR REMOVED";
    case Trouble::SinkStopped:
      return "A SINK HAS STOPPED UNTIL SIGHUP";
    case Trouble::SinkFails:
      return "A SINK FAILS";
    case Trouble::SinkLags:
      return "A SINK LAGS";
  }
  return "";  // there is no other
}

}  // namespace

// Where it is, or belongs.
std::vector<Troubles::Entry>::iterator Troubles::place_of(Trouble kind, std::string_view subject) {
  return std::ranges::lower_bound(entries_, Key(kind, subject), {},
                                  [](const Entry& entry) { return Key(entry.kind, entry.subject); });
}

void Troubles::set(Trouble kind, std::string_view cause, std::string_view subject) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    const auto entry = place_of(kind, subject);
    if (entry == entries_.end() || entry->kind != kind || entry->subject != subject) {
      entries_.insert(entry, {.kind = kind, .subject = std::string(subject), .cause = std::string(cause)});
    } else if (entry->cause != cause) {
      entry->cause = cause;
    } else {
      return;
    }
    ++changes_;
  } catch (const std::bad_alloc&) {
    return;  // what is wrong must not be made worse
  }
  changed_();
}

void Troubles::clear(Trouble kind, std::string_view subject) noexcept {
  {
    const std::lock_guard lock(mutex_);
    const auto entry = place_of(kind, subject);
    if (entry == entries_.end() || entry->kind != kind || entry->subject != subject) return;
    entries_.erase(entry);
    ++changes_;
  }
  changed_();
}

std::string Troubles::text() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const Entry& entry : entries_) {
    if (!text.empty()) text += "; ";
    text += title(entry.kind);
    if (!entry.subject.empty()) text += ": " + entry.subject;
    if (!entry.cause.empty()) text += ": " + entry.cause;
  }
  return text;
}

}  // namespace slurper
