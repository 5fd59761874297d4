// Waiting for a condition: never for a time.
#pragma once

#include <chrono>
#include <thread>

namespace slurper::test {

// For one event. A machine that is slow takes longer, and only a wait that would never end shall fail.
inline constexpr std::chrono::seconds kDeadline{120};

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

// As eventually(), for what comes bit by bit: it fails when `measure` has not changed for `stall`, however
// long the whole takes.
template <typename Measure, typename Condition>
[[nodiscard]] bool eventually_by_progress(Measure measure, Condition condition,
                                          std::chrono::milliseconds stall = kDeadline) {
  for (auto before = measure();;) {
    bool moved = false;
    const bool done = eventually([&] { return condition() || (moved = measure() != before); }, stall);
    if (!done || !moved) return done;
    before = measure();
  }
}

}  // namespace slurper::test
