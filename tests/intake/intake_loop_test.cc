#include "intake/intake_loop.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "log/log_thread_site.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class IntakeLoopTest : public LogThreadTest {
 protected:
  // Over the FIFO of the log's thread, which is not started: what is taken stays in the ring.
  IntakeLoop make() {
    fifos_ = std::make_unique<FifoSet>(kernel(), *intake_, loop_, std::move(fifo_));
    return {
        *ring_, *intake_, *fifos_, *thread_, "the path", messages_.listener(), [this] { ++short_reads_; }};
  }
  void write(std::string_view text) {
    ASSERT_EQ(::write(fifos_->current().keep_alive_fd.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }

  EventLoop loop_ = std::move(*EventLoop::create());
  std::unique_ptr<FifoSet> fifos_;
  int short_reads_ = 0;
};

TEST_F(IntakeLoopTest, ReadsAndThenWaitsForTheFifo) {
  IntakeLoop intake_loop = make();
  write("one\n");
  EXPECT_FALSE(intake_loop.round()) << "one line is not worth a pause";
  EXPECT_EQ(intake_loop.status().head, StreamOffset{4});
  EXPECT_EQ(intake_loop.status().tail, StreamOffset{0});
  EXPECT_FALSE(intake_loop.round());
  EXPECT_EQ(loop_.wait(0ns), 0);
  write("two\n");
  EXPECT_EQ(loop_.wait(0ns), 1);
  EXPECT_EQ(messages_.text(), "");
  EXPECT_EQ(intake_loop.fifo_status().path, "the path");
}

TEST_F(IntakeLoopTest, WhatIsAnnouncedAndGoneWasTakenByAnotherReader) {
  IntakeLoop intake_loop = make();
  EXPECT_FALSE(intake_loop.round());
  write("one\n");
  EXPECT_EQ(loop_.wait(0ns), 1);
  char taken[4];
  ASSERT_EQ(::read(fifos_->current().read_fd.get(), taken, sizeof taken), 4);
  EXPECT_FALSE(intake_loop.round());
  EXPECT_EQ(short_reads_, 1);
  EXPECT_EQ(intake_loop.status().short_reads, 1U);
  EXPECT_FALSE(intake_loop.round());
  EXPECT_EQ(short_reads_, 1) << "once";
}

TEST_F(IntakeLoopTest, DrainTakesWhatThePipeHoldsAndReportsWhatItCanNot) {
  IntakeLoop intake_loop = make();
  write("one\n");
  EXPECT_EQ(intake_loop.drain(0ns, [](std::chrono::nanoseconds) { FAIL(); }), std::nullopt);
  EXPECT_EQ(intake_loop.status().head, StreamOffset{4});
}

TEST_F(IntakeLoopTest, AFullRingHoldsUpTheFifoAndIsDrainedFor) {
  IntakeLoop intake_loop = make();
  const std::string line(1 << 16, 'x');
  while (messages_.text().empty()) {
    write(line);
    (void)intake_loop.round();
  }
  EXPECT_THAT(messages_.text(),
              HasSubstr("cannot read more from the FIFO 'the path': the ring is full. Writers wait"));
  EXPECT_EQ(messages_.alerts(), "THE FIFO CAN'T BE READ NOW: the ring is full");
  EXPECT_EQ(intake_loop.drain(0ns, [](std::chrono::nanoseconds) { FAIL() << "its time is over"; }),
            "the ring is full");
  const auto log_takes_all = [this](std::chrono::nanoseconds) { ring_->release(ring_->head()); };
  EXPECT_EQ(intake_loop.drain(1h, log_takes_all), std::nullopt) << "the pipe is read once the ring has room";
}

TEST_F(IntakeLoopTest, WhatTheKernelDoesNotPollIsReported) {
  // A regular file, which epoll(7) refuses, and which FIONREAD finds empty.
  fifo_.read_fd.reset(::open((directory_ / "file").c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
  IntakeLoop intake_loop = make();
  EXPECT_EQ(intake_loop.round(), 100ms) << "it would wait for ever";
  EXPECT_THAT(messages_.text(), HasSubstr("slurper checks the FIFO ten times a second"));
}

}  // namespace
}  // namespace slurper
