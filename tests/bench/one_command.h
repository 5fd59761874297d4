// A command that answers and ends.
#pragma once

#include <chrono>

#include "bench/run.h"
#include "bench/surroundings.h"
#include "slurper/result.h"

namespace slurper::bench {

// Runs `peer`'s command until it ends by itself; what it writes is in the places of `filling`, which has a
// {disk}. Fails the run if it takes longer than `patience`. Metrics:
//   wall_ms      milliseconds
//   cpu_ms       of the command and the children that it has waited for
//   noise_cpus   CPUs that were busy with other work
[[nodiscard]] Result<Outcome> run_to_its_end(const Peer& peer, const Filling& filling,
                                             std::chrono::seconds patience);

}  // namespace slurper::bench
