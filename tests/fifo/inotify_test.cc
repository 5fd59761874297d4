#include "fifo/inotify.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "log/log_files.h"
#include "support/small_disk.h"
#include "support/text_of.h"

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

const WatchedNames names = {.inode = 1, .steps = {{2, {"fifo"}}, {4, {"run", "link"}}, {5, {}}}};

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
  for (const char* name : {"run", "link"})
    EXPECT_EQ(decode_events(Buffer().add(4, IN_CREATE, name).bytes(), names), (FifoEvents{.path = true}));
  EXPECT_EQ(decode_events(Buffer().add(4, IN_CREATE, "fifo").bytes(), names), FifoEvents{});
}

TEST(DecodeEvents, AFolderOrLinkThatIsGoneIsAPathThatIsGone) {
  for (const int watch : {2, 5}) {
    for (const int mask : {IN_DELETE_SELF, IN_MOVE_SELF, IN_ATTRIB, IN_UNMOUNT})
      EXPECT_EQ(decode_events(Buffer().add(watch, mask).bytes(), names), (FifoEvents{.path = true}));
    EXPECT_EQ(decode_events(Buffer().add(watch, IN_IGNORED).bytes(), names), FifoEvents{}) << "said before";
  }
  EXPECT_EQ(decode_events(Buffer().add(5, IN_CREATE, "fifo").bytes(), names), FifoEvents{});
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
  FifoWatchTest() : watch_(std::move(*FifoInotify::open())) {
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    fifo_fd_.reset(::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  }
  void open_and_close(int flags) {
    EXPECT_TRUE(UniqueFd(::open(path_.c_str(), flags | O_NONBLOCK | O_CLOEXEC)));
  }

  test::TempDir directory_;
  std::string path_ = directory_ / "fifo";
  UniqueFd fifo_fd_;
  FifoInotify watch_;
};

TEST_F(FifoWatchTest, TellsReadersFromWriters) {
  ASSERT_TRUE(watch_.watch_users(fifo_fd_.get()));
  open_and_close(O_RDONLY);
  EXPECT_EQ(watch_.read(), (FifoEvents{.opens = 1, .read_closes = 1}));
  open_and_close(O_WRONLY);
  open_and_close(O_RDWR);
  EXPECT_EQ(watch_.read(), (FifoEvents{.opens = 2, .write_closes = 2}));
  EXPECT_EQ(watch_.read(), FifoEvents{});
}

TEST_F(FifoWatchTest, LinesMakeNoEvents) {
  ASSERT_TRUE(watch_.watch_users(fifo_fd_.get()));
  char data[5];
  EXPECT_EQ(::write(fifo_fd_.get(), "line\n", 5), 5);
  EXPECT_EQ(::read(fifo_fd_.get(), data, sizeof data), 5);
  EXPECT_EQ(watch_.read(), FifoEvents{});
}

TEST_F(FifoWatchTest, FollowsTheInodeAndNotThePath) {
  ASSERT_EQ(::rename(path_.c_str(), (directory_ / "moved").c_str()), 0);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  ASSERT_TRUE(watch_.watch_users(fifo_fd_.get()));
  open_and_close(O_RDWR);
  EXPECT_EQ(watch_.read(), FifoEvents{});
  path_ = directory_ / "moved";
  open_and_close(O_RDWR);
  EXPECT_EQ(watch_.read(), (FifoEvents{.opens = 1, .write_closes = 1}));
}

TEST_F(FifoWatchTest, AnotherInodeTakesTheFirstOnesPlace) {
  ASSERT_TRUE(watch_.watch_users(fifo_fd_.get()));
  const std::string first = std::exchange(path_, directory_ / "second");
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const UniqueFd second_fd(::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(watch_.watch_users(second_fd.get()));
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
  EXPECT_TRUE(watch_.watch_path(fifo_fd_.get(), directory_.path() + "//./z/../missing/"));
  write_file(directory_ / "file", "x");
  const std::string below_a_file = directory_ / "file/fifo";
  EXPECT_TRUE(watch_.watch_path(fifo_fd_.get(), below_a_file));
  (void)watch_.read();
  fs::remove(directory_ / "file");
  EXPECT_TRUE(watch_.read().path);
}

// Where the path leads, and every folder and symbolic link on its way: whatever makes it lead elsewhere is
// seen.
TEST_F(FifoWatchTest, EveryFolderAndLinkOfThePathIsSeen) {
  const fs::path top = directory_.path();
  fs::create_directories(top / "real/deep/run");
  fs::create_directories(top / "links/more");
  fs::create_directory_symlink("more/second", top / "links/first");  // relative to its own folder
  fs::create_directory_symlink(top / "real/deep", top / "links/more/second");
  const std::string path = top / "links/../links/first/run/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const UniqueFd fifo_fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  const auto seen = [&](auto&& act) {
    EXPECT_TRUE(watch_.watch_path(fifo_fd.get(), path));
    (void)watch_.read();
    act();
    return watch_.read().path;
  };
  // Away and back: each is seen.
  for (const char* part : {"real", "real/deep", "real/deep/run", "links", "links/first", "links/more",
                           "links/more/second", "real/deep/run/fifo"}) {
    const fs::path aside = top / "aside";
    EXPECT_TRUE(seen([&] { fs::rename(top / part, aside); })) << part;
    EXPECT_TRUE(seen([&] { fs::rename(aside, top / part); })) << part;
  }
  EXPECT_TRUE(seen([&] {
    fs::create_directory_symlink(top, top / "new");
    fs::rename(top / "new", top / "links/more/second");
  })) << "flipped";
  EXPECT_TRUE(seen([&] { fs::create_directory(top / "run"); })) << "it leads there now";
  // Not on the way.
  EXPECT_FALSE(seen([&] { fs::rename(top / "real", top / "aside"); }));
  EXPECT_FALSE(seen([&] { write_file(top / "links/file", "x"); }));
}

TEST_F(FifoWatchTest, LinksInACircleEnd) {
  fs::create_directory_symlink("b", directory_ / "a");
  fs::create_directory_symlink("a", directory_ / "b");
  const std::string path = directory_ / "a/fifo";
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), path));
  fs::remove(directory_ / "b");
  EXPECT_TRUE(watch_.read().path);
}

