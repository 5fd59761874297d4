#include "log/log_position.h"

#include <gtest/gtest.h>

#include <limits>

namespace slurper {
namespace {

void expect(const LogPosition& position, std::uint64_t base, std::uint64_t synced, std::uint64_t written) {
  EXPECT_EQ(position.base().value, base);
  EXPECT_EQ(position.synced().value, synced);
  EXPECT_EQ(position.written().value, written);
  EXPECT_EQ(position.size(), written - base);
}

TEST(LogPosition, FollowsASegment) {
  LogPosition position;
  expect(position, 0, 0, 0);
  position.begin_at({100});
  expect(position, 100, 100, 100);
  position.wrote(20);
  expect(position, 100, 100, 120);
  const StreamOffset before_the_sync = position.written();
  position.wrote(5);
  position.synced_up_to(before_the_sync);
  expect(position, 100, 120, 125);
  position.begin_at(position.written());
  expect(position, 125, 125, 125);
}

TEST(LogPosition, TakesWhatItFindsForUnsynced) {
  LogPosition position;
  position.begin_at({100});
  position.resize(50);
  expect(position, 100, 100, 150);
}

TEST(LogPosition, KeepsWhatIsSyncedOfAShorterSegment) {
  LogPosition position;
  position.begin_at({100});
  position.wrote(50);
  position.synced_up_to({140});
  position.resize(45);
  expect(position, 100, 140, 145);
  position.resize(30);
  expect(position, 100, 130, 130);
}

TEST(LogPosition, RebasesWhatItHolds) {
  LogPosition position;
  position.begin_at({100});
  position.wrote(50);
  position.synced_up_to({150});
  position.rebase({400});
  expect(position, 400, 400, 450);
  position.rebase({10});
  expect(position, 10, 10, 60);
}

TEST(LogPositionDeathTest, HoldsItsOrder) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  LogPosition position;
  position.begin_at({100});
  position.wrote(50);
  EXPECT_DEATH(position.synced_up_to({151}), "log_position.h:[0-9]+: broken contract: synced <= written");
  EXPECT_DEATH(position.synced_up_to({99}), "log_position.h:[0-9]+: broken contract: base <= synced");
  EXPECT_DEATH(position.wrote(std::numeric_limits<std::uint64_t>::max() - 100), "synced <= written");
}

}  // namespace
}  // namespace slurper
