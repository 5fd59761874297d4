#include "fifo/watch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "log/log_files.h"

namespace slurper {
namespace {

namespace fs = std::filesystem;

class Buffer {
 public:
  Buffer& add(int watch, std::int64_t mask, const std::string& name = {}) {
    inotify_event event{};
    event.wd = watch;
    event.mask = static_cast<std::uint32_t>(mask);
    event.len = name.empty() ? 0 : 16;
    bytes_.append(reinterpret_cast<const char*>(&event), sizeof event);
    bytes_ += name + std::string(event.len - name.size(), '\0');
    return *this;
  }
  [[nodiscard]] std::span<const char> bytes(std::size_t less = 0) const {
    return std::span(bytes_).first(bytes_.size() - less);
  }

 private:
  std::string bytes_;
};

const WatchedNames names = {.inode = 1, .folder = 2, .name = "fifo"};

TEST(DecodeEvents, CountsWhoComesAndGoes) {
  const Buffer buffer = Buffer()
                            .add(1, IN_OPEN)
                            .add(1, IN_OPEN)
                            .add(1, IN_OPEN)
                            .add(1, IN_CLOSE_WRITE)
                            .add(1, IN_CLOSE_WRITE)
                            .add(1, IN_CLOSE_NOWRITE);
  EXPECT_EQ(decode_events(buffer.bytes(), names),
            (FifoEvents{.opens = 3, .write_closes = 2, .read_closes = 1}));
}

TEST(DecodeEvents, AnUnlinkedInodeIsAChangeOfItsAttributesAndOfThePath) {
  EXPECT_EQ(decode_events(Buffer().add(1, IN_ATTRIB).bytes(), names),
            (FifoEvents{.attributes = true, .path = true}));
  EXPECT_EQ(decode_events(Buffer().add(1, IN_MOVE_SELF).bytes(), names), (FifoEvents{.path = true}));
}

TEST(DecodeEvents, InTheFolderOnlyTheNameCounts) {
  for (const int mask : {IN_CREATE, IN_MOVED_TO, IN_DELETE, IN_MOVED_FROM}) {
    EXPECT_EQ(decode_events(Buffer().add(2, mask, "fifo").bytes(), names), (FifoEvents{.path = true}));
    for (const char* other : {"fifo2", "fif", "FIFO"})
      EXPECT_EQ(decode_events(Buffer().add(2, mask, other).bytes(), names), FifoEvents{}) << other;
  }
  EXPECT_EQ(decode_events(Buffer().add(2, IN_ATTRIB | IN_ISDIR).bytes(), names), FifoEvents{});
}

TEST(DecodeEvents, AFolderThatIsGoneIsAPathThatIsGone) {
  for (const int mask : {IN_DELETE_SELF, IN_MOVE_SELF, IN_IGNORED, IN_UNMOUNT})
    EXPECT_EQ(decode_events(Buffer().add(2, mask).bytes(), names), (FifoEvents{.path = true}));
}

TEST(DecodeEvents, OtherWatchesDoNotCountAndAnOverflowDoes) {
  EXPECT_EQ(decode_events(Buffer().add(3, IN_OPEN).add(3, IN_DELETE, "fifo").bytes(), names), FifoEvents{});
  EXPECT_EQ(decode_events(Buffer().add(-1, IN_Q_OVERFLOW).bytes(), names), (FifoEvents{.overflow = true}));
  EXPECT_EQ(decode_events(Buffer().add(-1, IN_OPEN).bytes(), WatchedNames{}).overflow, false);
}

TEST(DecodeEvents, ACutBufferIsReadUpToTheCut) {
  const Buffer buffer = Buffer().add(1, IN_OPEN).add(2, IN_CREATE, "fifo");
  for (std::size_t less = 1; less < 32; ++less)
    EXPECT_EQ(decode_events(buffer.bytes(less), names), (FifoEvents{.opens = 1})) << less;
}

class FifoWatchTest : public testing::Test {
 protected:
  FifoWatchTest() : watch_(std::move(*FifoWatch::open())) {
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    fifo_fd_.reset(::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  }
  void open_and_close(int flags) {
    EXPECT_TRUE(UniqueFd(::open(path_.c_str(), flags | O_NONBLOCK | O_CLOEXEC)));
  }

  test::TempDir directory_;
  std::string path_ = directory_ / "fifo";
  UniqueFd fifo_fd_;
  FifoWatch watch_;
};

TEST_F(FifoWatchTest, TellsReadersFromWriters) {
  ASSERT_TRUE(watch_.watch_visitors(fifo_fd_.get()));
  open_and_close(O_RDONLY);
  EXPECT_EQ(watch_.read(), (FifoEvents{.opens = 1, .read_closes = 1}));
  open_and_close(O_WRONLY);
  open_and_close(O_RDWR);
  EXPECT_EQ(watch_.read(), (FifoEvents{.opens = 2, .write_closes = 2}));
  EXPECT_EQ(watch_.read(), FifoEvents{});
}

TEST_F(FifoWatchTest, LinesMakeNoEvents) {
  ASSERT_TRUE(watch_.watch_visitors(fifo_fd_.get()));
  char data[5];
  EXPECT_EQ(::write(fifo_fd_.get(), "line\n", 5), 5);
  EXPECT_EQ(::read(fifo_fd_.get(), data, sizeof data), 5);
  EXPECT_EQ(watch_.read(), FifoEvents{});
}

TEST_F(FifoWatchTest, FollowsTheInodeAndNotThePath) {
  ASSERT_EQ(::rename(path_.c_str(), (directory_ / "moved").c_str()), 0);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  ASSERT_TRUE(watch_.watch_visitors(fifo_fd_.get()));
  open_and_close(O_RDWR);
  EXPECT_EQ(watch_.read(), FifoEvents{});
  path_ = directory_ / "moved";
  open_and_close(O_RDWR);
  EXPECT_EQ(watch_.read(), (FifoEvents{.opens = 1, .write_closes = 1}));
}

TEST_F(FifoWatchTest, AnotherInodeTakesTheFirstOnesPlace) {
  ASSERT_TRUE(watch_.watch_visitors(fifo_fd_.get()));
  const std::string first = std::exchange(path_, directory_ / "second");
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const UniqueFd second_fd(::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(watch_.watch_visitors(second_fd.get()));
  open_and_close(O_WRONLY);
  path_ = first;
  open_and_close(O_RDONLY);
  EXPECT_EQ(watch_.read(), (FifoEvents{.opens = 1, .write_closes = 1}));
}

TEST_F(FifoWatchTest, EveryWayToLoseThePathIsSeen) {
  const auto seen = [&](auto&& act) {
    EXPECT_TRUE(watch_.watch_path(fifo_fd_.get(), path_));
    (void)watch_.read();
    act();
    return watch_.read().path;
  };
  const std::string other = directory_ / "other";
  EXPECT_TRUE(seen([&] { fs::rename(path_, other); }));
  EXPECT_TRUE(seen([&] { fs::rename(other, path_); }));
  EXPECT_TRUE(seen([&] { ASSERT_EQ(::chmod(path_.c_str(), 0622), 0); }));
  EXPECT_TRUE(seen([&] { fs::create_hard_link(path_, other); }));
  EXPECT_TRUE(seen([&] { fs::remove(path_); }));
  EXPECT_TRUE(seen([&] { write_file(path_, "x"); }));
  EXPECT_FALSE(seen([&] { write_file(directory_ / "elsewhere", "x"); }));
  EXPECT_TRUE(seen([&] { fs::rename(other, path_); })) << "over the file";
}

TEST_F(FifoWatchTest, AMissingFolderIsWaitedFor) {
  const std::string path = directory_ / "a/b/fifo";
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), path));
  fs::create_directory(directory_ / "z");
  EXPECT_FALSE(watch_.read().path);
  fs::create_directory(directory_ / "a");
  EXPECT_TRUE(watch_.read().path);
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), path));
  fs::create_directory(directory_ / "a/b");
  EXPECT_TRUE(watch_.read().path);
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), path));
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_TRUE(watch_.read().path);
  fs::remove_all(directory_ / "a/b");
  EXPECT_TRUE(watch_.read().path);
}

