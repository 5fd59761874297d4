// Recorder: one recording, from the engine to the capture.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "recorder/engine.h"
#include "recorder/options.h"
#include "recorder/traced_command.h"
#include "trace/engine/event_queue.h"
#include "trace/engine/process_book.h"
#include "trace/engine/record_converter.h"
#include "trace/engine/unix_connections.h"
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
  Recorded<void> choose_processes();
  Recorded<void> check_processes() const;
  void list(const std::set<pid_t>& pids);
  void find_blocked();
  void add_blocked(pid_t pid, pid_t tid, const std::vector<std::uint64_t>& call);
  Recorded<void> record();
  Recorded<void> turn();
  Recorded<void> finish();
  void take(std::string_view record);
  void take_move(const TraceRecord& record);
  void take_life(const TraceRecord& record);
  void list_peers();
  Recorded<void> mark_newcomers();
  [[nodiscard]] bool is_of_fifo(const RecordView& view);
  [[nodiscard]] bool opens_fifo(const TraceRecord& record, std::string_view path) const;
  [[nodiscard]] std::set<pid_t> sleepers_in_open();
  void count_drops();
  void look_at_clock();
  [[nodiscard]] bool ended();
  [[nodiscard]] bool is_watched(pid_t pid) const;
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
  std::set<pid_t> watched_;    // with whole_machine: those left out
  std::set<pid_t> selected_;   // those watched that are no peers of others
  std::set<pid_t> newcomers_;  // watched, but perhaps not all of their threads are
  std::pair<dev_t, ino_t> fifo_{};
  std::unordered_set<u32> opens_fifo_;  // threads that sleep in an open of it
  UniqueFd signals_;
  UniqueFd clock_;
  std::uint64_t attached_at_ = 0;
  std::int64_t clock_offset_ = 0;
  bool command_runs_ = false;  // it has reached its execve(2)
  std::chrono::steady_clock::time_point peers_due_;
  int interrupts_ = 0;
  bool terminated_ = false;
  // What is shown on a terminal: since when, and what at last.
  std::chrono::steady_clock::time_point began_at_;
  std::chrono::steady_clock::time_point shown_at_;
  std::uint64_t shown_events_ = 0;
  std::chrono::steady_clock::time_point end_at_ = std::chrono::steady_clock::time_point::max();
  std::uint64_t records_ = 0;
  std::vector<std::uint64_t> lost_;
  std::string pending_;
};

}  // namespace slurper
