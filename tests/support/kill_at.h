// SIGKILL at a chosen place of a program's life: at every system call, at every instruction.
//
// strace's `-e inject=…:signal=SIGKILL:when=N` does not do: it counts for each thread by itself. With N up to
// the calls of the busiest thread, a kill would hit whichever thread gets to its N-th call first, and the
// later calls of the other threads never; it also knows no kill between a call's return and the next
// instruction.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "support/child.h"

namespace slurper::test {

// Where to kill. A stop is the entry into a system call (the kernel has not begun) or its exit (it has done
// it, and the program does not know yet); both count, over all threads of the program in the order in which
// they happen.
struct KillPlan {
  std::uint64_t stop = 0;            // SIGKILL at this one; the first is 1. 0: never
  std::optional<long> syscall = {};  // count this one's stops only
  bool main_thread_only = false;     // count the main thread's only
};

struct TraceOutcome {
  int status = 0;           // wait status of the program
  bool killed = false;      // by the plan
  std::uint64_t stops = 0;  // that counted
  std::string where;        // of the kill: "exit of write, main thread"
};

// A program under ptrace(2) from its exec to its end. All tracing is done by one thread of its own, since the
// kernel ties tracing to a thread; the functions here are for the thread that made the object. The program is
// killed when the test dies.
class TracedChild {
 public:
  TracedChild(const Program& program, const KillPlan& plan);
  TracedChild(const TracedChild&) = delete;
  TracedChild& operator=(const TracedChild&) = delete;
  ~TracedChild();

  [[nodiscard]] bool running() const { return running_; }
  void signal(int number) const;
  [[nodiscard]] std::string err() const { return captured(stderr_); }
  // Waits for its end, killed or not. A program that takes longer than `deadline` is killed: not by the plan,
  // then.
  const TraceOutcome& wait(std::chrono::milliseconds deadline = kDeadline);

 private:
  void trace(const Program& program, const KillPlan& plan);

  UniqueFd stderr_ = make_capture();
  std::atomic<pid_t> pid_ = -1;
  std::atomic<bool> running_ = true;
  TraceOutcome outcome_;
  std::thread tracer_;
};

struct StepOutcome {
  bool killed = false;
  std::uint64_t instructions = 0;  // that were stepped
  std::string error;
};

// Takes hold of the running process `pid` from the calling thread, and calls `armed`, which writes into the
// FIFO. The main thread is let run to the return of its first ioctl(FIONREAD) that reports bytes, then goes
// on instruction by instruction, and is killed after `instructions` of them. Where the first system call
// after the read of that pipe is about to begin before, the process is let go unhurt: the window was
// shorter. The process is reaped by its parent, which must not wait for it meanwhile. x86-64 only.
StepOutcome step_and_kill(pid_t pid, std::uint64_t instructions, const std::function<void()>& armed);

// Holds every thread of `pid` but the main one, each in a system call in which it holds no lock that the main
// one could wait for: a disk that stalls, as far as the rest of the process can tell. Let go at the end of
// its life. Made, used and destroyed by one thread.
class StalledThreads {
 public:
  explicit StalledThreads(pid_t pid);
  StalledThreads(const StalledThreads&) = delete;
  StalledThreads& operator=(const StalledThreads&) = delete;
  ~StalledThreads();

  [[nodiscard]] std::size_t count() const { return held_.size(); }

 private:
  bool hold_more(pid_t pid);
  void hold(pid_t pid, pid_t tid);

  std::vector<pid_t> held_;
};

}  // namespace slurper::test
