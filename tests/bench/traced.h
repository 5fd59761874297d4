// One run of a process that makes calls, with a recorder that traces it, or without.
#pragma once

#include "bench/run.h"
#include "slurper/result.h"

namespace slurper::bench {

// The peer is the recorder: `{pid}` in its command is the process to trace. It has begun when {out} has
// content, ends with that process or on SIGTERM, and says "N records lost" at its end. One without a command
// is no recorder. Metrics:
//   call_us             microseconds of CPU that a call of the process takes
//   lost                records
//   recorder_cpus       how many CPUs the recorder kept busy, from the first call to its own end
//   events_per_second   beginnings and ends of calls
//   noise_cpus          CPUs that were busy with other work, the reader of the FIFO included
Result<Outcome> run_traced(const Peer& peer, const CallPlan& plan, const Places& places);

}  // namespace slurper::bench
