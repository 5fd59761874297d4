// All checks of slurper. `slurper check` reports every finding; `slurper run` reports the warnings at its
// start.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/settings.h"
#include "cli/finding.h"

namespace slurper {

// Checks everything that depends on the user: configuration, FIFO, pipe, ring, log and sinks, with the ids
// of this process. It may wait as long as a file system that a sink names hangs.
[[nodiscard]] Findings check_as_this_process(const Settings& settings,
                                             const std::optional<std::string>& file);

// Checks everything that does not depend on the user: the settings by themselves, the processes that have
// the FIFO open, and the syslogds' settings below `root` (empty: the machine's own).
[[nodiscard]] Findings check_surroundings(const std::string& root, const Settings& settings);

// Returns the warnings of a start with the configuration `file`, without Finding::check_only. Touches only
// what a start touches anyway, and the syslogds' settings, so that a sink's hanging destination can't delay
// the FIFO's reader. Errors are not included: an error stops the start or makes the sink fail, and is
// reported then.
[[nodiscard]] std::vector<Phrase> warnings_at_start(const std::string& root, const Settings& settings,
                                                    const std::optional<std::string>& file);

}  // namespace slurper
