// Snapshot: the state of all stages at one moment, as data.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "control/alerts.h"
#include "intake/intake_loop.h"
#include "log/log_thread.h"
#include "sink/runner.h"
#include "watch/pipe_monitor.h"

namespace slurper {

struct Rate {
  std::chrono::seconds window{};
  std::uint64_t bytes = 0;  // per second
  std::uint64_t lines = 0;  // the same
};

// All renderers of slurper's state (SIGUSR2, systemd's STATUS=, the control socket) use this. Each stage
// publishes its part without a lock on the path of the data, so the parts may be some microseconds apart.
struct Snapshot {
  FifoStatus fifo;
  IntakeStatus intake;
  WatchStatus watch;
  LogStatus log;
  std::vector<SinkStatus> sinks;
  std::vector<SinkStatus> ending_sinks = {};  // a reload has changed or removed them
  std::vector<ActiveAlert> alerts;
  // Quarantined rings beside the current one: how many bytes they hold, and how to recover them ("LOG", or
  // "--ring DIRECTORY LOG", as `slurper recover` takes it).
  std::uint64_t quarantined_bytes = 0;
  std::string recover_arguments = {};
  // For the control socket:
  std::string ring_folder = {};
  std::chrono::system_clock::time_point started_at = {};
  std::vector<Rate> rates = {};  // within the last second, and the last 1, 5 and 15 minutes
};

}  // namespace slurper
