// What is wrong with a pipe, according to its facts, and what to do about it.
#pragma once

#include <string>

#include "cli/finding.h"
#include "inspect/pipe_facts.h"

namespace slurper {

// Whether a syslogd's settings name the FIFO. Unknown for a pipe without a path.
enum class NamedBySyslogd { Unknown, Yes, No };

// The worst first. If nothing is wrong, one finding says so. Pure.
[[nodiscard]] Findings judge_pipe(const PipeFacts& facts, NamedBySyslogd named);

// "64KiB of 64KiB, 16 of 16 slots", "12KiB of 64KiB", "an unknown number of bytes": to follow "It holds".
[[nodiscard]] std::string fill_text(const PipeFacts& facts);

}  // namespace slurper
