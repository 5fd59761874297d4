// The process that a daemon runs in: its signals, its messages and its exit status.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "base/settings.h"
#include "slurper/result.h"

namespace slurper {

// Call it first, before the configuration is read and before any thread is started: from then on the signals
// that run_daemon() handles wait for it, and none ends the process.
void hold_signals();

// Reads the FIFO into the log until SIGTERM or SIGINT, in the foreground, and returns the process's exit
// status. It calls `reload` on SIGHUP. `level`: minimum severity to log, one of spdlog's names ("info").
// `warnings`: problems that were found in the settings and on the machine; a successful start reports them
// once.
int run_daemon(const Settings& settings, const std::function<Result<Settings>()>& reload,
               std::string_view level, std::span<const Phrase> warnings);

// Call this after a failed start if a socket unit (has_socket_unit()) would start slurper again at once:
// waits for a second, or for a signal to stop.
void delay_next_start();

}  // namespace slurper
