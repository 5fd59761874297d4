// The sink `stdout`: writes lines to standard output, for containers and pipelines.
#pragma once

#include "slurper/sink.h"

namespace slurper {

// docs/sinks/stdout.md describes the settings, the guarantee, and what happens if nothing reads the lines.
// The process must ignore SIGPIPE. Only what has been written survives a crash; lines are delivered at least
// once.
[[nodiscard]] SinkType stdout_sink();

}  // namespace slurper
