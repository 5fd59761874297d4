// Standard error, to which slurper writes its own messages: spdlog.
#pragma once

#include <string_view>

#include "service/message_table.h"
#include "slurper/result.h"
#include "slurper/sink.h"

namespace slurper {

// Sets up spdlog's default logger. A line is "<6>text" if standard error is the journal (sd-daemon(3)), and
// has the time and the level otherwise. A thread of its own writes the messages, and drops the oldest if they
// are not read: a stuck journal must never hold up the intake. `level`: one of spdlog's names ("info").
[[nodiscard]] Status start_stderr_log(std::string_view level);

// Any thread may call it, between start and stop. Sets the level, and returns the one before.
Level set_stderr_log_level(Level level);

// Any thread may call it, between start and stop. Never waits.
void write_to_stderr_log(MessageLevel level, std::string_view text);

// Writes all messages that are still queued. Call it before exit, when no other thread writes any more.
void stop_stderr_log();

}  // namespace slurper
