// The one table of all settings that are slurper's own: [fifo], [ring] and [log]. Sinks declare theirs.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/settings.h"
#include "slurper/setting.h"

namespace slurper {

struct Key {
  std::string_view table;
  Setting setting;
  void (*assign)(const SettingValue& value, Settings& settings);
  SettingValue (*value)(const Settings& settings);

  [[nodiscard]] std::string full_name() const { return std::string(table) + '.' + std::string(setting.name); }
};

// All keys, those of one table together, in the order in which people should meet them.
[[nodiscard]] std::span<const Key> keys();
[[nodiscard]] std::span<const Key> keys_of(std::string_view table);

// The key of that name, or nullptr.
[[nodiscard]] const Key* find_key(std::string_view table, std::string_view name);

}  // namespace slurper
