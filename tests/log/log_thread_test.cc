// The log's thread and those who read along: what is published can be read, and it is known when it came.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <new>
#include <random>
#include <thread>

#include "base/event_loop.h"
#include "log/log_reader.h"
#include "log/log_thread_site.h"
#include "support/files.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using test::text_of;

using namespace std::chrono_literals;

TEST_F(LogThreadTest, ReadersFollowAndKnowWhenItCame) {
  const std::string stream = numbered_lines(3'000'000);
  const Timestamp begin = std::chrono::system_clock::now() - 20ms;  // the coarse clock lags
  ASSERT_TRUE(thread_->start());
  const auto follow = [&](std::uint64_t at_once) {
    LogReader reader(kernel(), paths_, thread_->feed(), LogReader::kBeginning);
    const UniqueFd wake_fd = make_eventfd().value();
    LogFeed::Listener listener(thread_->feed(), wake_fd.get());
    std::string out(50'000, '\0');
    for (StreamOffset position; position.value < stream.size();) {
      const auto chunk = reader.read(out);
      ASSERT_TRUE(chunk) << text_of(chunk.error());
      ASSERT_EQ(chunk->missing, 0U);
      ASSERT_TRUE(std::string_view(out).substr(0, chunk->bytes) ==
                  std::string_view(stream).substr(chunk->at.value, chunk->bytes));
      if (chunk->bytes > 0) {
        const auto came = times_->find(chunk->at);
        ASSERT_TRUE(came) << "at " << chunk->at.value;
        ASSERT_GE(came->mark.time, begin);
      } else {
        const StreamOffset wanted{std::min<std::uint64_t>(position.value + at_once, stream.size())};
        wait_for(listener, wanted);
      }
      position = chunk->at + chunk->bytes;
    }
  };
  std::jthread eager([&] { follow(1); });
  std::jthread patient([&] { follow(200'000); });
  std::mt19937 random(1);
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = std::min<std::size_t>(1 + random() % 30'000, stream.size() - at);
    ASSERT_EQ(::write(fifo_.keep_alive_fd.get(), stream.data() + at, size), static_cast<ssize_t>(size));
    at += size;
    while (intake_->pull(fifo_).outcome != Intake::Outcome::Empty) thread_->notify();
  }
  eager.join();
  patient.join();
  EXPECT_TRUE(thread_->stop(10s));
  EXPECT_EQ(thread_->feed().end().value, stream.size());
}

// What the ring held is read, too, when it has been written.
TEST_F(LogThreadTest, PublishesWhatIsWrittenAtTheEnd) {
  ASSERT_EQ(::write(fifo_.keep_alive_fd.get(), "one\ntwo", 7), 7);
  ASSERT_EQ(intake_->pull(fifo_).bytes, 7U);
  EXPECT_EQ(thread_->feed().end(), StreamOffset{0});
  ASSERT_TRUE(thread_->start());
  EXPECT_TRUE(thread_->stop(10s));
  EXPECT_EQ(thread_->feed().end(), StreamOffset{7});
  EXPECT_TRUE(exists(paths_.times())) << "and when it came is not forgotten";
  EXPECT_TRUE(times_->find({0}));
}

std::uint64_t total(const HistogramCounts& counts) {
  std::uint64_t all = 0;
  for (const std::uint64_t bucket : counts.buckets) all += bucket;
  return all;
}

// Lines that came with several reads are written at once, and each has the latency of its own read. The
// newline decides: the first read brings the beginning of the second line.
TEST_F(LogThreadTest, MeasuresEachLineFromTheReadThatHasEndedIt) {
  const auto write = [this](std::string_view text) {
    ASSERT_EQ(::write(fifo_.keep_alive_fd.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
    ASSERT_EQ(intake_->pull(fifo_).bytes, text.size());
  };
  write("one\ntwo");
  std::this_thread::sleep_for(300ms);
  write("\nthree\nfour");
  EXPECT_EQ(total(thread_->status().latency), 0U);
  ASSERT_TRUE(thread_->start());
  ASSERT_TRUE(thread_->stop(10s));
  const HistogramCounts latency = thread_->status().latency;
  EXPECT_EQ(total(latency), 3U) << "the fourth line has not ended";
  EXPECT_EQ(thread_->lines(), 3U);
  std::uint64_t late = 0;
  for (std::size_t i = 0; i < latency.buckets.size(); ++i) {
    if (i == kHistogramBounds.size() || kHistogramBounds[i] > 250ms) late += latency.buckets[i];
  }
  EXPECT_GE(late, 1U) << "the first line waited for 300 ms";
  EXPECT_GE(latency.seconds, 0.3);
}

TEST_F(LogThreadTest, MeasuresItsSyncs) {
  settings_.sync = {.mode = SyncMode::Always, .period = {}};
  thread_ = std::make_unique<LogThread>(*ring_, *writer_, *times_, settings_, messages_.listener(), [] {});
  EXPECT_EQ(total(thread_->status().sync_duration), 0U);
  ASSERT_EQ(::write(fifo_.keep_alive_fd.get(), "one\n", 4), 4);
  ASSERT_EQ(intake_->pull(fifo_).bytes, 4U);
  ASSERT_TRUE(thread_->start());
  ASSERT_TRUE(thread_->stop(10s));
  EXPECT_GE(total(thread_->status().sync_duration), 1U);
}

// An exception in this thread must not be the end of the FIFO's reading: systemd starts slurper again, and
// the ring has what the log has not.
TEST_F(LogThreadTest, WhatItThrowsEndsTheProcessAndLeavesTheRing) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  class NoMemory : public Os {
   public:
    ssize_t write(int, const void*, std::size_t) override { throw std::bad_alloc(); }
  };
  writer_.reset();
  EXPECT_EXIT(
      {
        NoMemory os;
        const Uuid boot = new_uuid();
        const auto writer = std::move(*LogWriter::open(os, settings_, boot));
        LogThread thread(*ring_, *writer, *times_, settings_, messages_.listener(), [] {});
        (void)!::write(fifo_.keep_alive_fd.get(), "one\n", 4);
        (void)intake_->pull(fifo_);
        if (thread.start()) std::this_thread::sleep_for(60s);
      },
      testing::ExitedWithCode(75), "the thread 'log' cannot go on: memory has run out");
}

// What it and its housekeeper report.
class LogThreadReports : public LogThreadTest {
 protected:
  void write(std::string_view lines) {
    while (!lines.empty()) {
      const ssize_t size =
          ::write(fifo_.keep_alive_fd.get(), lines.data(), std::min<std::size_t>(lines.size(), 50'000));
      ASSERT_GT(size, 0);
      lines.remove_prefix(static_cast<std::size_t>(size));
      while (intake_->pull(fifo_).outcome != Intake::Outcome::Empty) thread_->notify();
    }
  }
  bool reports(const std::string& text) {
    return test::eventually([&] { return messages_.text().find(text) != std::string::npos; });
  }
  std::string rotated(std::uint64_t base) const { return paths_.rotated({base}); }
};

TEST_F(LogThreadReports, SegmentsThatAreCompressedAndRemoved) {
  settings_.keep_files = 1;
  thread_ = std::make_unique<LogThread>(*ring_, *writer_, *times_, settings_, messages_.listener(), [] {});
  test::write_file(paths_.temporary({0}), "of a compression that was cut short");
  ASSERT_TRUE(thread_->start());
  EXPECT_TRUE(
      reports("1: removed '" + paths_.temporary({0}) + "', which an interrupted compression left behind"));
  write(numbered_lines(350'000));
  EXPECT_TRUE(reports("0: compressed segment '"));
  EXPECT_TRUE(reports("1: removed segment '"));
  EXPECT_TRUE(thread_->stop(10s));
  EXPECT_EQ(messages_.alerts(), "all well");
}

TEST_F(LogThreadReports, ASegmentThatCanNotBeCompressed) {
  std::filesystem::create_directories(paths_.temporary({0}) + "/in the way");
  ASSERT_TRUE(thread_->start());
  write(numbered_lines(150'000));
  EXPECT_TRUE(reports("The segment stays as it is"));
  EXPECT_THAT(messages_.alerts(), testing::StartsWith("OLD SEGMENTS CAN'T BE COMPRESSED OR REMOVED: "));
  EXPECT_TRUE(thread_->stop(10s));
}

TEST_F(LogThreadReports, ALogThatCanNotBeSyncedAtTheEnd) {
  class NoSync : public Os {
   public:
    int fdatasync(int fd) override { return fails ? -EIO : Os::fdatasync(fd); }
    std::atomic<bool> fails = false;
  } os;
  settings_.sync = {.mode = SyncMode::Periodic, .period = 1h};
  writer_.reset();
  writer_ = std::move(*LogWriter::open(os, settings_, new_uuid()));
  thread_ = std::make_unique<LogThread>(*ring_, *writer_, *times_, settings_, messages_.listener(), [] {});
  ASSERT_TRUE(thread_->start());
  write("one\n");
  ASSERT_TRUE(test::eventually([&] { return ring_->used() == 0; }));
  os.fails = true;
  EXPECT_TRUE(thread_->stop(10s)) << "it is written";
  EXPECT_THAT(messages_.text(), testing::HasSubstr("slurper stops all the same"));
  writer_.reset();
}

}  // namespace
}  // namespace slurper
