// The sink `stdout`: lines to standard output, for containers and pipelines.
#pragma once

#include "slurper/sink.h"

namespace slurper {

// Settings, guarantee, and what it does when no one reads: docs/sinks/stdout.md. The process must ignore
// SIGPIPE. Nothing survives a crash but what has been written; lines are delivered at least once.
[[nodiscard]] SinkType stdout_sink();

}  // namespace slurper
