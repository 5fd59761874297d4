// A sink whose batches have fixed borders: the same ones over kills, whatever was read at once.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <random>

#include "sink/runner_site.h"

namespace slurper {
namespace {

using test::eventually;
using testing::ElementsAre;
using testing::HasSubstr;

// Has each batch under the number of its block, as an object store has objects under names.
struct Store {
  std::mutex mutex;
  std::map<std::uint64_t, std::string> objects;
  std::vector<std::uint64_t> order;
  std::uint64_t changed = 0;  // objects that came again, and were others
  std::uint64_t border = 0;
  std::uint64_t accepts = ~std::uint64_t{0};  // so many more batches are acknowledged
  bool acks_single = false;                   // the first record alone
  std::string refuses;

  std::map<std::uint64_t, std::string> all() {
    const std::lock_guard lock(mutex);
    return objects;
  }
};

class StoreSink : public Sink {
 public:
  explicit StoreSink(Store& store) : store_(store) {}
  Result<std::optional<Reached>> open(const SinkContext& context) override {
    acks_ = context.acks;
    return std::nullopt;
  }
  std::uint64_t border() const override { return store_.border; }
  Status deliver(std::span<const Record> batch) override {
    const std::lock_guard lock(store_.mutex);
    const std::uint64_t block = batch.front().offset() / store_.border;
    std::string object;
    for (const Record& record : batch) {
      EXPECT_EQ(record.offset() / store_.border, block);
      object += fmt::format("{} {} {}\n", record.offset(), static_cast<int>(record.part()), record.raw());
    }
    const auto [at, is_new] = store_.objects.emplace(block, object);
    if (!is_new && at->second != object) ++store_.changed;
    store_.order.push_back(block);
    if (store_.acks_single) acks_->one(batch.front().offset());
    if (store_.accepts == 0) return {};
    --store_.accepts;
    for (const Record& record : batch) {
      if (!store_.refuses.empty() && record.raw().contains(store_.refuses))
        acks_->reject(record.offset(), own_words("it is bad"));
    }
    acks_->up_to(batch.back().next_offset());
    return {};
  }
  void close() override {}

 private:
  Store& store_;
  std::shared_ptr<Acknowledgements> acks_;
};

class Borders : public RunnerSite {
 protected:
  void start() {
    options_.start = StartAt::Beginning;
    options_.retry_max = kFirstRetry;
    runner_ = make_runner(options_, [this] { return std::make_unique<StoreSink>(store_); });
    ASSERT_TRUE(runner_->start());
  }
  bool reaches(std::uint64_t offset) {
    return eventually([&] { return runner_->status().acked >= offset; });
  }
  void stop() {
    (void)runner_->stop(std::chrono::steady_clock::time_point::max());
    runner_.reset();
  }
  // To the end of the log, as far as blocks are complete.
  void finish() {
    runner_->finish();
    EXPECT_TRUE(eventually([&] { return runner_->ended(); })) << messages_.text();
    stop();
  }
  std::vector<std::string> objects() {
    std::vector<std::string> all;
    for (const auto& [block, object] : store_.all()) all.push_back(object);
    return all;
  }
  // Of all that the log has had, the records of a block: those of a run without borders.
  std::map<std::uint64_t, std::string> expected(const std::string& text, std::uint64_t complete) const {
    std::map<std::uint64_t, std::string> all;
    const LogId id{};
    Framer framer(id, options_.source.framing, StreamOffset{0});
    std::vector<Record> records;
    (void)framer.cut(text, {}, text.size(), records);
    for (const Record& record : records) {
      const std::uint64_t block = record.offset() / store_.border;
      if (block < complete)
        all[block] +=
            fmt::format("{} {} {}\n", record.offset(), static_cast<int>(record.part()), record.raw());
    }
    return all;
  }

