#include "log/log_feed.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/doorbell.h"
#include "base/event_loop.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using Clock = LogFeed::Clock;

constexpr auto kNever = Clock::time_point::max();

ActiveSegment segment(std::uint64_t base, ino_t inode = 1) {
  return {.base = {base}, .device = 7, .inode = inode};
}

TEST(LogFeed, TellsWhatWasPublished) {
  LogFeed feed;
  EXPECT_FALSE(feed.snapshot().open);
  feed.publish(segment(100, 3), {150});
  EXPECT_EQ(feed.end(), StreamOffset{150});
  EXPECT_EQ(feed.snapshot().active, segment(100, 3));
  EXPECT_TRUE(feed.snapshot().open);
  feed.leave();
  EXPECT_FALSE(feed.snapshot().open);
  EXPECT_EQ(feed.snapshot().active, segment(100, 3)) << "its name is known by its base";
  feed.publish(segment(150, 4), {150});
  EXPECT_EQ(feed.snapshot().active, segment(150, 4));
  EXPECT_TRUE(feed.snapshot().open);
  EXPECT_EQ(feed.snapshot().cuts, 0U);
  feed.cut();
  EXPECT_FALSE(feed.snapshot().open);
  EXPECT_EQ(feed.snapshot().cuts, 1U);
}

TEST(LogFeed, DoesNotWaitForWhatIsThere) {
  LogFeed feed;
  feed.publish(segment(0), {10});
  const UniqueFd wake_fd = make_eventfd().value();
  LogFeed::Listener listener(feed, wake_fd.get());
  EXPECT_TRUE(listener.wait_until({10}, kNever));
  EXPECT_TRUE(listener.wait_until({3}, kNever));
}

TEST(LogFeed, WaitsUntilTheDeadline) {
  LogFeed feed;
  feed.publish(segment(0), {10});
  const UniqueFd wake_fd = make_eventfd().value();
  LogFeed::Listener listener(feed, wake_fd.get());
  const auto deadline = Clock::now() + 20ms;
  EXPECT_FALSE(listener.wait_until({11}, deadline));
  EXPECT_GE(Clock::now(), deadline);
}

TEST(LogFeed, AWakeUpIsKeptForTheNextWaitAndHeardOnce) {
  LogFeed feed;
  const UniqueFd wake_fd = make_eventfd().value();
  LogFeed::Listener listener(feed, wake_fd.get());
  (void)::eventfd_write(wake_fd.get(), 1);
  EXPECT_FALSE(listener.wait_until({1}, kNever));
  const auto deadline = Clock::now() + 20ms;
  EXPECT_FALSE(listener.wait_until({1}, deadline));
  EXPECT_GE(Clock::now(), deadline);
}

TEST(LogFeed, AWakeUpEndsAWait) {
  LogFeed feed;
  const UniqueFd wake_fd = make_eventfd().value();
  LogFeed::Listener listener(feed, wake_fd.get());
  std::thread other([&] { (void)::eventfd_write(wake_fd.get(), 1); });
  EXPECT_FALSE(listener.wait_until({1}, kNever));
  other.join();
}

// Who wants more is not disturbed: it would find its deadline in the past and say so.
TEST(LogFeed, WakesThoseOnlyWhoseOffsetIsReached) {
  LogFeed feed;
  std::atomic<int> done{0};
  std::thread wants_much([&] {
    const UniqueFd wake_fd = make_eventfd().value();
    LogFeed::Listener listener(feed, wake_fd.get());
    EXPECT_TRUE(listener.wait_until({1000}, kNever));
    EXPECT_EQ(done.fetch_add(1), 1) << "it was the second one";
  });
  std::thread wants_little([&] {
    const UniqueFd wake_fd = make_eventfd().value();
    LogFeed::Listener listener(feed, wake_fd.get());
    EXPECT_TRUE(listener.wait_until({10}, kNever));
    EXPECT_EQ(done.fetch_add(1), 0);
  });
  for (std::uint64_t end = 1; end <= 10; ++end) feed.publish(segment(0), {end});
  wants_little.join();
  feed.publish(segment(0), {999});
  feed.publish(segment(999), {1000});  // with the next segment's first byte
  wants_much.join();
}

// Each side waits for the others' step: one lost wake-up, and all wait for ever. And what was stored before a
// publish is seen by the thread that it wakes, even if it is no atomic.
TEST(LogFeed, NoWakeUpIsLost) {
  constexpr std::uint64_t kSteps = 20'000;
  constexpr std::size_t kReaders = 3;
  LogFeed feed;
  std::uint64_t written = 0;
  std::array<std::atomic<std::uint64_t>, kReaders> seen{};
  Doorbell bell;
  std::vector<std::thread> readers;
  readers.reserve(kReaders);
  for (std::atomic<std::uint64_t>& mine : seen) {
    readers.emplace_back([&] {
      const UniqueFd wake_fd = make_eventfd().value();
      LogFeed::Listener listener(feed, wake_fd.get());
      for (std::uint64_t step = 1; step <= kSteps; ++step) {
        while (!listener.wait_until({step}, kNever)) continue;  // it may wake up for nothing
        EXPECT_EQ(written, step);
        mine.store(step);
        bell.ring();
      }
    });
  }
  for (std::uint64_t step = 1; step <= kSteps; ++step) {
    written = step;
    feed.publish(segment(step % 100 == 0 ? step : 0), {step});
    for (const auto& theirs : seen) {
      while (theirs.load() < step) bell.wait(kNever);
    }
  }
  for (std::thread& reader : readers) reader.join();
}

// No reader sees an end that belongs to another segment than the one it comes with.
TEST(LogFeed, ASnapshotIsOfOneMoment) {
  LogFeed feed;
  feed.publish(segment(0), {1});
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop.load()) {
      const LogFeed::Snapshot now = feed.snapshot();
      EXPECT_GT(now.end, now.active.base);
      EXPECT_LE(now.end, now.active.base + 10) << "the next one's";
    }
  });
  for (std::uint64_t base = 0; base < 200'000; base += 10) {
    for (std::uint64_t end = 1; end <= 10; end += 3) feed.publish(segment(base), {base + end});
  }
  stop.store(true);
  reader.join();
}

TEST(LogFeedDeathTest, ItsEndNeverGoesBack) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  LogFeed feed;
  feed.publish(segment(0), {10});
  EXPECT_DEATH(feed.publish(segment(0), {9}), "broken contract: end.value >= end_");
}

}  // namespace
}  // namespace slurper
