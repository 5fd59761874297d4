#include "base/thread_owner.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace slurper {
namespace {

TEST(ThreadOwner, IsWhoeverCallsFirst) {
  ThreadOwner owner;
  std::jthread([&] {
    owner.assert_is_caller();
    owner.assert_is_caller();
  }).join();
  ThreadOwner own;
  own.assert_is_caller();
  own.assert_is_caller();
}

TEST(ThreadOwnerDeathTest, NoOtherThreadMayCall) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  ThreadOwner owner;
  owner.assert_is_caller();
  EXPECT_DEATH(std::jthread([&] { owner.assert_is_caller(); }).join(),
               "thread_owner.h:[0-9]+: broken contract");
}

TEST(OneAtATime, LetsThreadsTakeTurns) {
  std::atomic<bool> occupied{false};
  {
    const OneAtATime in(occupied);
  }
  std::jthread([&] { const OneAtATime in(occupied); }).join();
  const OneAtATime in(occupied);
  EXPECT_TRUE(occupied);
}

TEST(OneAtATimeDeathTest, LetsNoTwoThreadsInAtATime) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  std::atomic<bool> occupied{false};
  const OneAtATime in(occupied);
  EXPECT_DEATH(std::jthread([&] { const OneAtATime also_in(occupied); }).join(),
               "thread_owner.h:[0-9]+: broken contract: !occupied_");
}

}  // namespace
}  // namespace slurper
