// The sink `syslog`: to a syslog server, over whatever it listens on.
#pragma once

#include "slurper/sink.h"

namespace slurper {

// Settings, guarantee, and what it does when the server is down, slow, or refuses: docs/sinks/syslog.md.
[[nodiscard]] SinkType syslog_sink();

}  // namespace slurper
