#include "intake/intake.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "log/log_files.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using Outcome = Intake::Outcome;

class IntakeTest : public testing::Test {
 protected:
  void open(WhenFull when_full, std::uint64_t ring_size = 1 << 20) {
    FifoSettings fifo_settings;
    fifo_settings.path = directory_ / "fifo";
    fifo_ = std::move(*open_fifo(kernel(), fifo_settings));
    RingSettings ring_settings;
    ring_settings.size.bytes = ring_size;
    auto opened = Ring::open(kernel(), directory_.path(), ring_settings, new_uuid(), new_uuid(), {});
    ASSERT_TRUE(opened);
    ring_ = std::move(opened->ring);
    intake_ = std::make_unique<Intake>(kernel(), *ring_, when_full);
  }
  void write(std::string_view text) {
    ASSERT_EQ(::write(fifo_.keep_alive_fd.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }
  std::string content() {
    const auto bytes = ring_->bytes(ring_->tail(), ring_->head());
    return {bytes.begin(), bytes.end()};
  }
  // Fills the ring with whole lines until something else happens. Their bytes.
  std::string fill() {
    std::string all;
    const std::string block = std::string(999, 'f') + "\n";
    for (;;) {
      write(block);
      const auto round = intake_->pull(fifo_);
      if (round.outcome != Outcome::Took) return all;
      all += block;
    }
  }
  test::TempDir directory_;
  Fifo fifo_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Intake> intake_;
};

TEST_F(IntakeTest, TakesWhatIsThere) {
  open(WhenFull::Block);
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Empty);
  write("one\ntwo\n");
  const auto round = intake_->pull(fifo_);
  EXPECT_EQ(round.outcome, Outcome::Took);
  EXPECT_EQ(round.bytes, 8U);
  EXPECT_EQ(content(), "one\ntwo\n");
}

TEST_F(IntakeTest, BlockLeavesInThePipeWhatTheRingCanNotHold) {
  open(WhenFull::Block);
  std::string written;
  do {
    const std::string block(999, static_cast<char>('a' + written.size() % 26));
    write(block);
    written += block;
  } while (intake_->pull(fifo_).outcome == Outcome::Took);
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Full);
  EXPECT_EQ(ring_->room(), 0U);
  std::string taken;
  do {
    taken += content();
    ring_->release(ring_->head());
  } while (intake_->pull(fifo_).outcome == Outcome::Took);
  EXPECT_TRUE(taken == written) << "no byte was lost or torn at the edge";
}

TEST_F(IntakeTest, DropThrowsWholeLinesAwayAndCountsThem) {
  open(WhenFull::Drop);
  const std::string kept = fill();  // its last line was dropped
  EXPECT_EQ(ring_->dropped_lines(), 1U);
  write("dropped 1\ndropped 2\nhalf of a dropped line");
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Dropped);
  EXPECT_EQ(content(), kept);
  EXPECT_EQ(ring_->dropped_lines(), 3U);

  ring_->release(ring_->head());
  write(", and its rest\nkept again\n");
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Dropped);
  EXPECT_EQ(ring_->dropped_lines(), 4U);
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Took);
  EXPECT_EQ(content(), "kept again\n");
  EXPECT_EQ(ring_->dropped_bytes(), 1000 + 20 + 22 + 15U);
}

TEST_F(IntakeTest, PacketsAreDroppedAsOtherBytesAre) {
  open(WhenFull::Drop);
  ASSERT_EQ(::fcntl(fifo_.keep_alive_fd.get(), F_SETFL, O_NONBLOCK | O_DIRECT), 0);
  const std::string kept = fill();
  for (const char* packet : {"dropped 1\n", "dropped 2\nand", " a half"}) write(packet);
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Dropped);
  EXPECT_EQ(content(), kept);
  EXPECT_EQ(ring_->dropped_lines(), 3U);

  ring_->release(ring_->head());
  write("\nkept ");
  write("again\n");
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Dropped);
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Took);
  EXPECT_EQ(content(), "kept again\n");
  EXPECT_EQ(ring_->dropped_lines(), 4U);
  EXPECT_EQ(ring_->dropped_bytes(), 1000 + 10 + 13 + 7 + 1U);
  EXPECT_EQ(intake_->short_reads(), 0U);
}

