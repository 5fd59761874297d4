#include "control/rates.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

using namespace std::chrono_literals;

class RatesTest : public testing::Test {
 protected:
  const Rates::Clock::time_point begin_{1000h};
  Rates rates_{begin_};
  Rates::Count count_;

  // One round of the intake at `at` that brings `bytes`, a line of ten bytes each.
  void round(std::chrono::milliseconds at, std::uint64_t bytes) {
    rates_.note(begin_ + at, count_);
    count_.bytes += bytes;
    count_.lines += bytes / 10;
  }
  [[nodiscard]] std::uint64_t over(std::chrono::seconds window, std::chrono::milliseconds at) const {
    return rates_.over(window, begin_ + at, count_).bytes;
  }
};

TEST_F(RatesTest, AreZeroAtTheStart) {
  EXPECT_EQ(over(1s, 0ms), 0U);
  EXPECT_EQ(over(900s, 0ms), 0U);
}

TEST_F(RatesTest, AreThoseOfASteadyStream) {
  for (auto at = 0ms; at < 1000s; at += 100ms) round(at, 500);
  EXPECT_NEAR(static_cast<double>(over(1s, 1000s)), 5000, 1000);
  for (const auto window : {60s, 300s, 900s}) {
    EXPECT_NEAR(static_cast<double>(over(window, 1000s)), 5000, 100) << window.count();
    EXPECT_NEAR(static_cast<double>(rates_.over(window, begin_ + 1000s, count_).lines), 500, 10);
  }
}

TEST_F(RatesTest, AreAnAverageOverTheTimeSinceTheStartUntilAWindowHasPassed) {
  for (auto at = 0ms; at < 10s; at += 100ms) round(at, 100);
  EXPECT_NEAR(static_cast<double>(over(900s, 10s)), 1000, 20);
}

// No round takes place while nothing comes, and none is needed for the rates to fall.
TEST_F(RatesTest, FallWhileNothingComes) {
  for (auto at = 0ms; at < 60s; at += 100ms) round(at, 600);
  EXPECT_NEAR(static_cast<double>(over(60s, 60s)), 6000, 200);
  EXPECT_EQ(over(1s, 62s), 0U);
  EXPECT_NEAR(static_cast<double>(over(60s, 90s)), 3000, 200);
  EXPECT_EQ(over(60s, 130s), 0U);
  EXPECT_NEAR(static_cast<double>(over(300s, 200s)), 60 * 6000 / 200.0, 50);
}

TEST_F(RatesTest, HaveABurstAfterALongPauseInTheRightWindows) {
  round(0ms, 1000);
  round(2000s, 60'000);
  EXPECT_EQ(over(1s, 2000s), 60'000U);
  EXPECT_EQ(over(60s, 2010s), 1000U);
  EXPECT_EQ(over(1s, 2010s), 0U);
}

}  // namespace
}  // namespace slurper
