// Gives a log another identity.
#pragma once

#include "base/os.h"
#include "log/log_ids.h"
#include "log/segment_name.h"
#include "slurper/result.h"

namespace slurper {

// Gives the log a new id, and returns it with the former one. The one step that counts is one write of the
// index, which names both ids from then on: a cursor, or the arrival times, that still have the former one
// are this log's, whether or not a crash keeps this function from giving them the new one, too. So a crash
// leaves the log with the former identity or with the new one, and complete.
//
// Fails with NoInput if there is no log, with Busy if a slurper writes it or has one of its cursors, and as
// read_index().
[[nodiscard]] Result<LogIds> give_new_identity(Os& os, const LogPaths& paths);

}  // namespace slurper
