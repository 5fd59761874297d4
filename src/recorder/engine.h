// Engine: how a recording learns of system calls.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "recorder/options.h"
#include "trace/engine/event.h"

namespace slurper {

// BPF programs in the kernel, or ptrace(2): both report the records of trace/engine/event.h. The processes
// that are watched run on as before when this process ends, however that ends. For one thread.
class Engine {
 public:
  // A record and what follows it.
  using Receiver = std::function<void(std::string_view record)>;

  virtual ~Engine() = default;

  // From now on, what watched threads do is reported. None is watched yet, unless a FIFO is selected.
  virtual Recorded<void> attach() = 0;
  virtual void detach() = 0;

  // Why the process can't be listed; empty if it can.
  [[nodiscard]] virtual std::string objection_to(pid_t pid) const = 0;
  // Lists the process: one to watch, or with whole_machine one to leave out.
  virtual void list_process(pid_t pid) = 0;
  // Whether any process is listed that has not ended.
  [[nodiscard]] virtual bool has_processes() const = 0;
  // Whether a process that opens the selected FIFO comes to be watched by that.
  [[nodiscard]] virtual bool finds_newcomers() const = 0;
  // Watches all threads of the listed processes. Fails if none of them may be watched.
  virtual Recorded<void> mark_threads() = 0;
  virtual void report_threads(const Receiver& receiver) = 0;
  // The open files of all processes, or of those that matter for the listed ones.
  virtual void visit_files(const Receiver& receiver) = 0;

  // Hands over all records that have come.
  virtual void consume() = 0;
  // Waits for records that are better taken at once, until `fd` is readable, or for the time.
  virtual void wait(int fd, std::chrono::milliseconds at_most) = 0;
  // The wait status of a child of this process, which is thereby reaped; nothing while it runs.
  virtual std::optional<int> wait_status(pid_t child) = 0;

  // Records that were lost, of each processor.
  [[nodiscard]] virtual std::vector<std::uint64_t> lost() const = 0;
  // No call that has not been reported began before this time (CLOCK_MONOTONIC), of those that had begun at
  // `now`.
  [[nodiscard]] virtual std::uint64_t complete_until(std::uint64_t now) const = 0;

 protected:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
};

// The engine that the options ask for: BPF, or ptrace if BPF is not available, which is then reported on
// standard error. Fails with what is missing, and how to get it.
[[nodiscard]] Recorded<std::unique_ptr<Engine>> make_engine(const RecorderOptions& options,
                                                            const TraceConfig& config,
                                                            const Engine::Receiver& receiver);

}  // namespace slurper