// The events of a folder that it reports of the files in it make each read(2) and write(2) of them look the
// folder up.
TEST_F(FifoWatchTest, NoFolderIsWatchedForWhatSlowsItsFilesDown) {
  constexpr unsigned kOfFiles = IN_ACCESS | IN_MODIFY | IN_ATTRIB | IN_OPEN | IN_CLOSE;
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), path_));
  struct stat fifo{};
  ASSERT_EQ(::fstat(fifo_fd_.get(), &fifo), 0);
  const std::string info = read_file("/proc/self/fdinfo/" + std::to_string(watch_.fd()));
  int folders = 0;
  for (std::size_t at = 0; (at = info.find("inotify wd:", at)) != std::string::npos; ++at) {
    unsigned long inode = 0;
    unsigned mask = 0;
    ASSERT_EQ(std::sscanf(info.c_str() + at, "inotify wd:%*x ino:%lx sdev:%*x mask:%x", &inode, &mask), 2);
    if (inode == fifo.st_ino) continue;
    ++folders;
    EXPECT_EQ(mask & kOfFiles, 0U) << info;
  }
  EXPECT_GE(folders, 2) << info;
}

// As the user nobody: root may read every folder.
TEST_F(FifoWatchTest, WhatMayNotBeReadIsWatchedInItsFolder) {
  const std::string closed = directory_ / "closed";
  fs::create_directories(closed + "/closed too/open");
  const std::string path = closed + "/closed too/open/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0622), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  const UniqueFd fifo_fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  const auto watch_unprivileged = [&](const std::string& what) {
    constexpr uid_t kNobody = 65534;
    const bool root = ::geteuid() == 0;
    EXPECT_EQ(root ? ::seteuid(kNobody) : 0, 0);
    Status watched = watch_.watch_path(fifo_fd.get(), what);
    EXPECT_EQ(root ? ::seteuid(0) : 0, 0);
    (void)watch_.read();
    return watched;
  };
  ASSERT_EQ(::chmod(closed.c_str(), 0311), 0);
  EXPECT_TRUE(watch_unprivileged(path)) << "in the folder above";
  fs::rename(closed, directory_ / "aside");
  EXPECT_TRUE(watch_.read().path);
  fs::rename(directory_ / "aside", closed);

  ASSERT_EQ(::chmod((closed + "/closed too").c_str(), 0311), 0);
  const Status watched = watch_unprivileged(path);
  ASSERT_FALSE(watched);
  EXPECT_THAT(test::text_of(watched.error()),
              testing::AllOf(testing::HasSubstr("closed/closed too', a part of"),
                             testing::HasSubstr("must be allowed to read")));
  fs::rename(closed + "/closed too/open", closed + "/aside");
  EXPECT_TRUE(watch_.read().path) << "all that can be watched is watched nevertheless";
  for (const std::string& folder : {closed, closed + "/closed too"})
    ASSERT_EQ(::chmod(folder.c_str(), 0700), 0);
}

