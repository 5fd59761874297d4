// Recorder: one recording, from the engine to the capture.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "recorder/engine.h"
#include "recorder/options.h"
#include "recorder/selection.h"
#include "recorder/traced_command.h"
#include "trace/engine/event_queue.h"
#include "trace/engine/process_book.h"
#include "trace/engine/record_converter.h"
#include "trace/engine/unix_connections.h"
#include "trace/engine/wall_clock.h"
#include "trace/scap/capture_output.h"

namespace slurper {

// For one thread.
class Recorder {
 public:
  explicit Recorder(RecorderOptions options);

  // Records until the end that the options or a signal set. Returns the exit status.
  Recorded<int> run();

 private:
  Recorded<void> prepare();
  Recorded<TraceConfig> config();
  void find_blocked();
  void find_mappings();
  Recorded<void> record();
  Recorded<void> turn();
  Recorded<void> finish();
  void take(std::string_view record);
  bool count_drops();
  void append_tables();
  void restate_tables_if_due(bool has_lost);
  [[nodiscard]] bool ended();
  void report() const;
  void show_progress();
  [[nodiscard]] std::uint64_t lost_records() const;

  RecorderOptions options_;
  std::optional<CaptureOutput> output_;
  std::optional<TracedCommand> command_;
  std::unique_ptr<Engine> engine_;
  EventQueue queue_;
  UnixConnections connections_;
  ProcessBook processes_;
  RecordConverter converter_;
  Selection selection_;
  UniqueFd signals_;
  WallClock clock_;
  std::uint64_t attached_at_ = 0;
  bool command_runs_ = false;  // it has reached its execve(2)
  int interrupts_ = 0;
  bool terminated_ = false;
  // What is shown on a terminal: since when, and what at last.
  std::chrono::steady_clock::time_point began_at_;
  std::chrono::steady_clock::time_point shown_at_;
  std::uint64_t shown_events_ = 0;
  std::chrono::steady_clock::time_point end_at_ = std::chrono::steady_clock::time_point::max();
  std::uint64_t records_ = 0;
  std::vector<std::uint64_t> lost_;
  // When the first record was lost since the tables were written, and when that was. CLOCK_MONOTONIC.
  std::optional<std::uint64_t> doubtful_since_;
  bool has_newcomers_ = false;  // whose descriptors the tables lack
  std::uint64_t tables_at_ = 0;
  std::string pending_;
};

}  // namespace slurper
