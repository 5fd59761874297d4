// The log's thread and those who read along: what is published can be read, and it is known when it came.
#include "daemon/log_thread.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>
#include <thread>

#include "daemon/intake.h"
#include "log/log_files.h"
#include "log/log_reader.h"

// clang's sanitizers have these operators themselves.
#if !defined(SLURPER_SANITIZED)
namespace {

std::atomic<pid_t> watched_a = 0;
std::atomic<pid_t> watched_b = 0;
std::atomic<std::size_t> watched_allocations = 0;

void count_allocations_of(pid_t a, pid_t b) {
  watched_a = a;
  watched_b = b;
}
std::size_t allocations_of_watched() {
  return watched_allocations.load();
}

}  // namespace

// Not inlined: g++ would see free() of what new has returned, and take it for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (watched_a.load() != 0) {
    const pid_t tid = ::gettid();
    if (tid == watched_a.load() || tid == watched_b.load()) ++watched_allocations;
  }
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
#endif

namespace slurper {
namespace {

using namespace std::chrono_literals;

class LogThreadTest : public testing::Test {
 protected:
  LogThreadTest() {
    FifoSettings fifo_settings;
    fifo_settings.path = directory_ / "fifo";
    fifo_ = std::move(*open_fifo(kernel(), fifo_settings));
    settings_.path = paths_.active();
    settings_.sync.mode = SyncMode::None;
    settings_.rotate_size = {100'000};
    settings_.compress = Compression::Zstd;
    const Uuid boot = new_uuid();
    writer_ = std::move(*LogWriter::open(kernel(), settings_, boot));
    RingSettings ring_settings;
    ring_settings.size = {4 << 20};
    ring_ = std::move(Ring::open(kernel(), directory_.path(), ring_settings, writer_->log_id(), boot,
                                 {.readable_from = 0, .end = writer_->end().value})
                          ->ring);
    times_ = TimeIndex::open(kernel(), paths_, writer_->log_id(), writer_->access(), {});
    intake_ = std::make_unique<Intake>(kernel(), *ring_, WhenFull::Block, times_.get());
    thread_ = std::make_unique<LogThread>(*ring_, *writer_, *times_, settings_, [] {});
  }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "messages"};
  LogSettings settings_;
  Fifo fifo_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<TimeIndex> times_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<LogThread> thread_;
};

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

#if !defined(SLURPER_SANITIZED)
// Memory that runs out can't hold up what needs none: from the FIFO to the log nothing is allocated.
TEST_F(LogThreadTest, TheDatasPathAllocatesNothing) {
  settings_.rotate_size = {};  // a rotation has names to make
  ASSERT_TRUE(thread_->start());
  thread_->reload(settings_);
  LogFeed::Listener listener(thread_->feed());
  const std::string lines = numbered_lines(40'000);
  std::uint64_t end = 0;
  const auto pass_through = [&](int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(::write(fifo_.keep_alive_fd.get(), lines.data(), lines.size()),
                static_cast<ssize_t>(lines.size()));
      // A mark for each, as if half a second had gone by.
      times_->mark({.offset = StreamOffset{end}, .time = std::chrono::system_clock::now()});
      while (intake_->pull(fifo_).outcome != Intake::Outcome::Empty) thread_->notify();
      end += lines.size();
      ASSERT_TRUE(listener.wait_until(StreamOffset{end}, LogFeed::Clock::now() + 30s));
    }
  };
  pass_through(2);  // the first segment, the first reserve
  count_allocations_of(::gettid(), thread_->tid());
  pass_through(2);
  const std::size_t seen = allocations_of_watched();
  pass_through(20);
  const std::size_t allocated = allocations_of_watched() - seen;
  count_allocations_of(0, 0);
  EXPECT_EQ(allocated, 0U);
  EXPECT_TRUE(thread_->stop(10s));
}
#endif

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
        LogThread thread(*ring_, *writer, *times_, settings_, [] {});
        (void)!::write(fifo_.keep_alive_fd.get(), "one\n", 4);
        (void)intake_->pull(fifo_);
        if (thread.start()) std::this_thread::sleep_for(60s);
      },
      testing::ExitedWithCode(75), "the thread 'log' cannot go on: memory has run out");
}

}  // namespace
}  // namespace slurper
