// The start: FIFO, ring and log are opened, and what a crash has left is resolved.
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

// Opens all that a byte passes through, before any thread is started. What is wrong with the FIFO is found
// before anything is made; a FIFO that must be made is made last. A crash at any point leaves what the next
// start resolves. Errors: as open_fifo(), LogWriter::open(), Ring::open() and FdStore::check().
[[nodiscard]] Result<Stages> open_stages(Os& os, const Settings& settings, FdStore& fd_store,
                                         EventListener& events);

}  // namespace slurper
