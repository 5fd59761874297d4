// Asks a slurper for its status.
#pragma once

#include <chrono>
#include <string>

#include "control/control_request.h"
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

// What has become of a request that changes something.
struct Carried {
  bool is_done = false;
  bool is_denied = false;  // this user may not ask for it
  std::string text;        // the outcome, or why not
};

// Asks for one, in the same way. Not done is no error.
[[nodiscard]] Result<Carried> ask_to(const std::string& path, const ControlRequest& request,
                                     std::chrono::milliseconds patience);

}  // namespace slurper
