#include "daemon/reload_words.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "base/setting_value.h"
#include "base/settings_keys.h"
#include "base/text.h"
#include "service/message_table.h"

namespace slurper {

namespace {

// The log's limits. Its files, like the FIFO, the ring and the control socket, are opened once.
bool takes_effect_at_once(const Key& key) {
  const std::string_view name = key.setting.name;
  return key.table == "log" && name != "path" && name != "mode" && name != "group";
}

}  // namespace

SettingChanges changes_of(const Settings& in_force, const Settings& wanted) {
  SettingChanges changes;
  for (const Key& key : keys()) {
    if (print_value(key.setting, key.value(in_force)) == print_value(key.setting, key.value(wanted)))
      continue;
    std::string& names = takes_effect_at_once(key) ? changes.at_once : changes.after_restart;
    names += (names.empty() ? "" : ", ") + key.full_name();
  }
  return changes;
}

std::string list_of(const SettingChanges& settings, const Sinks::Changes& sinks) {
  std::string text = settings.at_once;
  const auto add = [&](std::string_view verb, const std::vector<std::string>& names) {
    for (const std::string& name : names)
      text += fmt::format("{}{} the sink {}", text.empty() ? "" : "; ", verb, in_quotes(name));
  };
  add("added", sinks.added);
  add("changed", sinks.changed);
  add("removed", sinks.removed);
  if (!text.empty()) return text;
  return settings.after_restart.empty() ? "nothing has changed" : "nothing changes before the restart";
}

std::string words_of(EventId id, std::initializer_list<EventArgument> arguments) {
  return render(entry_of(id).words, {.id = id, .arguments = {arguments.begin(), arguments.size()}});
}

}  // namespace slurper
