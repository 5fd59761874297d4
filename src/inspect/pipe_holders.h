// Who has pipes open: by the kernel's own structures, or by /proc.
#pragma once

#include <optional>
#include <vector>

#include "inspect/kernel_pipes.h"
#include "inspect/pipe_facts.h"

namespace slurper {

// Fills in the holders of the pipe that `facts` identifies, of those that stood at its path before, and what
// the kernel says of it. False if the look does not have that pipe.
bool take_from_kernel(PipeFacts& facts, const KernelLook& look);

// The same by a search of /proc, without what only the kernel knows.
void take_from_proc(PipeFacts& facts);

// All FIFOs that a process has open, each with its holders alone.
[[nodiscard]] std::vector<PipeFacts> fifos_from_kernel(const KernelLook& look);
[[nodiscard]] std::vector<PipeFacts> fifos_from_proc();

}  // namespace slurper
