// The sink `journald`: lines to the journal, by its native protocol.
#pragma once

#include "slurper/sink.h"

namespace slurper {

// Settings, fields, guarantee, and what it does when journald is down, slow, or drops lines:
// docs/sinks/journald.md.
//
// The journal itself is what tells what it has: nothing else needs to survive a crash. A batch is delivered
// when the journal shows it; before the first batch after open(), what it has already is looked up, and not
// sent again.
[[nodiscard]] SinkType journald_sink();

}  // namespace slurper
