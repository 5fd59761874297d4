// The sink `file`: another file, with its own filter, format and rotation.
#pragma once

#include "slurper/sink.h"

namespace slurper {

// It writes a log like slurper's own (docs/log-format.md), so its file's size says what it has; its cursor
// says which record begins at which byte of that file. A SIGKILL in the middle of a write is gone on from at
// the very byte: each record is there exactly once. After a loss of power, what was not synced comes again.
[[nodiscard]] SinkType file_sink();

}  // namespace slurper
