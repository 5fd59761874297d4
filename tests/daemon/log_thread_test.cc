// The log's thread and those who read along: what is published can be read, and it is known when it came.
#include "daemon/log_thread.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <random>

#include "daemon/intake.h"
#include "log/log_files.h"
#include "log/log_reader.h"

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
  thread_->start();
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
  thread_->start();
  EXPECT_TRUE(thread_->stop(10s));
  EXPECT_EQ(thread_->feed().end(), StreamOffset{7});
  EXPECT_TRUE(exists(paths_.times())) << "and when it came is not forgotten";
  EXPECT_TRUE(times_->find({0}));
}

}  // namespace
}  // namespace slurper
