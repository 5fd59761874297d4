// Checks for sinks that could not work regardless of their destination.
#pragma once

#include "base/settings.h"
#include "cli/finding.h"

namespace slurper {

// Checks whether each sink's type exists and whether its cursor beside the log is usable. A problem is an
// error: it stops that sink only, and `slurper run` starts all the same. Loads plug-ins; changes nothing.
[[nodiscard]] Findings check_sink_states(const Settings& settings);

}  // namespace slurper
