#include "intake/fifo_set.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/log_files.h"

namespace slurper {
namespace {

using Outcome = Intake::Outcome;

class FifoSetTest : public testing::Test {
 protected:
  FifoSetTest() {
    RingSettings settings;
    settings.size.bytes = 4 << 20;
    ring_ = std::move(Ring::open(kernel(), directory_.path(), settings, new_uuid(), new_uuid(), {})->ring);
    intake_ = std::make_unique<Intake>(kernel(), *ring_, WhenFull::Block);
    fifo_set_ = std::make_unique<FifoSet>(kernel(), *intake_, loop_, open_fifo_at("first"));
  }
  Fifo open_fifo_at(const char* name) {
    FifoSettings settings;
    settings.path = directory_ / name;
    return std::move(*open_fifo(kernel(), settings));
  }
  UniqueFd writer_of(const char* name) {
    return UniqueFd(::open((directory_ / name).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  }
  static void write(const UniqueFd& fd, std::string_view text) {
    ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void pull_all() {
    while (fifo_set_->pull().outcome == Outcome::Took) {
    }
  }
  std::string content() {
    const auto bytes = ring_->bytes(ring_->tail(), ring_->head());
    return {bytes.begin(), bytes.end()};
  }
  bool readable() { return loop_.wait(std::chrono::nanoseconds(0)) > 0; }

  test::TempDir directory_;
  EventLoop loop_ = std::move(*EventLoop::create());
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<FifoSet> fifo_set_;
};

TEST_F(FifoSetTest, ARetiredOneIsReadUntilItsLastWriterIsGoneAndItIsEmpty) {
  UniqueFd old_writer = writer_of("first");
  fifo_set_->replace(open_fifo_at("second"));
  EXPECT_EQ(fifo_set_->retired(), 1U);
  pull_all();
  EXPECT_EQ(fifo_set_->retired(), 1U) << "it has a writer";
  write(old_writer, "old\n");
  write(writer_of("second"), "new\n");
  old_writer.reset();
  pull_all();
  EXPECT_EQ(content(), "old\nnew\n");
  EXPECT_EQ(fifo_set_->retired(), 0U);
  EXPECT_EQ(fifo_set_->take_closed(), 1U);
  EXPECT_EQ(fifo_set_->take_closed(), 0U);
}

TEST_F(FifoSetTest, AWriterThatGoesOverFindsItsLinesInOrder) {
  const UniqueFd old_writer = writer_of("first");
  const UniqueFd other_writer = writer_of("first");
  fifo_set_->replace(open_fifo_at("second"));
  const UniqueFd new_writer = writer_of("second");
  write(old_writer, "1\n");
  EXPECT_EQ(fifo_set_->pull().bytes, 2U);
  // The turns were dealt before these: they are for the next ones.
  write(old_writer, "2\n");
  write(new_writer, "3\n");
  pull_all();
  EXPECT_EQ(content(), "1\n2\n3\n");
}

// A flood into the old one, larger than a read, and one line in the new one.
TEST_F(FifoSetTest, NoOneStarvesAndNoLineIsTorn) {
  const UniqueFd old_writer = writer_of("first");
  fifo_set_->replace(open_fifo_at("second"));
  const UniqueFd new_writer = writer_of("second");
  const std::string line = std::string(999, 'o') + "\n";
  for (int i = 0; i < 900; ++i) write(old_writer, line);
  write(new_writer, "new\n");
  std::string expected;
  for (int i = 0; i < 900; ++i) expected += line;
  expected += "new\n";
  ASSERT_EQ(fifo_set_->pull().bytes, 512U << 10) << "not at the end of a line";
  for (int i = 0; i < 100; ++i) write(old_writer, line);
  while (content().find("new") == std::string::npos) ASSERT_EQ(fifo_set_->pull().outcome, Outcome::Took);
  EXPECT_EQ(content(), expected);
}

TEST_F(FifoSetTest, AllAreListenedToAndAWritersGoingWakes) {
  ASSERT_TRUE(fifo_set_->listen(true));
  const UniqueFd first_writer = writer_of("first");
  fifo_set_->replace(open_fifo_at("second"));
  UniqueFd second_writer = writer_of("second");
  EXPECT_FALSE(readable());
  write(second_writer, "x\n");
  EXPECT_TRUE(readable());
  pull_all();
  write(first_writer, "x\n");
  EXPECT_TRUE(readable());
  pull_all();
  EXPECT_FALSE(readable());
  ASSERT_TRUE(fifo_set_->listen(false));
  write(first_writer, "x\n");
  EXPECT_FALSE(readable());
  pull_all();
  ASSERT_TRUE(fifo_set_->listen(true));
  fifo_set_->replace(open_fifo_at("third"));
  EXPECT_FALSE(readable());
  second_writer.reset();
  EXPECT_TRUE(readable()) << "an end of file";
  pull_all();
  EXPECT_EQ(fifo_set_->retired(), 1U);
  EXPECT_FALSE(readable());
}

TEST_F(FifoSetTest, ARetiredOneCanComeBack) {
  const dev_t device = fifo_set_->current().device;
  const ino_t inode = fifo_set_->current().inode;
  UniqueFd first_writer = writer_of("first");
  fifo_set_->replace(open_fifo_at("second"));
  EXPECT_FALSE(fifo_set_->reinstate(device, inode + 1'000'000));
  const auto back = fifo_set_->reinstate(device, inode);
  ASSERT_TRUE(back && *back);
  EXPECT_EQ(fifo_set_->current().inode, inode);
  first_writer.reset();
  pull_all();
  EXPECT_EQ(fifo_set_->retired(), 0U) << "the other one, which never had a writer";
  EXPECT_EQ(fifo_set_->pull().outcome, Outcome::Empty) << "held open again: no end of file";
  write(writer_of("first"), "back\n");
  pull_all();
  EXPECT_EQ(content(), "back\n");
}

TEST_F(FifoSetTest, TheLastTurnsTakeWhatIsThereAndNoMore) {
  const UniqueFd old_writer = writer_of("first");
  fifo_set_->replace(open_fifo_at("second"));
  const UniqueFd new_writer = writer_of("second");
  write(old_writer, "old\n");
  write(new_writer, "new\n");
  fifo_set_->begin_last_turns();
  write(old_writer, "later\n");
  write(new_writer, "later\n");
  pull_all();
  EXPECT_EQ(content(), "old\nnew\n");
}

}  // namespace
}  // namespace slurper
