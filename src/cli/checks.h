// What slurper checks: of all of it `slurper check` tells, and of what it warns of, `slurper run` does at its
// start.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/settings.h"
#include "cli/finding.h"

namespace slurper {

// What depends on who looks: configuration, FIFO, pipe, ring, log and sinks, with the ids of this process. It
// may wait for as long as a file system that a sink names hangs.
[[nodiscard]] Findings check_as_this_process(const Settings& settings,
                                             const std::optional<std::string>& file);

// What does not: the settings by themselves, whoever has the FIFO open, and the syslogds' settings below
// `root` (empty: the machine's own).
[[nodiscard]] Findings check_surroundings(const std::string& root, const Settings& settings);

// The warnings of a start, without Finding::check_only. It touches nothing but what a start touches anyway,
// and the syslogds' settings, so that no sink's hanging destination holds up the FIFO's reader. An error is
// none of them: it either stops the start or makes the sink fail, and is reported then.
[[nodiscard]] std::vector<std::string> warnings_at_start(const std::string& root, const Settings& settings);

}  // namespace slurper
