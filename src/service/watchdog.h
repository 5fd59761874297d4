// The watchdog: decides whether slurper reports a thread to systemd as alive.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

namespace slurper {

// What a thread is doing, as the kernel sees it.
enum class ThreadState {
  Running,           // in user space, or busy in the kernel
  WaitsForAThread,   // in futex(2)
  WaitsForTheKernel  // in any other system call, or for a page of memory; or unknown
};

// The state of a thread of this process, from /proc/self/task/TID/syscall. The thread itself records nothing,
// so this read is the only cost.
[[nodiscard]] ThreadState thread_state(pid_t tid);

// Judges one thread by a count of its steps, and by whether it has work. A thread that has work and takes no
// step is stuck, for one of two reasons. The first is a bug of slurper's, a lost wake-up, a deadlock, an
// endless loop: a new process helps. The second is a disk that does not answer: the thread is in write(2),
// even a kill would not end it before the disk answers, and the ring takes what arrives meanwhile. Pure: the
// caller passes the time and the kernel's view.
class StallDetector {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Verdict { Lives, WaitsForTheDisk, Hangs };

  // No step of a healthy thread takes longer: the log's thread sleeps for 1 s after a failed write.
  static constexpr std::chrono::seconds kLongestStep{3};

  explicit StallDetector(std::function<ThreadState()> look) : look_(std::move(look)) {}

  Verdict judge(std::uint64_t steps, bool has_work, Clock::time_point now);
  // The time since which the thread has taken no step.
  [[nodiscard]] Clock::time_point stuck_since() const { return since_; }

 private:
  std::function<ThreadState()> look_;
  std::uint64_t steps_ = 0;
  Clock::time_point since_;
  Clock::time_point at_the_disk_;  // when it was last seen waiting for the disk, or made a step
  bool had_work_ = false;
};

}  // namespace slurper
