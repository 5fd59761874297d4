#include "intake/read_coalescer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace slurper {
namespace {

using namespace std::chrono_literals;

class ReadCoalescerTest : public testing::Test {
 protected:
  // The pauses that a steady flow of `bytes` every `every` brings about, read as the intake would.
  std::vector<std::chrono::microseconds> pauses(std::uint64_t bytes, std::chrono::microseconds every,
                                                int reads) {
    std::vector<std::chrono::microseconds> all;
    std::chrono::microseconds pause = 0us;
    for (int i = 0; i < reads; ++i) {
      const auto waited = std::max(pause, every);
      now_ += waited;
      pause = coalescer_.after_read(bytes * static_cast<std::uint64_t>(waited / every), now_);
      all.push_back(pause);
    }
    return all;
  }
  ReadCoalescer coalescer_{1 << 20};
  ReadCoalescer::Clock::time_point now_{};
};

TEST_F(ReadCoalescerTest, AFewLinesASecondAreReadAtOnce) {
  EXPECT_THAT(pauses(150, 10ms, 50), testing::Each(0us));
  EXPECT_THAT(pauses(150, 1ms, 50), testing::Each(0us));
}

TEST_F(ReadCoalescerTest, ManyLinesASecondAreGatheredForTheLongestPause) {
  const auto all = pauses(150, 50us, 50);
  EXPECT_GT(all.back(), 1400us);
  EXPECT_EQ(std::count(all.begin() + 10, all.end(), 0us), 0);
}

TEST_F(ReadCoalescerTest, AFloodIsReadBeforeThePipeIsHalfFull) {
  const auto all = pauses(3500, 10us, 50);  // 350 MB/s
  for (const auto pause : std::vector(all.begin() + 5, all.end())) {
    EXPECT_GE(pause, 300us);
    EXPECT_LE(static_cast<std::uint64_t>(pause.count()) * 350, 1U << 19);
  }
}

TEST_F(ReadCoalescerTest, ABurstIsGatheredFromItsFirstRead) {
  now_ += 1s;
  EXPECT_EQ(coalescer_.after_read(100'000, now_), 300us);
  now_ += 300us;
  EXPECT_EQ(coalescer_.after_read(10, now_), 0us) << "and no longer than it lasts";
}

TEST_F(ReadCoalescerTest, NoLineWaitsForTwoMilliseconds) {
  for (const auto every : {1us, 10us, 100us, 200us, 500us}) {
    for (const auto pause : pauses(60, every, 100)) EXPECT_LT(pause, 2ms);
  }
}

TEST_F(ReadCoalescerTest, APipeThatIsTooSmallIsNeverLeftToFill) {
  coalescer_ = ReadCoalescer(65'536);
  EXPECT_THAT(pauses(150, 50us, 50), testing::Each(0us));
}

}  // namespace
}  // namespace slurper
