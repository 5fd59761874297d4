// The systemd unit that runs slurper with a configuration: who it is there, and what it may write to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "cli/finding.h"

namespace slurper {

// What of a service's [Service] section decides whether a configuration works in it. Text as systemd.exec(5)
// has it, with the instance in the place of %i.
struct Unit {
  std::string name;   // "slurper@app.service"
  std::string user;   // empty: root
  std::string group;  // empty: the user's own
  std::vector<std::string> more_groups;
  bool dynamic_user = false;      // exists only while the service runs
  std::string runtime_directory;  // the first of RuntimeDirectory=, as $RUNTIME_DIRECTORY; may be empty
  std::vector<std::string>
      writable;                // folders of its own (RuntimeDirectory= and the like), and ReadWritePaths=
  std::string protect_system;  // "", "yes", "full", "strict"
  bool protect_home = false;
  bool private_tmp = false;
  bool has_network = true;

  // Whether the sandbox lets it write to `path`, whatever the file system says of owner and mode.
  [[nodiscard]] bool may_write(const std::string& path) const;
};

// The installed service whose ExecStart= is `slurper run -c configuration`, with its drop-ins; an instance of
// a template, too. Reads unit files below `root` (empty: the machine's own), not what systemd has loaded: a
// change counts without a daemon-reload. Nothing if there is none.
[[nodiscard]] std::optional<Unit> find_unit(const std::string& root, const std::string& configuration);

// slurper.service as it ships.
[[nodiscard]] Unit shipped_unit();

// What `settings` need that `unit` does not have, as the text of a drop-in; empty if it has all.
[[nodiscard]] std::string drop_in_for(const Settings& settings, const Unit& unit);

// The same as findings: an error for what keeps slurper from starting, a warning for sinks.
[[nodiscard]] Findings check_unit(const Settings& settings, const Unit& unit);

// Makes this process what the unit's is: user, groups and $RUNTIME_DIRECTORY. For a process of its own that
// ends afterwards. What could not be done, in words; empty: all of it. Needs root.
[[nodiscard]] std::string become(const Unit& unit);

}  // namespace slurper
