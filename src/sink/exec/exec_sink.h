// The sink `exec`: lines to the standard input of a program.
#pragma once

#include "slurper/sink.h"

namespace slurper {

// Settings, guarantee, protocol, and what it does when the program ends, hangs, or refuses:
// docs/sinks/exec.md. The process must ignore SIGPIPE. The program runs from open() to close(), which takes
// as long as the program needs to end, within limits. Nothing survives a crash; lines are delivered at least
// once.
[[nodiscard]] SinkType exec_sink();

}  // namespace slurper
