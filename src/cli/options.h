// The options that choose the settings, for every sub-command that needs them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/settings.h"
#include "slurper/result.h"

namespace CLI {
class App;
}

namespace slurper {

struct ConfigOptions {
  std::optional<std::string> file;
  std::vector<std::string> overrides;  // --fifo, --log and --set as "table.key=value", in their order
  std::vector<std::string> sink_urls;  // --sink

  // Without -c, the file is kDefaultConfigFile, unless the command line names the FIFO or the log: then it is
  // meant to stand alone.
  [[nodiscard]] Result<Settings> load() const;

  // The file that load() reads; nothing if the command line stands alone.
  [[nodiscard]] std::optional<std::string> used_file() const;
};

// Adds -c, --fifo, --log, --sink and --set to `command`, and a list of all settings to its help. The options
// are filled when the command line has been parsed.
std::shared_ptr<const ConfigOptions> add_config_options(CLI::App& command);

}  // namespace slurper
