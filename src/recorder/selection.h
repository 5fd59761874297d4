// Selection: whose calls are recorded.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "recorder/current_call.h"
#include "recorder/engine.h"
#include "recorder/options.h"
#include "trace/engine/file_table.h"
#include "trace/engine/param_plan.h"

namespace slurper {

// From what the options select to the processes that the engine watches, and who comes to be watched later.
// For one thread.
class Selection {
 public:
  // Both outlive it.
  Selection(const RecorderOptions& options, ListeningPorts& ports) : options_(options), ports_(ports) {}

  // Sets what the engine must know before it begins. Fails if there is no such FIFO.
  Recorded<void> fill(TraceConfig& config);
  // Whether the selected processes exist, and may be watched.
  [[nodiscard]] Recorded<void> check(const Engine& engine) const;
  // Watches them; `command`: the one that was started for this, or 0.
  Recorded<void> choose(Engine& engine, pid_t command);
  // Watches who has come since, and returns them: their descriptors are not known.
  Recorded<std::set<pid_t>> watch_newcomers(Engine& engine);

  // Whether the process is watched, so that it may show its arguments.
  [[nodiscard]] bool is_watched(pid_t pid) const {
    return options_.whole_machine() != watched_.contains(pid);
  }
  // After a loss: these processes live and are watched. Not with the whole machine.
  void correct(const std::set<pid_t>& living);
  // Whether any process is left of those that were selected.
  [[nodiscard]] bool has_living(const Engine& engine) const;

  // What becomes of processes. Returns whether that was all that the record has to say.
  bool take(const TraceRecord& record);
  // A call that opens the FIFO by another name, such as a link, gets the name that the kernel has for it.
  void name_fifo(CurrentCall& call) const;
  // The inode of the FIFO; 0 without one.
  [[nodiscard]] std::uint64_t fifo_inode() const { return fifo_.second; }
  // Of an open that may be one of the FIFO (RecordPerhaps): whether it is.
  [[nodiscard]] bool is_of_fifo(const RecordView& view);
  // Whether the thread sleeps in an open of the FIFO, which was reported.
  [[nodiscard]] bool sleeps_in_open(u32 tid) const { return opens_fifo_.contains(tid); }

 private:
  void list(Engine& engine, const std::set<pid_t>& pids);
  [[nodiscard]] Recorded<void> list_users_of_fifo(Engine& engine);
  [[nodiscard]] Recorded<void> list_unit(Engine& engine);
  void list_peers(Engine& engine);
  [[nodiscard]] bool opens_fifo(const TraceRecord& record, std::string_view path) const;
  [[nodiscard]] std::set<pid_t> sleepers_in_open() const;

  const RecorderOptions& options_;
  ListeningPorts& ports_;
  std::set<pid_t> watched_;    // with whole_machine: those left out
  std::set<pid_t> selected_;   // those watched that are no peers of others
  std::set<pid_t> newcomers_;  // watched, but perhaps not all of their threads are
  std::pair<dev_t, ino_t> fifo_{};
  std::string fifo_path_;               // without links
  std::unordered_set<u32> opens_fifo_;  // threads that sleep in an open of it
  std::chrono::steady_clock::time_point peers_due_;
};

}  // namespace slurper
