// The one table of slurper's own settings: [fifo], [ring], [log], [control] and [metrics]. Sinks declare
// theirs.
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

// All keys, grouped by table, in the order in which a reader should meet them.
[[nodiscard]] std::span<const Key> keys();
[[nodiscard]] std::span<const Key> keys_of(std::string_view table);

// The key with that name, or nullptr.
[[nodiscard]] const Key* find_key(std::string_view table, std::string_view name);

}  // namespace slurper
