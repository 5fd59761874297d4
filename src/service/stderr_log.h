// Standard error, where slurper's own messages go: spdlog.
#pragma once

#include <string_view>

#include "service/message_table.h"
#include "slurper/result.h"

namespace slurper {

// Sets spdlog's default logger up. A line is "<6>text" where standard error is the journal (sd-daemon(3)),
// else it bears the time and the level. Messages are written by a thread of their own and the oldest give way
// if they are not taken: a stuck journal must never hold up the intake. `level`: spdlog's names ("info").
[[nodiscard]] Status start_stderr_log(std::string_view level);

// Any thread, between start and stop; never waits.
void write_to_stderr_log(MessageLevel level, std::string_view text);

// Writes what is still to be written. Call before exit, when no other thread writes any more.
void stop_stderr_log();

}  // namespace slurper
