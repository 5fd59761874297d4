// The daemon: everything together.
#pragma once

#include <functional>

#include "base/settings.h"
#include "slurper/result.h"

namespace slurper {

// Reads the FIFO into the log until SIGTERM or SIGINT, in the foreground, and returns the process's exit
// status. Call it before any thread is started: it blocks the signals it handles. `reload` is called on
// SIGHUP.
int run_daemon(const Settings& settings, const std::function<Result<Settings>()>& reload);

}  // namespace slurper
