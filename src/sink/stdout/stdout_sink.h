// The sink `stdout`: lines to standard output, for containers and pipelines.
#pragma once

#include <memory>

#include "slurper/sink.h"

namespace slurper {

// Settings, guarantee, and what it does when no one reads: docs/sinks/stdout.md. The process must ignore
// SIGPIPE. Nothing survives a crash but what has been written; lines are delivered at least once.
std::unique_ptr<Sink> make_stdout_sink(SinkOptions& options);

}  // namespace slurper
