// One run of a program that passes lines on: as fast as it takes them, to a file or a receiver.
#pragma once

#include "bench/lines.h"
#include "bench/run.h"
#include "slurper/result.h"

namespace slurper::bench {

// The writers of `plan` fill the peer's input; the run is over when the last line has arrived. What arrives
// is counted, not looked at. Metrics:
//   lines_per_second  from the first write(2) to the last arrival
//   cpu_per_million   the peer's CPU seconds for a million lines meanwhile, all threads
//   resident_mib      memory at the end
//   noise_cpus        CPUs that were busy with other work, the receiver's included
Result<Outcome> run_forward(const LineMaker& maker, const Peer& peer, const RunPlan& plan,
                            const Places& places);

}  // namespace slurper::bench
