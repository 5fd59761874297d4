// The sink `file`: writes lines to another file, with its own filter, format and rotation.
#pragma once

#include "slurper/sink.h"

namespace slurper {

// It writes a log like slurper's own (docs/log-format.md), so the size of its file shows what it has. Its
// cursor records which record begins at which byte of that file. If a SIGKILL interrupts a write, the sink
// resumes at the exact byte: each record is there exactly once. After a power loss, what was not synced is
// written again.
[[nodiscard]] SinkType file_sink();

}  // namespace slurper
