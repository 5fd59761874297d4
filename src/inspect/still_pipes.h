// Tells a reader that is slow from one that has stopped.
#pragma once

#include <span>

#include "inspect/kernel_pipes.h"
#include "inspect/pipe_facts.h"

namespace slurper {

// Fills in what the processes that hold the pipe are and do now.
void look_at_processes(PipeFacts& facts);

// Sets PipeFacts::stands_still of the full ones, for which it watches all of them for a fifth of a second,
// and what their processes do at its end. `kernel`: where the facts are from; null: from /proc.
void watch_full_pipes(std::span<PipeFacts> pipes, KernelPipes* kernel);

}  // namespace slurper
