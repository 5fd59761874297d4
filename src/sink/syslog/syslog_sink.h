// The sink `syslog`: sends lines to a syslog server by any transport that it offers. syslog_sink.cc is one
// file, since every method works on the same batch and the same connection; transports and formats are
// elsewhere.
#pragma once

#include "slurper/sink.h"

namespace slurper {

// docs/sinks/syslog.md describes the settings, the guarantee, and what happens if the server is down, slow,
// or refuses.
[[nodiscard]] SinkType syslog_sink();

}  // namespace slurper
