// PtraceEngine: traces by ptrace(2), where BPF is not available.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "recorder/engine.h"
#include "recorder/thread_records.h"
#include "recorder/traced_thread.h"

namespace slurper {

// Each traced thread stops at the beginning and at the end of each call, and runs on when this process has
// looked. Whom it traces is only let go by the end of this process: the kernel does that without a stop,
// which would cut short the calls that are under way. For one thread.
class PtraceEngine : public Engine {
 public:
  static Recorded<std::unique_ptr<Engine>> start(const TraceConfig& config, const Receiver& receiver);

  Recorded<void> attach() override { return {}; }
  void detach() override;
  [[nodiscard]] std::string objection_to(pid_t pid) const override;
  void list_process(pid_t pid) override;
  [[nodiscard]] bool has_processes() const override { return !threads_.empty(); }
  [[nodiscard]] bool finds_newcomers() const override { return false; }
  // Stops them until consume(), so that what is read of them before is what the first records continue.
  Recorded<void> mark_threads() override;
  void report_threads(const Receiver& receiver) override;
  void visit_files(const Receiver& receiver) override;
  void consume() override;
  void wait(int fd, std::chrono::milliseconds at_most) override;
  std::optional<int> wait_status(pid_t child) override;
  [[nodiscard]] std::vector<std::uint64_t> lost() const override { return {}; }
  [[nodiscard]] std::uint64_t complete_until(std::uint64_t now) const override;

 private:
  PtraceEngine(const TraceConfig& config, const Receiver& receiver);

  void seize_process(pid_t pid);
  bool seize_thread(pid_t pid, pid_t tid);
  [[nodiscard]] Recorded<void> check_refused();
  void let_stop();
  bool serve();
  void take_status(pid_t tid, int status);
  void end_thread(pid_t tid, int status);
  void take_stop(TracedThread& thread, int status);
  void take_call_stop(TracedThread& thread);
  void begin_call(TracedThread& thread, std::uint16_t nr, const std::uint64_t* args, bool is_compat);
  void take_event_stop(TracedThread& thread, int signal);
  void take_first_stop(TracedThread& thread);
  void take_fork(TracedThread& parent);
  void take_exec(TracedThread& thread);
  void take_exit(TracedThread& thread);
  void take_signal(TracedThread& thread, int signal);
  void release_orphans();
  void release(TracedThread& thread);
  void report_exit(TracedThread& thread, int status);
  void report_sleepers();
  [[nodiscard]] bool is_traced(pid_t pid) const;
  [[nodiscard]] bool is_waited_for() const;

  ThreadRecords records_;
  UniqueFd children_;  // readable when a child or a traced thread has changed its state
  pid_t own_pid_;
  pid_t own_parent_pid_;
  std::set<pid_t> carriers_;  // of this program's output: to stop them would be to wait for itself
  std::set<pid_t> listed_;
  std::vector<pid_t> to_seize_;
  std::map<pid_t, int> refused_;  // process, errno
  std::map<pid_t, int> ended_;    // listed process, wait status
  std::unordered_map<pid_t, TracedThread> threads_;
  bool holds_ = false;
  bool has_detached_ = false;
};

}  // namespace slurper
