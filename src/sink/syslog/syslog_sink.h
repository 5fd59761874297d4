// The sink `syslog`: to a syslog server, over whatever it listens on.
#pragma once

#include <memory>

#include "slurper/sink.h"

namespace slurper {

// Settings, guarantee, and what it does when the server is down, slow, or refuses: docs/sinks/syslog.md.
[[nodiscard]] std::unique_ptr<Sink> make_syslog_sink(SinkOptions& options);

}  // namespace slurper