TEST_F(IntakeTest, DropKeepsTheRestOfALineThatItHasBegun) {
  open(WhenFull::Drop);
  const std::string block(1000, 'x');
  std::string kept;
  while (ring_->room() >= 2 * (1 << 20) / 8) {
    write(block);
    ASSERT_EQ(intake_->pull(fifo_).outcome, Outcome::Took);
    kept += block;
  }
  write("its end\ndropped\n");
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Took);
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Dropped);
  EXPECT_EQ(content(), kept + "its end\n");
  EXPECT_EQ(ring_->dropped_lines(), 1U);
}

TEST_F(IntakeTest, ALineThatFillsTheWholeRingWaitsAndIsNotTorn) {
  open(WhenFull::Drop);
  const std::string block(60'000, 'x');
  std::string kept;
  for (;;) {
    write(block);
    const auto round = intake_->pull(fifo_);
    if (round.outcome == Outcome::Full) break;
    ASSERT_EQ(round.outcome, Outcome::Took);
    kept += block;
  }
  EXPECT_EQ(ring_->dropped_bytes(), 0U);
  ring_->release(ring_->head());
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Took);
}

// The hot path asks the kernel nothing more: only a pipe more than half full is looked at.
TEST_F(IntakeTest, APipeWithoutRoomForAWriterIsCountedAsFull) {
  open(WhenFull::Block);
  const std::string page(4096, 'x');
  for (std::uint64_t held = 0; held < fifo_.pipe_size; held += page.size()) write(page);
  EXPECT_EQ(::write(fifo_.keep_alive_fd.get(), "x", 1), -1);
  EXPECT_EQ(intake_->full_time().times(), 0U);
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Took);
  EXPECT_EQ(intake_->full_time().times(), 1U);
  EXPECT_FALSE(intake_->full_time().is_full()) << "the read has made room";
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Took);
  EXPECT_EQ(intake_->full_time().times(), 1U);

  while (intake_->pull(fifo_).outcome != Outcome::Full) {
    while (has_room(fifo_)) write(page);
  }
  EXPECT_TRUE(intake_->full_time().is_full());
  ring_->release(ring_->head());
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Took);
  EXPECT_FALSE(intake_->full_time().is_full());
}

// Two slots of a page hold one line each, of a little more than half a page: bytes alone do not tell.
TEST_F(IntakeTest, APipeIsFullWhenItsSlotsAre) {
  open(WhenFull::Block);
  const std::string line(2049, 'x');
  std::uint64_t held = 0;
  for (; has_room(fifo_); held += line.size()) write(line);
  ASSERT_LT(held, fifo_.pipe_size * 51 / 100);
  EXPECT_EQ(intake_->pull(fifo_).outcome, Outcome::Took);
  EXPECT_EQ(intake_->full_time().times(), 1U);
}

TEST_F(IntakeTest, BytesThatAnotherReaderTookAreNoticed) {
  // A kernel in which another process reads between FIONREAD and read(2).
  class Thief : public Os {
   public:
    int fionread(int fd) override {
      const int held = Os::fionread(fd);
      std::string stolen(static_cast<std::size_t>(take), '\0');
      if (take > 0) {
        EXPECT_EQ(Os::read(fd, stolen.data(), stolen.size()), take);
      }
      return held;
    }
    ssize_t take = 0;
  };
  open(WhenFull::Block);
  Thief second_reader;
  Intake intake(second_reader, *ring_, WhenFull::Block);
  write("a line of some length\n");
  EXPECT_EQ(intake.pull(fifo_).outcome, Outcome::Took);
  EXPECT_EQ(intake.short_reads(), 0U);
  second_reader.take = 5;
  write("a line of some length\n");
  const auto round = intake.pull(fifo_);
  EXPECT_EQ(round.outcome, Outcome::Took);
  EXPECT_EQ(round.bytes, 17U);
  EXPECT_EQ(intake.short_reads(), 1U);
  second_reader.take = 22;
  write("a line of some length\n");
  EXPECT_EQ(intake.pull(fifo_).outcome, Outcome::Empty);
  EXPECT_EQ(intake.short_reads(), 2U);
}

TEST(FullTimeTest, CountsFromTheFirstLookThatFoundItFull) {
  FullTime full;
  FullTime::Clock::time_point now{};
  full.found_room(now);
  full.found_full(now += 1s);
  full.found_full(now += 1s);
  EXPECT_EQ(full.total(now), 1s);
  full.found_room(now += 1s);
  EXPECT_EQ(full.total(now += 5s), 2s);
  full.found_full(now);
  full.found_room(now + 1ms);
  EXPECT_EQ(full.times(), 2U);
  EXPECT_EQ(full.total(now + 1s), 2001ms);
}

}  // namespace
}  // namespace slurper
