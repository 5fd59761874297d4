// The watchdog: whether a thread deserves that systemd is told that it lives.
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

// Of a thread of this process. /proc/self/task/TID/syscall: nothing is noted by the thread itself, so it
// costs nothing but this look.
[[nodiscard]] ThreadState thread_state(pid_t tid);

// Judges one thread by two things that it shows: a count of its steps, and whether there is anything to do.
// A thread that has something to do and takes no step is stuck, but there are two ways to be stuck. One is a
// bug of ours, a lost wake-up, a deadlock, an endless loop: a new process helps. The other is a disk that
// does not answer: the thread sits in write(2), a kill would not even end it before the disk does, and the
// ring takes what comes meanwhile. Pure: time and kernel come from outside.
class StallDetector {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Verdict { Lives, WaitsForTheDisk, Hangs };

  // No step of a healthy thread takes longer: the log's thread sleeps for 1 s when a write has failed.
  static constexpr std::chrono::seconds kLongestStep{3};

  explicit StallDetector(std::function<ThreadState()> look) : look_(std::move(look)) {}

  Verdict judge(std::uint64_t steps, bool has_work, Clock::time_point now);
  // Since when the thread has been seen where it is now.
  [[nodiscard]] Clock::time_point stuck_since() const { return since_; }

 private:
  std::function<ThreadState()> look_;
  std::uint64_t steps_ = 0;
  Clock::time_point since_;
  Clock::time_point at_the_disk_;  // when it was last seen there, or moved
  bool had_work_ = false;
};

}  // namespace slurper
