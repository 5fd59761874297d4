// The log's thread and those who read along: what is published can be read, and it is known when it came.
#include <gtest/gtest.h>
#include <unistd.h>

#include <new>
#include <random>
#include <thread>

#include "log/log_reader.h"
#include "log/log_thread_site.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;

TEST_F(LogThreadTest, ReadersFollowAndKnowWhenItCame) {
  const std::string stream = numbered_lines(3'000'000);
  const Timestamp begin = std::chrono::system_clock::now() - 20ms;  // the coarse clock lags
  ASSERT_TRUE(thread_->start());
  const auto follow = [&](std::uint64_t at_once) {
    LogReader reader(kernel(), paths_, thread_->feed(), LogReader::kBeginning);
    LogFeed::Listener listener(thread_->feed());
    std::string out(50'000, '\0');
    for (StreamOffset position; position.value < stream.size();) {
      const auto chunk = reader.read(out);
      ASSERT_TRUE(chunk) << chunk.error().message();
      ASSERT_EQ(chunk->missing, 0U);
      ASSERT_TRUE(std::string_view(out).substr(0, chunk->bytes) ==
                  std::string_view(stream).substr(chunk->at.value, chunk->bytes));
      if (chunk->bytes > 0) {
        const auto came = times_->find(chunk->at);
        ASSERT_TRUE(came) << "at " << chunk->at.value;
        ASSERT_GE(came->mark.time, begin);
      } else {
        const StreamOffset wanted{std::min<std::uint64_t>(position.value + at_once, stream.size())};
        ASSERT_TRUE(listener.wait_until(wanted, LogFeed::Clock::now() + 30s));
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

}  // namespace
}  // namespace slurper
