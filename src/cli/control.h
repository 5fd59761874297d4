// `slurper control`.
#pragma once

#include <cstdio>
#include <string>

#include "control/control_request.h"

namespace slurper {

// Has the slurper of `instance` (its FIFO, its log or its control socket; empty: the one that runs) do what
// `request` says. Prints the outcome on `out`, or on `err` why there is none. Returns the exit status.
[[nodiscard]] int control_command(const std::string& instance, const ControlRequest& request, std::FILE* out,
                                  std::FILE* err);

}  // namespace slurper
