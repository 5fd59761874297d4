// Checks whether the destinations of the [[sink]] tables would accept lines. Findings are warnings, since a
// failing sink delays only itself and retries. The exception is a missing file without which the sink can't
// even connect.
#pragma once

#include <span>

#include "base/settings.h"
#include "cli/finding.h"

namespace slurper {

// Checks what the settings alone show, without access to the machine.
[[nodiscard]] Findings check_sink_words(std::span<const SinkSettings> sinks);

// Checks the same, and files, folders, programs and sockets with the ids of this process. Opens no
// connection to a server and starts nothing.
[[nodiscard]] Findings check_sinks(std::span<const SinkSettings> sinks);

}  // namespace slurper
