// The words for everything that slurper reports.
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

// When an event is a message.
enum class Shown {
  Always,
  WhenRaised,   // if it has raised its alert: a failure that lasts is reported once
  WhenChanged,  // as WhenRaised, and with each other cause
  WhenCleared,  // if it has cleared its alert: "works again" needs a failure before
  Never,        // it only raises or clears an alert
};

// One kind of message. `words` and `alert_cause` name the event's arguments: "{room}", "{error}" for an error
// as one line, "{error.why}" for its reason alone, "{error.}" for the line as a sentence.
struct MessageEntry {
  EventId id;
  std::string_view name;  // for users, for ever: "log.write_failed"
  MessageLevel level;
  std::string_view words;
  // For the page of messages: why it happens, and what to do. Empty for what is no fault.
  std::string_view cause = {};
  std::string_view remedy = {};
  Shown shown = Shown::Always;
  std::optional<Alert> raises = {};
  std::string_view alert_cause = {};
  std::optional<Alert> clears = {};
  // So many a minute; while more come, the period doubles, up to an hour. 0: what its own course bounds.
  std::uint32_t limit = 0;
};

// All of them, in the order of EventId.
[[nodiscard]] std::span<const MessageEntry> message_table();
[[nodiscard]] const MessageEntry& entry_of(EventId id);

// `words` with the event's arguments in them. One that is not there stays as it is written.
[[nodiscard]] std::string render(std::string_view words, const Event& event);

}  // namespace slurper
