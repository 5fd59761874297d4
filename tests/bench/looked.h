// One look at who has a FIFO open, on a machine with many processes.
#pragma once

#include "bench/run.h"
#include "slurper/result.h"

namespace slurper::bench {

// The peer looks at {fifo}, which one process has open for both, and ends. Metrics: those of
// run_to_its_end().
Result<Outcome> run_look(const Peer& peer, const LookPlan& plan, const Places& places);

}  // namespace slurper::bench
