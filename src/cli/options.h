// The options that select the settings, for every sub-command that needs them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/settings.h"
#include "config/config.h"
#include "slurper/result.h"

namespace CLI {
class App;
}

namespace slurper {

struct ConfigOptions {
  std::optional<std::string> file;
  std::vector<std::string> overrides;  // --fifo, --log and --set as "table.key=value", in their order
  std::vector<std::string> sink_urls;  // --sink

  // Loads the settings. Without -c, the file is kDefaultConfigFile, unless the command line names the FIFO
  // or the log: then the command line stands alone.
  [[nodiscard]] Result<Settings> load(Origins* origins = nullptr) const;

  // Returns the file that load() reads; nothing if the command line stands alone.
  [[nodiscard]] std::optional<std::string> used_file() const;
};

// Adds -c, --fifo, --log, --sink and --set to `command`, and a list of all settings to its help. Parsing the
// command line fills the options.
std::shared_ptr<const ConfigOptions> add_config_options(CLI::App& command);

}  // namespace slurper
