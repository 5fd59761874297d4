// Doorbell: wakes one thread, cheaply and often.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace slurper {

// One thread waits, any thread rings. A ring that comes while no thread waits is kept for the next wait.
// Stores before ring() are visible after the wait() that it ends. A condition variable would cost a mutex,
// which the waker still holds when the woken thread needs it. A doorbell costs one system call on each side,
// and none for a ring while no thread waits.
class Doorbell {
 public:
  using Clock = std::chrono::steady_clock;

  void ring() {
    if (state_.exchange(Rung) == Waiting) wake();
  }

  // Returns if it has been rung since the last wait, or at `deadline`, or rarely for no reason.
  // Clock::time_point::max(): no deadline.
  void wait(Clock::time_point deadline);

 private:
  enum State : std::uint32_t { Quiet, Waiting, Rung };

  void wake();

  std::atomic<std::uint32_t> state_{Quiet};
  static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
};

}  // namespace slurper
