// The sink `journald`: writes lines to the journal by its native protocol. journald_sink.cc is one file,
// since what it sends and what it then looks for in the journal must agree field by field.
#pragma once

#include "slurper/sink.h"

namespace slurper {

// docs/sinks/journald.md describes the settings, the fields, the guarantee, and what happens if journald is
// down, slow, or drops lines.
//
// The journal itself shows what it has, so nothing else needs to survive a crash. A batch is delivered when
// the journal shows it. Before the first batch after open(), the sink looks up what the journal has already
// and does not send it again.
[[nodiscard]] SinkType journald_sink();

}  // namespace slurper