TEST_F(FifoWatchTest, PathsOfEveryShape) {
  const fs::path before = fs::current_path();
  fs::current_path(directory_.path());
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), "fifo"));
  fs::remove("fifo");
  EXPECT_TRUE(watch_.read().path);
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), "fifo"));
  ASSERT_EQ(::mkfifo("fifo", 0600), 0);
  EXPECT_TRUE(watch_.read().path) << "by its name alone: it is another inode";
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), "missing/fifo"));
  fs::create_directory("missing");
  EXPECT_TRUE(watch_.read().path);
  fs::current_path(before);
  EXPECT_TRUE(watch_.watch_path(fifo_fd_.get(), "/fifo"));
  write_file(directory_ / "file", "x");
  const Status refused = watch_.watch_path(fifo_fd_.get(), directory_ / "file/fifo");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("watch the FIFO's folder"));
}

// A watched folder costs whoever reads or writes what is in it.
TEST_F(FifoWatchTest, TheFolderIsWatchedOnlyWhileTheFifoIsNotThere) {
  const std::string path = directory_ / "fifo";
  const auto watches = [&] {
    const std::string info = read_file("/proc/self/fdinfo/" + std::to_string(watch_.fd()));
    int count = 0;
    for (std::size_t at = 0; (at = info.find("inotify wd:", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), path));
  EXPECT_EQ(watches(), 1);
  fs::rename(path, path + ".moved");
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), path));
  EXPECT_EQ(watches(), 2);
  fs::rename(path + ".moved", path);
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), path));
  EXPECT_EQ(watches(), 1);
}

// More than fs.inotify.max_queued_events, each unlike the one before: equal ones are merged.
TEST_F(FifoWatchTest, AnOverflowIsTold) {
  const int limit = std::stoi(read_file("/proc/sys/fs/inotify/max_queued_events"));
  if (limit > 100'000) GTEST_SKIP() << "fs.inotify.max_queued_events is " << limit;
  ASSERT_TRUE(watch_.watch_visitors(fifo_fd_.get()));
  for (int i = 0; i <= limit / 2; ++i) open_and_close(O_RDONLY);
  EXPECT_TRUE(watch_.read().overflow);
}

}  // namespace
}  // namespace slurper
