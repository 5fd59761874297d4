// slurper's own messages: spdlog, to standard error.
#pragma once

#include <string_view>

#include "slurper/result.h"

namespace slurper {

// Sets spdlog's default logger up. A line is "<6>text" where standard error is the journal (sd-daemon(3)),
// else it bears the time and the level. Messages are written by a thread of their own and the oldest give way
// if they are not taken: a stuck journal must never hold up the intake. `level`: spdlog's names ("info").
[[nodiscard]] Status start_messages(std::string_view level);

// Writes what is still to be written. Call before exit.
void stop_messages();

}  // namespace slurper
