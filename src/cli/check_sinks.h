// Would the destinations of the [[sink]] tables take anything? Findings are warnings, since a sink that fails
// holds up nothing but itself and tries again; but for a file without which it can't even connect.
#pragma once

#include <span>

#include "base/settings.h"
#include "cli/finding.h"

namespace slurper {

// What shows in the settings without a look at the machine.
[[nodiscard]] Findings check_sink_words(std::span<const SinkSettings> sinks);

// That, and looks at files, folders, programs and sockets, with the ids of this process; opens no connection
// to a server and starts nothing.
[[nodiscard]] Findings check_sinks(std::span<const SinkSettings> sinks);

}  // namespace slurper
