// The start: opens the FIFO, the ring and the log, and resolves what a crash has left.
#pragma once

#include <memory>
#include <string>

#include "base/event.h"
#include "base/os.h"
#include "base/settings.h"
#include "fifo/fifo.h"
#include "log/log_writer.h"
#include "log/time_index.h"
#include "ring/ring.h"
#include "service/fd_store.h"
#include "slurper/result.h"

namespace slurper {

struct Stages {
  Fifo fifo;
  std::unique_ptr<LogWriter> writer;
  std::unique_ptr<Ring> ring;
  std::string ring_path;
  std::unique_ptr<TimeIndex> times;
};

// Opens all stages that a byte passes through, before any thread is started. Detects faults of the FIFO
// before it creates anything, and creates a missing FIFO last. After a crash at any point, the next start
// resolves what is left. Errors: as open_fifo(), LogWriter::open(), Ring::open() and FdStore::check().
[[nodiscard]] Result<Stages> open_stages(Os& os, const Settings& settings, FdStore& fd_store,
                                         EventListener& events);

}  // namespace slurper
