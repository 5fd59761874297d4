#include "base/message_limit.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

using namespace std::chrono_literals;

class MessageLimitTest : public testing::Test {
 protected:
  // How many of `count`, one every `every`, are let through.
  int admitted(int count, MessageLimit::Clock::duration every) {
    int said = 0;
    for (int i = 0; i < count; ++i) {
      now_ += every;
      if (limit_.admit(now_)) ++said;
    }
    return said;
  }
  MessageLimit limit_{3, 1min};
  MessageLimit::Clock::time_point now_{};
};

TEST_F(MessageLimitTest, AFewPassAndTheLastMayAnnounceThatNoMoreWill) {
  now_ += 1h;
  EXPECT_EQ(limit_.admit(now_), 0U);
  EXPECT_EQ(limit_.admit(now_), 0U);
  EXPECT_FALSE(limit_.exhausted());
  EXPECT_EQ(limit_.admit(now_), 0U);
  EXPECT_TRUE(limit_.exhausted());
  EXPECT_FALSE(limit_.admit(now_));
  EXPECT_FALSE(limit_.admit(now_));
  EXPECT_EQ(limit_.admit(now_ + 1min), 2U) << "were refused";
}

TEST_F(MessageLimitTest, WhatComesEverySecondForADayIsToldAFewTimes) {
  EXPECT_LE(admitted(24 * 3600, 1s), 40);
}

TEST_F(MessageLimitTest, WhatComesRarelyIsAlwaysTold) {
  EXPECT_EQ(admitted(100, 30s), 100);
}

TEST_F(MessageLimitTest, AfterAQuietTimeItBeginsAnew) {
  (void)admitted(100'000, 1s);
  now_ += 3h;
  EXPECT_EQ(admitted(3, 1s), 3);
  EXPECT_EQ(admitted(1, 1s), 0);
}

}  // namespace
}  // namespace slurper
