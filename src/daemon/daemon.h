// The daemon: everything together.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/settings.h"
#include "slurper/result.h"

namespace slurper {

// Reads the FIFO into the log until SIGTERM or SIGINT, in the foreground, and returns the process's exit
// status. Call it before any thread is started: it blocks the signals it handles. `reload` is called on
// SIGHUP. `level`: the minimum severity of the messages to show, by spdlog's names ("info"). `warnings`: what
// a look at the settings and the machine found; they are shown once, after a start that succeeded.
int run_daemon(const Settings& settings, const std::function<Result<Settings>()>& reload,
               std::string_view level, std::span<const std::string> warnings);

// A start has failed, and a socket unit (has_socket_unit()) would start the next one at once: waits for a
// second, or for a signal to stop.
void delay_next_start();

}  // namespace slurper
