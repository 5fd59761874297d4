// What a log's ring says about the log.
#pragma once

#include "base/uuid.h"
#include "log/verify.h"
#include "ring/ring_view.h"

namespace slurper {

// Holds `log`, which was read after `ring` was looked at, against that, and adds what it finds: what the log
// lacks, what has been cut from it or written to it by others, what was dropped. Pure.
void check_ring(const RingView& ring, const Uuid& boot, LogVerification& log);

}  // namespace slurper
