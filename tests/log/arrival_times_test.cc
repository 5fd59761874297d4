#include "log/arrival_times.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "log/log_files.h"
#include "log/time_index.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;

constexpr Uuid kLog{1, 2, 3};
constexpr Timestamp kBegin{1'700'000'000s};

// "100-200@5 ": the bytes from 100 to 200 came 5 seconds after kBegin; "?" if that is unknown.
std::string text_of(const ArrivalTimes::Block& block) {
  std::string text = std::to_string(block.begin.value) + "-";
  if (block.end != ArrivalTimes::kOpen) text += std::to_string(block.end.value);
  text += "@";
  return text + (block.time ? std::to_string((*block.time - kBegin) / 1s) : "?") + " ";
}

class ArrivalTimesTest : public testing::Test {
 protected:
  void mark(std::uint64_t offset, std::chrono::seconds after) {
    if (!index_) index_ = TimeIndex::open(kernel(), paths_, kLog, {}, {});
    index_->mark({.offset = {offset}, .time = kBegin + after});
    index_->write();
  }
  std::string blocks(std::uint64_t begin, std::uint64_t end) {
    std::string all;
    times_.for_each({begin}, {end}, [&](const ArrivalTimes::Block& block) { all += text_of(block); });
    return all;
  }
  std::string block_of(std::uint64_t offset) { return text_of(times_.block_of({offset})); }
  void damage(std::uint64_t entry) const {
    std::fstream file(paths_.times(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(kTimesHeaderSize + entry * kTimesEntrySize));
    file.write("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "messages"};
  std::unique_ptr<TimeIndex> index_;
  ArrivalTimes times_{kernel(), paths_, kLog};
};

TEST_F(ArrivalTimesTest, KnowsNothingWithoutAFile) {
  times_.refresh({});
  EXPECT_EQ(blocks(0, 10), "0-@? ");
  EXPECT_EQ(block_of(5), "0-@? ");
}

TEST_F(ArrivalTimesTest, HasBlocksInTheOrderOfOffsets) {
  mark(100, 5s);
  mark(200, 3s);  // the clock was set back
  mark(300, 9s);
  times_.refresh({});
  EXPECT_EQ(blocks(0, 1000), "0-100@? 100-200@5 200-300@3 300-@9 ");
  EXPECT_EQ(blocks(150, 250), "100-200@5 200-300@3 ");
  EXPECT_EQ(blocks(200, 300), "200-300@3 ");
  EXPECT_EQ(block_of(99), "0-100@? ");
  EXPECT_EQ(block_of(100), "100-200@5 ");
  EXPECT_EQ(block_of(299), "200-300@3 ");
  EXPECT_EQ(block_of(5000), "300-@9 ");
  EXPECT_EQ(times_.block_of({0}).next, kBegin + 5s);
  mark(400, 10s);
  EXPECT_EQ(block_of(400), "300-@9 ") << "as of the last look";
  times_.refresh({});
  EXPECT_EQ(block_of(400), "400-@10 ");
}

TEST_F(ArrivalTimesTest, DoesNotGuessWhatADamagedEntrySaid) {
  for (unsigned i = 0; i < 5; ++i) mark(std::uint64_t{100} * i, 1s * i);
  damage(2);
  times_.refresh({});
  EXPECT_EQ(blocks(0, 1000), "0-100@0 100-300@? 300-400@3 400-@4 ");
  EXPECT_EQ(block_of(150), "100-300@? ");
  EXPECT_EQ(block_of(250), "100-300@? ");
  damage(4);
  times_.refresh({});
  EXPECT_EQ(blocks(0, 1000), "0-100@0 100-300@? 300-@? ");
}

TEST_F(ArrivalTimesTest, NoticesThatTheTimesWereNotWritten) {
  mark(100, 5s);
  times_.refresh(kBegin + 6s);
  EXPECT_EQ(block_of(100), "100-@5 ");
  times_.refresh(kBegin + 60s);
  EXPECT_EQ(block_of(100), "100-@? ");
}

// More entries than are read at once, and lookups in any order.
TEST_F(ArrivalTimesTest, FindsEachOfManyBlocks) {
  index_ = TimeIndex::open(kernel(), paths_, kLog, {}, {});
  constexpr unsigned kMany = 10'000;
  for (unsigned i = 0; i < kMany; ++i) index_->mark({.offset = {10ULL * i}, .time = kBegin + 1s * (i % 100)});
  index_->write();
  times_.refresh({});
  for (unsigned i = 0; i < kMany; i += 7) {
    const unsigned at = i * 31 % (kMany - 1);
    ASSERT_EQ(block_of(10ULL * at + 5), std::to_string(10 * at) + "-" + std::to_string(10 * at + 10) + "@" +
                                            std::to_string(at % 100) + " ");
  }
  unsigned seen = 0;
  times_.for_each({0}, {1'000'000}, [&](const ArrivalTimes::Block&) { ++seen; });
  EXPECT_EQ(seen, kMany);
}

}  // namespace
}  // namespace slurper
