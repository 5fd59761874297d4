#include "base/backoff.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToItsLimitAndBeginsAnewAfterASuccess) {
  Backoff backoff(100ms, 500ms);
  EXPECT_EQ(backoff.wait(), 0ms);
  for (const auto wait : {100ms, 200ms, 400ms, 500ms, 500ms}) {
    EXPECT_EQ(backoff.failed(), wait);
    EXPECT_EQ(backoff.wait(), wait);
  }
  backoff.reset();
  EXPECT_EQ(backoff.failed(), 100ms);
}

TEST(Backoff, WaitsForTheFirstTimeAtLeast) {
  Backoff backoff(100ms, 10ms);
  EXPECT_EQ(backoff.failed(), 100ms);
  EXPECT_EQ(backoff.failed(), 100ms);
}

}  // namespace
}  // namespace slurper
