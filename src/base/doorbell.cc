#include "base/doorbell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

#include "base/contract.h"

namespace slurper {

void Doorbell::wait(Clock::time_point deadline) {
  std::uint32_t expected = Quiet;
  if (state_.compare_exchange_strong(expected, Waiting)) {
    // FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC, the clock of steady_clock.
    const auto since_boot = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
    const timespec until{.tv_sec = seconds.count(), .tv_nsec = (since_boot - seconds).count()};
    // EAGAIN (rung just now), EINTR and ETIMEDOUT all mean: check again.
    (void)::syscall(SYS_futex, &state_, FUTEX_WAIT_BITSET_PRIVATE, Waiting,
                    deadline == Clock::time_point::max() ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
  }
  SLURPER_ASSERT(expected != Waiting);  // no other thread waits
  state_.exchange(Quiet);
}

void Doorbell::wake() {
  (void)::syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace slurper
