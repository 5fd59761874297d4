// SinkLog: the log that sinks read.
#pragma once

#include "base/os.h"
#include "base/settings.h"
#include "log/log_feed.h"
#include "log/log_ids.h"
#include "log/segment_name.h"
#include "log/slot_file.h"
#include "log/time_index.h"
#include "slurper/record.h"

namespace slurper {

// Everything it refers to outlives the sinks.
struct SinkLog {
  Os& os;
  LogPaths paths;
  LogIds ids;
  MachineId machine;
  FileAccess access;  // for the files that are created beside it
  SyncPolicy sync;
  LogFeed& feed;
  const TimeIndex& times;
};

// This machine, as sinks see it.
[[nodiscard]] MachineId sink_machine_id();

}  // namespace slurper
