#include "base/doorbell.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace slurper {
namespace {

using namespace std::chrono_literals;
using Clock = Doorbell::Clock;

constexpr auto kNever = Clock::time_point::max();

TEST(Doorbell, ARingIsKeptForTheNextWait) {
  Doorbell bell;
  bell.ring();
  bell.ring();
  bell.wait(kNever);  // without the ring it would not return
}

TEST(Doorbell, ARingIsHeardOnce) {
  Doorbell bell;
  bell.ring();
  bell.wait(kNever);
  const auto deadline = Clock::now() + 20ms;
  while (Clock::now() < deadline) bell.wait(deadline);  // returns by the deadline alone
  EXPECT_GE(Clock::now(), deadline);
}

TEST(Doorbell, ADeadlineInThePastDoesNotWait) {
  Doorbell bell;
  bell.wait(Clock::now() - 1s);
}

// Each side waits for the other's step: one lost ring, and both wait for ever.
TEST(Doorbell, NoRingIsLost) {
  constexpr int kSteps = 20'000;
  Doorbell ping, pong;
  std::atomic<int> steps{0};
  std::thread other([&] {
    for (int i = 0; i < kSteps; ++i) {
      while (steps.load(std::memory_order_relaxed) != 2 * i + 1) ping.wait(kNever);
      steps.store(2 * i + 2, std::memory_order_relaxed);
      pong.ring();
    }
  });
  for (int i = 0; i < kSteps; ++i) {
    steps.store(2 * i + 1, std::memory_order_relaxed);
    ping.ring();
    while (steps.load(std::memory_order_relaxed) != 2 * i + 2) pong.wait(kNever);
  }
  other.join();
  EXPECT_EQ(steps.load(), 2 * kSteps);
}

// What was stored before the ring is seen after the wait, even if it is no atomic: for ThreadSanitizer.
TEST(Doorbell, OrdersWhatWasStoredBefore) {
  Doorbell bell;
  std::atomic<bool> done{false};
  int value = 0;
  std::thread other([&] {
    value = 42;
    done.store(true, std::memory_order_relaxed);
    bell.ring();
  });
  bell.wait(kNever);
  while (!done.load(std::memory_order_relaxed)) bell.wait(kNever);
  EXPECT_EQ(value, 42);
  other.join();
}

}  // namespace
}  // namespace slurper
