// The sink `exec`: writes lines to the standard input of a program.
#pragma once

#include "slurper/sink.h"

namespace slurper {

// docs/sinks/exec.md describes the settings, the guarantee, the protocol, and what happens if the program
// ends, hangs or refuses. The process must ignore SIGPIPE. The program runs from open() to close(), which
// takes as long as the program needs to end, within limits. Nothing survives a crash; lines are delivered at
// least once.
[[nodiscard]] SinkType exec_sink();

}  // namespace slurper
