// Doorbell: wakes one thread, cheaply and often.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace slurper {

// One thread waits, any thread rings; a ring that comes while no thread waits is kept for the next wait. What
// was stored before ring() is seen after the wait() that it ends. A condition variable would do, at the price
// of a mutex that the woken thread finds taken by its waker: this is one system call on each side, and none
// for a ring that no thread waits for.
class Doorbell {
 public:
  using Clock = std::chrono::steady_clock;

  void ring() {
    if (state_.exchange(Rung) == Waiting) wake();
  }

  // Returns when it has been rung since the last wait, at `deadline`, or now and then for no reason.
  // Clock::time_point::max(): no deadline.
  void wait(Clock::time_point deadline);

 private:
  enum State : std::uint32_t { Quiet, Waiting, Rung };

  void wake();

  std::atomic<std::uint32_t> state_{Quiet};
  static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
};

}  // namespace slurper
