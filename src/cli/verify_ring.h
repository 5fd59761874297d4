// Compares a log with its ring.
#pragma once

#include "base/uuid.h"
#include "log/verify.h"
#include "ring/ring_view.h"

namespace slurper {

// Compares `log` with `ring`, which was read first, and adds the findings: what the log lacks, what another
// process has cut from it or written to it, and what was dropped. Pure.
void check_ring(const RingView& ring, const Uuid& boot, LogVerification& log);

}  // namespace slurper
