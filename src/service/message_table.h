// The message table: the words for everything that slurper reports. It is one long file, so that all messages
// can be read in one sitting.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/event.h"
#include "control/alerts.h"

namespace slurper {

enum class MessageLevel { Debug, Info, Warning, Error, Critical };

// When an event becomes a message.
enum class Shown {
  Always,
  WhenRaised,   // if it raised its alert: a lasting failure is reported once
  WhenChanged,  // as WhenRaised, and also for each new cause
  WhenCleared,  // if it cleared its alert: "works again" needs a failure before
  Never,        // it only raises or clears an alert
};

// One kind of message. `words` and `alert_cause` name the event's arguments: "{room}"; "{error}" for an error
// on one line, "{error.why}" for its reason alone, "{error.}" for the line as a sentence.
struct MessageEntry {
  EventId id;
  std::string_view name;  // for users, and permanent: "log.write_failed"
  MessageLevel level;
  std::string_view words;
  // For the page of messages: why this happens, and what to do. Empty if the event is no fault.
  std::string_view cause = {};
  std::string_view remedy = {};
  Shown shown = Shown::Always;
  std::optional<Alert> raises = {};
  std::string_view alert_cause = {};
  std::optional<Alert> clears = {};
  bool clears_all = false;  // every alert of the event's sink, which is no more
  // At most so many a minute; while more come, the period doubles, up to an hour. 0: no limit, because the
  // event can't repeat often.
  std::uint32_t limit = 0;
};

// All entries, in the order of EventId.
[[nodiscard]] std::span<const MessageEntry> message_table();
[[nodiscard]] const MessageEntry& entry_of(EventId id);

// `words` with the event's arguments filled in. A placeholder without an argument stays as it is written.
[[nodiscard]] std::string render(std::string_view words, const Event& event);

}  // namespace slurper
