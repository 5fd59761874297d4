// What a reload changes, as its messages say it.
#pragma once

#include <initializer_list>
#include <string>

#include "base/event.h"
#include "base/settings.h"
#include "sink/sinks.h"

namespace slurper {

// The names of settings, such as "log.rotate_size, log.keep_files".
struct SettingChanges {
  std::string at_once;        // these take effect with a reload
  std::string after_restart;  // these do not
};

[[nodiscard]] SettingChanges changes_of(const Settings& in_force, const Settings& wanted);

// What takes effect with a reload: "log.rotate_size; added the sink 'a'"; "nothing has changed".
[[nodiscard]] std::string list_of(const SettingChanges& settings, const Sinks::Changes& sinks);

// The words of the event's message.
[[nodiscard]] std::string words_of(EventId id, std::initializer_list<EventArgument> arguments);

}  // namespace slurper
