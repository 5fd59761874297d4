// The systemd unit that runs slurper with a configuration: the user it runs as, and the paths it may write
// to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "cli/finding.h"

namespace slurper {

// The keys of a [Service] section that decide whether a configuration works in the service. Text is as in
// systemd.exec(5), with the instance in place of %i.
struct Unit {
  std::string name;   // "slurper@app.service"
  std::string user;   // empty: root
  std::string group;  // empty: the user's own
  std::vector<std::string> more_groups;
  bool dynamic_user = false;      // exists only while the service runs
  std::string runtime_directory;  // the first of RuntimeDirectory=, as in $RUNTIME_DIRECTORY; may be empty
  std::vector<std::string>
      writable;                // folders of its own (RuntimeDirectory= and the like), and ReadWritePaths=
  std::string protect_system;  // "", "yes", "full", "strict"
  bool protect_home = false;
  bool private_tmp = false;
  bool has_network = true;

  // Whether the sandbox lets the service write to `path`, regardless of the file's owner and mode.
  [[nodiscard]] bool may_write(const std::string& path) const;
};

// Returns the installed service whose ExecStart= is `slurper run -c configuration`, with its drop-ins; also
// an instance of a template. Reads the unit files below `root` (empty: the machine's own), and not what
// systemd has loaded, so a change counts without a daemon-reload. Returns nothing if there is no such
// service.
[[nodiscard]] std::optional<Unit> find_unit(const std::string& root, const std::string& configuration);

// Returns slurper.service as it ships.
[[nodiscard]] Unit shipped_unit();

// Returns the drop-in with what `settings` need and `unit` lacks; empty if it lacks nothing.
[[nodiscard]] std::string drop_in_for(const Settings& settings, const Unit& unit);

// Reports the same as findings: an error for what keeps slurper from starting, a warning for sinks.
[[nodiscard]] Findings check_unit(const Settings& settings, const Unit& unit);

// Gives this process the user, the groups and the $RUNTIME_DIRECTORY of the unit. For a separate process
// that ends afterwards. Returns what failed; empty if nothing did. Requires root.
[[nodiscard]] Phrase become(const Unit& unit);

}  // namespace slurper
