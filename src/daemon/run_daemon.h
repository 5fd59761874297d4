// The process that a daemon runs in: its signals, its messages and its exit status.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "base/settings.h"
#include "slurper/result.h"

namespace slurper {

// Reads the FIFO into the log until SIGTERM or SIGINT, in the foreground, and returns the process's exit
// status. Call it before any thread is started: it blocks the signals that it handles. It calls `reload` on
// SIGHUP. `level`: minimum severity to log, one of spdlog's names ("info"). `warnings`: problems that were
// found in the settings and on the machine; a successful start reports them once.
int run_daemon(const Settings& settings, const std::function<Result<Settings>()>& reload,
               std::string_view level, std::span<const Phrase> warnings);

// Call this after a failed start if a socket unit (has_socket_unit()) would start slurper again at once:
// waits for a second, or for a signal to stop.
void delay_next_start();

}  // namespace slurper
