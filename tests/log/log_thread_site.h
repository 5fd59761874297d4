// A log's thread between a FIFO and a log, with an intake that the test itself turns.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "intake/intake.h"
#include "log/log_files.h"
#include "log/log_thread.h"
#include "support/recorded_messages.h"

namespace slurper {

class LogThreadTest : public testing::Test {
 protected:
  LogThreadTest() {
    FifoSettings fifo_settings;
    fifo_settings.path = directory_ / "fifo";
    fifo_ = std::move(*open_fifo(kernel(), fifo_settings));
    settings_.path = paths_.active();
    settings_.sync.mode = SyncMode::None;
    settings_.rotate_size = {100'000};
    settings_.compress = Compression::Zstd;
    const Uuid boot = new_uuid();
    writer_ = std::move(*LogWriter::open(kernel(), settings_, boot));
    RingSettings ring_settings;
    ring_settings.size = {4 << 20};
    ring_ = std::move(Ring::open(kernel(), directory_.path(), ring_settings, writer_->log_id(), boot,
                                 {.readable_from = 0, .end = writer_->end().value})
                          ->ring);
    times_ = TimeIndex::open(kernel(), paths_, writer_->log_id(), writer_->access(), {});
    intake_ = std::make_unique<Intake>(kernel(), *ring_, WhenFull::Block, times_.get());
    thread_ = std::make_unique<LogThread>(*ring_, *writer_, *times_, settings_, messages_.listener(), [] {});
  }

  // Waits until the log is written up to `end`. A wait may end for nothing: what wakes it was perhaps sent
  // for an earlier one that did not have to sleep.
  static void wait_for(LogFeed::Listener& listener, StreamOffset end) {
    while (!listener.wait_until(end, LogFeed::Clock::time_point::max())) continue;
  }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "messages"};
  LogSettings settings_;
  Fifo fifo_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<TimeIndex> times_;
  std::unique_ptr<Intake> intake_;
  test::RecordedMessages messages_;
  std::unique_ptr<LogThread> thread_;
};

}  // namespace slurper
