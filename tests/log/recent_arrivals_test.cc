#include "log/recent_arrivals.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

namespace slurper {
namespace {

using namespace std::chrono_literals;
using Clock = RecentArrivals::Clock;

constexpr std::size_t kKept = RecentArrivals::kKept;

// The bytes of read n begin at 10 n, and come n microseconds after the clock's beginning.
void note(RecentArrivals& arrivals, std::uint64_t number) {
  arrivals.note({10 * number}, Clock::time_point(std::chrono::microseconds(number)));
}

TEST(RecentArrivals, KnowsNothingBeforeTheFirstRead) {
  const auto arrivals = std::make_unique<RecentArrivals>();
  EXPECT_FALSE(arrivals->find({0}));
  arrivals->note({100}, Clock::time_point(5us));
  EXPECT_FALSE(arrivals->find({99})) << "it was in the ring at the start";
  const auto found = arrivals->find({100});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->time, Clock::time_point(5us));
  EXPECT_FALSE(found->end) << "it was the last read";
}

TEST(RecentArrivals, FindsTheReadThatHasBroughtAByte) {
  const auto arrivals = std::make_unique<RecentArrivals>();
  constexpr std::uint64_t kReads = 5 * kKept / 2;
  for (std::uint64_t i = 0; i < kReads; ++i) note(*arrivals, i);
  for (std::uint64_t i = 0; i < kReads; ++i) {
    for (const std::uint64_t offset : {10 * i, 10 * i + 9}) {
      const auto found = arrivals->find({offset});
      ASSERT_EQ(found.has_value(), i >= kReads - kKept) << i;
      if (!found) continue;
      EXPECT_EQ(found->time, Clock::time_point(std::chrono::microseconds(i)));
      EXPECT_EQ(found->end.has_value(), i + 1 < kReads);
      EXPECT_EQ(found->end.value_or(StreamOffset{10 * (i + 1)}), StreamOffset{10 * (i + 1)});
    }
  }
}

// A read that another reader has emptied leaves a mark, and the next one begins at the same place.
TEST(RecentArrivals, TakesTheLastOfSeveralAtOnePlace) {
  const auto arrivals = std::make_unique<RecentArrivals>();
  arrivals->note({7}, Clock::time_point(1us));
  arrivals->note({7}, Clock::time_point(2us));
  arrivals->note({9}, Clock::time_point(3us));
  const auto found = arrivals->find({8});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->time, Clock::time_point(2us));
  EXPECT_EQ(found->end, StreamOffset{9});
}

// A reader may be as slow as it likes: it finds the right time, or nothing.
TEST(RecentArrivals, NeverFindsAWrongTimeWhileTheIntakeWrites) {
  const auto arrivals = std::make_unique<RecentArrivals>();
  constexpr std::uint64_t kReads = 2'000'000;
  std::atomic<std::uint64_t> noted = 0;
  std::jthread intake([&] {
    for (std::uint64_t i = 0; i < kReads; ++i) {
      note(*arrivals, i);
      noted.store(i + 1, std::memory_order_release);
    }
  });
  std::uint64_t found_some = 0;
  for (std::uint64_t last = 0; last < kReads;) {
    last = noted.load(std::memory_order_acquire);
    // As many places as there may be: those that are about to be overwritten, too.
    for (std::uint64_t back = 1; back <= std::min<std::uint64_t>(last, kKept + 100); back += 61) {
      const std::uint64_t number = last - back;
      const auto found = arrivals->find({10 * number + 3});
      if (!found) continue;
      ++found_some;
      ASSERT_EQ(found->time, Clock::time_point(std::chrono::microseconds(number)));
      ASSERT_EQ(found->end.value_or(StreamOffset{10 * (number + 1)}), StreamOffset{10 * (number + 1)});
    }
  }
  EXPECT_GT(found_some, 0U);
}

}  // namespace
}  // namespace slurper