  Store store_;
  RunnerOptions options_;
  std::unique_ptr<SinkRunner> runner_;
};

TEST_F(Borders, ABatchIsWhatBeginsInABlock) {
  store_.border = 10;
  start();
  write("one\ntwo\nthree\nfour\nfi");  // 0 4 8 14 19
  ASSERT_TRUE(reaches(14));
  EXPECT_THAT(objects(), ElementsAre("0 0 one\n4 0 two\n8 0 three\n"));
  write("ve\n");  // the line that the second block ends with
  ASSERT_TRUE(reaches(24));
  EXPECT_THAT(objects(), ElementsAre("0 0 one\n4 0 two\n8 0 three\n", "14 0 four\n19 0 five\n"));
  write("six\n");  // in the third
  finish();
  EXPECT_EQ(objects().size(), 2U) << "an incomplete block stays";
  start();
  write("seven\n");
  write("eight\n");
  ASSERT_TRUE(reaches(40));
  finish();
  EXPECT_THAT(objects(), ElementsAre("0 0 one\n4 0 two\n8 0 three\n", "14 0 four\n19 0 five\n",
                                     "24 0 six\n28 0 seven\n", "34 0 eight\n"));
}

TEST_F(Borders, ALineOverSeveralBlocksLeavesThemEmpty) {
  store_.border = 10;
  write("one\na line over five of the blocks, which is long\ntwo\n" + std::string(30, 'x') + "\n");
  start();
  finish();
  EXPECT_THAT(objects(), ElementsAre("0 0 one\n4 0 a line over five of the blocks, which is long\n",
                                     "50 0 two\n54 0 " + std::string(30, 'x') + "\n"));
}

TEST_F(Borders, PartsOfALineAreInTheirBlocks) {
  store_.border = 10;
  options_.source.framing.max_line = 4;
  const std::string text = "0123456789012345678901234567\nend\nmore of it\n";
  write(text);
  store_.accepts = 1;
  start();
  ASSERT_TRUE(reaches(12));
  stop();
  store_.accepts = 100;
  start();  // within the line
  finish();
  EXPECT_EQ(store_.all(), expected(text, 4));
  EXPECT_EQ(store_.changed, 0U);
}

// What the filter rejects makes no batch, and moves the cursor.
TEST_F(Borders, BlocksOfWhichTheFilterLeavesNothing) {
  store_.border = 10;
  options_.source.filter = *RecordFilter::compile("raw contains good", record_fields());
  for (int i = 0; i < 20; ++i) write("bad\n");
  write("good\n");  // 80
  for (int i = 0; i < 20; ++i) write("bad\n");
  start();
  ASSERT_TRUE(reaches(160));
  finish();
  EXPECT_THAT(objects(), ElementsAre("80 0 good\n"));
}

// The cursor stays before a block of which only a part is acknowledged.
TEST_F(Borders, ABlockIsDeliveredAsAWhole) {
  store_.border = 10;
  write("one\ntwo\nthree\nfour\nfive\n");
  store_.accepts = 0;
  store_.acks_single = true;
  start();
  ASSERT_TRUE(eventually([&] { return store_.all().size() == 2; }));
  EXPECT_TRUE(eventually([&] { return runner_->status().records == 1; }));
  EXPECT_EQ(runner_->status().acked, 0U);
  stop();
  store_.accepts = 100;
  start();
  finish();
  EXPECT_THAT(store_.order, ElementsAre(0, 1, 0, 1));
  EXPECT_EQ(store_.changed, 0U);
}

TEST_F(Borders, WhatIsRefusedIsADeadLetterOfItsBlock) {
  store_.border = 10;
  store_.refuses = "two";
  write("one\ntwo\nthree\nfour\nfive\n");
  start();
  finish();
  EXPECT_THAT(store_.order, ElementsAre(0, 1));
  EXPECT_THAT(messages_.text(), HasSubstr("messages.rejected-test"));
}

// A gap ends a line, and the block goes on behind it.
TEST_F(Borders, AGapIsInItsBlock) {
  store_.border = 30;
  write("one\ntwo\n");
  ASSERT_TRUE(writer_->rotate());
  write("three\n");  // 8
  ASSERT_TRUE(writer_->rotate());
  write("four\n");  // 14
  ASSERT_TRUE(writer_->rotate());
  write("a line of the next block\n");  // 19
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{8}));
  start();
  finish();
  EXPECT_THAT(objects(), ElementsAre("0 0 one\n4 0 two\n14 0 four\n19 0 a line of the next block\n"));
  EXPECT_THAT(messages_.text(), HasSubstr("6B"));
}

TEST_F(Borders, AGapOverBlocks) {
  store_.border = 10;
  write("one\ntwo\n");
  ASSERT_TRUE(writer_->rotate());
  write(std::string(50, 'x') + "\n");  // 8
  ASSERT_TRUE(writer_->rotate());
  write("four\nfive\nsix\n");  // 59
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{8}));
  start();
  finish();
  EXPECT_THAT(objects(), ElementsAre("0 0 one\n4 0 two\n", "59 0 four\n", "64 0 five\n69 0 six\n"));
}

// A block is larger than the window, and than what is read at once.
TEST_F(Borders, ABlockLargerThanAllBuffers) {
  store_.border = 100'000;
  options_.window_bytes = 1;
  options_.source.batch_bytes = 1000;
  options_.source.framing.max_line = 500;
  std::string text;
  for (int i = 0; text.size() < 450'000; ++i) text += fmt::format("line {}\n", i);
  write(text);
  start();
  finish();
  EXPECT_EQ(store_.all(), expected(text, 4));
}

// The log does not grow any more: its last block is complete.
TEST_F(Borders, ACompleteLogHasNoIncompleteBlock) {
  store_.border = 1000;
  options_.source.log_is_complete = true;
  write("one\ntwo\n");
  start();
  ASSERT_TRUE(reaches(8));
  finish();
  EXPECT_THAT(objects(), ElementsAre("0 0 one\n4 0 two\n"));
}

// Each run ends after some batches, and has sizes of its own.
TEST_F(Borders, AreTheSameOverEndsAtAnyPoint) {
  std::mt19937 random(7);  // NOLINT(bugprone-random-generator-seed): the same in every run
  const auto below = [&](std::uint64_t limit) { return random() % limit; };
  store_.border = 997;
  options_.source.framing.max_line = 300;
  std::string text;
  std::uint64_t done = 0;
  for (int run = 0; run < 150; ++run) {
    options_.source.batch_lines = 1 + below(20);
    options_.source.batch_bytes = 1 + below(3000);
    options_.window_bytes = 1 + below(20'000);
    store_.accepts = below(4);
    store_.acks_single = below(2) == 0;
    const std::uint64_t wanted = done + below(3);
    start();
    while (text.size() < wanted * store_.border + 2000) {
      const std::string line =
          fmt::format("{} {}\n", text.size(), std::string(below(below(8) == 0 ? 1500 : 60), 'x'));
      write(line);
      text += line;
      if (below(50) == 0) {
        ASSERT_TRUE(writer_->rotate());
      }
    }
    ASSERT_TRUE(eventually([&] {
      const std::lock_guard lock(store_.mutex);
      return store_.accepts == 0 || store_.objects.size() > wanted;
    }));
    stop();
    done = store_.all().size();
  }
  store_.accepts = ~std::uint64_t{0};
  start();
  finish();
  EXPECT_EQ(store_.changed, 0U);
  const auto stored = store_.all();
  EXPECT_EQ(stored, expected(text, stored.rbegin()->first + 1));
  EXPECT_GE(stored.rbegin()->first + 2, text.size() / store_.border);
}

}  // namespace
}  // namespace slurper
