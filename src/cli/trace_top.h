// slurper trace --top: what the recorded processes are doing at the moment, each second anew.
#pragma once

#include <cstdio>

#include "cli/trace_live_command.h"

namespace slurper {

// A terminal shows one screen, which is drawn over; whatever else the output is gets one screen after
// another. Returns the exit status: that of the command, if there is one.
int top_command(const LiveOptions& options, const TraceOptions& shown, std::FILE* err);

}  // namespace slurper
