// What `slurper check` says of sinks that could not work whatever their destination does.
#pragma once

#include "base/settings.h"
#include "cli/finding.h"

namespace slurper {

// Whether each sink's type is there and its cursor beside the log can be used. What is wrong with one is an
// error: it stops this sink and no other, and `slurper run` starts all the same. Loads plug-ins, and changes
// nothing.
[[nodiscard]] Findings check_sink_states(const Settings& settings);

}  // namespace slurper
