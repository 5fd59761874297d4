// Waiting for a condition: never for a time.
#pragma once

#include <chrono>
#include <thread>

namespace slurper::test {

// Long enough for a sanitizer's build on a busy machine: who waits this long has failed.
inline constexpr std::chrono::seconds kDeadline{30};

// Polls until `condition` holds (true) or the deadline has passed (false).
template <typename Condition>
[[nodiscard]] bool eventually(Condition condition, std::chrono::milliseconds deadline = kDeadline) {
  using Clock = std::chrono::steady_clock;
  for (const auto end = Clock::now() + deadline;;) {
    if (condition()) return true;
    if (Clock::now() >= end) return condition();
    std::this_thread::sleep_for(std::chrono::microseconds(300));
  }
}

}  // namespace slurper::test
