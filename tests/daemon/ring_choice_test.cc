#include "daemon/ring_choice.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

constexpr Uuid kBoot = {1};
constexpr Uuid kLog = {2};

RingView ring(const Uuid& log_id, std::uint64_t held, std::uint64_t session, const Uuid& boot = kBoot) {
  RingView view;
  view.size = 1 << 20;
  view.log_id = log_id;
  view.boot_id = boot;
  view.tail = StreamOffset{100};
  view.head = StreamOffset{100 + held};
  view.session = session;
  return view;
}

TEST(RingChoice, OfTheLogsRingsTheOneThatWasUsedLast) {
  EXPECT_EQ(choose({std::nullopt, ring(kLog, 0, 3)}, kLog, kBoot), 1U);
  EXPECT_EQ(choose({ring(kLog, 5, 2), ring(kLog, 0, 3)}, kLog, kBoot), 1U);
  EXPECT_EQ(choose({ring(kLog, 0, 3), ring(kLog, 5, 3)}, kLog, kBoot), 0U);
  EXPECT_EQ(choose({ring(Uuid{9}, 5, 7), ring(kLog, 0, 3)}, kLog, kBoot), 1U);
}

TEST(RingChoice, WithoutAnIndexOneThatHoldsLines) {
  EXPECT_EQ(choose({ring(kLog, 0, 3), ring(Uuid{9}, 5, 1)}, std::nullopt, kBoot), 1U);
  EXPECT_EQ(choose({ring(kLog, 5, 1), ring(Uuid{9}, 5, 3)}, std::nullopt, kBoot), 0U);
  RingView declared = ring(kLog, 0, 1);
  declared.unsettled = 5;  // that read may have been done
  EXPECT_EQ(choose({std::nullopt, declared}, std::nullopt, kBoot), 1U);
}

TEST(RingChoice, OtherwiseTheFirst) {
  EXPECT_EQ(choose({std::nullopt, std::nullopt}, kLog, kBoot), 0U);
  EXPECT_EQ(choose({std::nullopt, ring(Uuid{9}, 5, 1)}, kLog, kBoot), 0U);
  EXPECT_EQ(choose({std::nullopt, ring(kLog, 5, 1, Uuid{8})}, kLog, kBoot), 0U) << "of another boot";
  EXPECT_EQ(choose({std::nullopt, ring(kLog, 5, 1, Uuid{8})}, std::nullopt, kBoot), 0U);
}

}  // namespace
}  // namespace slurper
