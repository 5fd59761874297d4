// Asks a slurper for its status.
#pragma once

#include <chrono>
#include <string>

#include "control/status_report.h"
#include "slurper/result.h"

namespace slurper {

struct Answered {
  std::string json;  // one line, without its newline
  StatusReport report;
};

// Asks the slurper that listens at the socket `path`, and waits for its answer no longer than `patience`.
// Errors: NoInput (there is no such socket, or no process listens at it), NoPermission, Busy (the process has
// not answered), Data (something else has answered).
[[nodiscard]] Result<Answered> ask_status(const std::string& path, std::chrono::milliseconds patience);

}  // namespace slurper