// What comes and goes beside the path's parts makes no event at all: /tmp and /run are busy.
TEST_F(FifoWatchTest, WhatIsBesideThePathMakesNoEvents) {
  fs::create_directories(directory_ / "a/b");
  const std::string path = directory_ / "a/b/fifo";
  const auto waits = [&] {
    int bytes = 0;
    EXPECT_EQ(::ioctl(watch_.fd(), FIONREAD, &bytes), 0);
    return bytes;
  };
  const auto come_and_go = [&] {
    for (const char* folder : {"", "a/", "a/b/"}) {
      write_file(directory_ / (std::string(folder) + "file"), "x");
      fs::remove(directory_ / (std::string(folder) + "file"));
    }
  };
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), path)) << "where it is missing";
  come_and_go();
  EXPECT_GT(waits(), 0);
  EXPECT_EQ(watch_.read(), FifoEvents{});
  fs::rename(path_, path);
  EXPECT_TRUE(watch_.read().path);
  ASSERT_TRUE(watch_.watch_path(fifo_fd_.get(), path));
  (void)watch_.read();
  come_and_go();
  EXPECT_EQ(waits(), 0);
}

TEST(MountWatch, TellsOfAMount) {
  if (!test::may_mount()) GTEST_SKIP() << "needs root and a mount namespace";
  const test::TempDir directory;
  const Result<MountWatch> mounts = MountWatch::open();
  ASSERT_TRUE(mounts);
  pollfd event{.fd = mounts->fd(), .events = POLLPRI, .revents = 0};
  (void)::poll(&event, 1, 0);
  EXPECT_EQ(::poll(&event, 1, 0), 0) << "the wait has taken it";
  {
    const test::SmallDisk disk(directory / "over", 1 << 16);
    EXPECT_EQ(::poll(&event, 1, 10'000), 1);
    EXPECT_EQ(::poll(&event, 1, 0), 0);
  }
  EXPECT_EQ(::poll(&event, 1, 10'000), 1);
}

// More than fs.inotify.max_queued_events, each unlike the one before: equal ones are merged.
TEST_F(FifoWatchTest, AnOverflowIsTold) {
  const int limit = std::stoi(read_file("/proc/sys/fs/inotify/max_queued_events"));
  if (limit > 100'000) GTEST_SKIP() << "fs.inotify.max_queued_events is " << limit;
  ASSERT_TRUE(watch_.watch_users(fifo_fd_.get()));
  for (int i = 0; i <= limit / 2; ++i) open_and_close(O_RDONLY);
  EXPECT_TRUE(watch_.read().overflow);
}

}  // namespace
}  // namespace slurper
