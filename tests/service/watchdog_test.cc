#include "service/watchdog.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <future>
#include <thread>

#include "support/wait.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using Verdict = StallDetector::Verdict;

class Judging : public testing::Test {
 protected:
  Verdict after(std::chrono::milliseconds time, std::uint64_t steps, bool has_work) {
    now_ += time;
    return judge_.judge(steps, has_work, now_);
  }
  ThreadState where_ = ThreadState::WaitsForAThread;
  int looks_ = 0;
  StallDetector judge_{[this] {
    ++looks_;
    return where_;
  }};
  StallDetector::Clock::time_point now_{1h};
};

TEST_F(Judging, AThreadThatStepsLives) {
  for (std::uint64_t steps = 0; steps < 5; ++steps) EXPECT_EQ(after(10s, steps, true), Verdict::Lives);
  EXPECT_EQ(looks_, 0);
}

TEST_F(Judging, AThreadWithNothingToDoLives) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(after(10s, 7, false), Verdict::Lives);
  EXPECT_EQ(after(10s, 7, true), Verdict::Lives) << "it may have got its work just now";
  EXPECT_EQ(looks_, 0);
}

TEST_F(Judging, AThreadThatLeavesItsWorkHangs) {
  EXPECT_EQ(after(0s, 7, true), Verdict::Lives);
  EXPECT_EQ(after(StallDetector::kLongestStep - 1ms, 7, true), Verdict::Lives);
  EXPECT_EQ(after(1ms, 7, true), Verdict::Hangs);
  where_ = ThreadState::Running;
  EXPECT_EQ(after(1s, 7, true), Verdict::Hangs) << "an endless loop is no better";
  EXPECT_EQ(after(1s, 8, true), Verdict::Lives);
  EXPECT_EQ(after(1s, 8, true), Verdict::Lives) << "the time counts anew";
}

TEST_F(Judging, AThreadInASystemCallWaitsForTheDisk) {
  where_ = ThreadState::WaitsForTheKernel;
  EXPECT_EQ(after(0s, 7, true), Verdict::Lives);
  const auto since = now_;
  EXPECT_EQ(after(10s, 7, true), Verdict::WaitsForTheDisk);
  EXPECT_EQ(after(1h, 7, true), Verdict::WaitsForTheDisk);
  EXPECT_EQ(judge_.stuck_since(), since);
  EXPECT_EQ(after(1s, 8, true), Verdict::Lives);
}

TEST_F(Judging, AThreadThatTheDiskHasJustLetGoGetsItsTime) {
  EXPECT_EQ(after(0s, 7, true), Verdict::Lives);
  where_ = ThreadState::WaitsForTheKernel;
  EXPECT_EQ(after(10s, 7, true), Verdict::WaitsForTheDisk);
  where_ = ThreadState::Running;
  EXPECT_EQ(after(1s, 7, true), Verdict::Lives);
  EXPECT_EQ(after(StallDetector::kLongestStep, 7, true), Verdict::Hangs);
}

// Real threads, and what the kernel says of them.
TEST(WhereaboutsOf, AThreadInEachPlace) {
  std::atomic<pid_t> tid = 0;
  const auto reaches = [&](ThreadState expected) {
    return test::eventually([&] { return tid != 0 && thread_state(tid) == expected; });
  };
  {
    std::promise<void> promise;
    std::thread waits([&] {
      tid = ::gettid();
      promise.get_future().wait();
    });
    EXPECT_TRUE(reaches(ThreadState::WaitsForAThread));
    promise.set_value();
    waits.join();
  }
  {
    tid = 0;
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    std::thread reads([&] {
      tid = ::gettid();
      char byte = 0;
      EXPECT_EQ(::read(pipe[0], &byte, 1), 1);
    });
    EXPECT_TRUE(reaches(ThreadState::WaitsForTheKernel));
    EXPECT_EQ(::write(pipe[1], "x", 1), 1);
    reads.join();
    for (const int fd : pipe) ::close(fd);
  }
  {
    tid = 0;
    std::atomic<bool> enough = false;
    std::thread spins([&] {
      tid = ::gettid();
      while (!enough) {
      }
    });
    EXPECT_TRUE(reaches(ThreadState::Running));
    enough = true;
    spins.join();
  }
}

TEST(WhereaboutsOf, AThreadThatNobodyCanTell) {
  EXPECT_EQ(thread_state(-1), ThreadState::WaitsForTheKernel) << "nobody is killed for what can't be known";
}

}  // namespace
}  // namespace slurper
