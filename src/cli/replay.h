// `slurper replay`: delivers a sink's dead letters once more.
#pragma once

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>

#include "base/settings.h"

namespace slurper {

// Prints to `out` what became of the dead letters of the sink `sink`, errors to `err`, and returns the exit
// status. `wait` waits for that long, and returns whether the user has interrupted the command.
int replay_command(const Settings& settings, const std::string& sink,
                   const std::function<bool(std::chrono::milliseconds)>& wait, std::FILE* out,
                   std::FILE* err);

}  // namespace slurper
