// What can happen to the FIFO while slurper reads it. The real binary; each fault ends in a comparison of
// every byte.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "support/daemon.h"
#include "support/files.h"
#include "support/flock_holder.h"
#include "support/kill_at.h"
#include "support/lines.h"
#include "support/small_disk.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

std::string lines(const std::string& what, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += fmt::format("{} {:06} {:.<80}\n", what, i, "");
  return text;
}

// A site whose FIFO only its writers hold open.
class FifoFaults : public testing::Test {
 protected:
  [[nodiscard]] Program program(const std::vector<std::string>& settings = {}) const {
    std::vector<std::string> all = {"ring.directory=" + ram_.path(), "ring.size=4MiB"};
    all.insert(all.end(), settings.begin(), settings.end());
    Program program{.argv = {slurper_binary(), "run", "--fifo", path_, "--log", disk_ / "messages"},
                    .env = {}};
    for (const std::string& setting : all) program.argv.insert(program.argv.end(), {"--set", setting});
    return program;
  }
  Child start(const std::vector<std::string>& settings = {}) {
    Child slurper(program(settings));
    EXPECT_TRUE(slurper.said("ready")) << slurper.err();
    return slurper;
  }
  static UniqueFd open_writer(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    EXPECT_TRUE(fd) << path;
    return fd;
  }
  // Line by line, and waits until slurper has them, so that their order is known.
  void write(const UniqueFd& fd, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at) + 1;
      ASSERT_EQ(::write(fd.get(), text.data() + at, end - at), static_cast<ssize_t>(end - at));
      at = end;
    }
    written_ += text;
    ASSERT_TRUE(log_.reaches(written_.size()));
  }
  // Whether something that slurper reads stands at the path: only then can it be opened without waiting.
  bool is_served() {
    return eventually(
        [&] { return UniqueFd(::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)).get() >= 0; });
  }
  void stop_and_compare(Child& slurper) {
    slurper.signal(SIGTERM);
    EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
    EXPECT_EQ(difference(written_, log_.bytes()), "") << slurper.err();
  }
  [[nodiscard]] static ino_t inode_of(const std::string& path) {
    struct stat st{};
    return ::lstat(path.c_str(), &st) == 0 ? st.st_ino : 0;
  }

  TempDir disk_;
  TempDir ram_ = TempDir::in_ram();
  std::string path_ = disk_ / "fifo";
  LogStream log_{disk_ / "messages"};
  std::string written_;
};

TEST_F(FifoFaults, RemovedItIsMadeAnewAndTheOldOneIsReadToItsEnd) {
  Child slurper = start({"fifo.mode=0622"});
  UniqueFd old_writer = open_writer(path_);
  write(old_writer, lines("before", 100));
  fs::remove(path_);
  ASSERT_TRUE(slurper.said("was removed: recreated it"));
  struct stat st{};
  ASSERT_EQ(::lstat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode, static_cast<mode_t>(S_IFIFO | 0622));
  UniqueFd new_writer = open_writer(path_);
  EXPECT_EQ(::fcntl(new_writer.get(), F_GETPIPE_SZ), 1 << 20) << "as large as the first one";
  for (int i = 0; i < 10; ++i) {
    write(old_writer, lines("old", 10));
    write(new_writer, lines("new", 10));
  }
  old_writer.reset();
  ASSERT_TRUE(slurper.said("is empty and has no writer left"));
  new_writer.reset();
  write(open_writer(path_), lines("held open", 10));
  stop_and_compare(slurper);
}

TEST_F(FifoFaults, RenamedItIsMadeAnewAndComesBack) {
  Child slurper = start();
  const UniqueFd old_writer = open_writer(path_);
  const std::string aside = disk_ / "aside";
  const ino_t first = inode_of(path_);
  fs::rename(path_, aside);
  ASSERT_TRUE(slurper.said("was moved to '" + aside + "': recreated it"));
  const UniqueFd new_writer = open_writer(path_);
  write(old_writer, lines("old", 100));
  write(new_writer, lines("new", 100));
  fs::rename(aside, path_);
  ASSERT_TRUE(slurper.said("an earlier one is back at the path"));
  EXPECT_EQ(inode_of(path_), first);
  write(new_writer, lines("new", 100));
  write(old_writer, lines("old again", 100));
  write(open_writer(path_), lines("opened again", 100));
  stop_and_compare(slurper);
}

TEST_F(FifoFaults, ReplacedByAnotherFifoBothAreRead) {
  Child slurper = start({"fifo.create=true"});
  const UniqueFd old_writer = open_writer(path_);
  const std::string other = disk_ / "other";
  ASSERT_EQ(::mkfifo(other.c_str(), 0600), 0);
  // Its writer is there before slurper: it has the reader's end open, too, and what it wrote waits.
  const UniqueFd early_writer(::open(other.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  const std::string early = lines("early", 100);
  ASSERT_EQ(::write(early_writer.get(), early.data(), early.size()), static_cast<ssize_t>(early.size()));
  fs::rename(other, path_);
  ASSERT_TRUE(slurper.said("another FIFO has taken its place and is read now"));
  written_ += early;
  ASSERT_TRUE(log_.reaches(written_.size()));
  write(old_writer, lines("old", 100));
  write(early_writer, lines("new", 100));
  stop_and_compare(slurper);
}

// The lock is on the inode: it must be taken for the new one as well.
TEST_F(FifoFaults, TheNewOneIsGuardedAgainstASecondSlurper) {
  Child slurper = start();
  fs::remove(path_);
  ASSERT_TRUE(slurper.said("recreated it")) << slurper.err();
  Child second({.argv = {slurper_binary(), "run", "--fifo", path_, "--log", disk_ / "other", "--set",
                         "ring.directory=" + (ram_ / "other")},
                .env = {}});
  EXPECT_TRUE(second.exits_with(75)) << second.err();
  write(open_writer(path_), lines("line", 10));
  stop_and_compare(slurper);
}

TEST_F(FifoFaults, ARegularFileInItsPlaceIsToldOnceAndLeftAlone) {
  Child slurper = start();
  const UniqueFd writer = open_writer(path_);
  const std::string file = disk_ / "file";
  std::ofstream(file) << "precious\n";
  fs::rename(file, path_);
  ASSERT_TRUE(slurper.said("it is a regular file, not a FIFO. Nothing was changed"));
  write(writer, lines("old", 100));
  // Something else happens in the folder, and to the file: nothing new to say.
  std::ofstream(disk_ / "elsewhere") << "x";
  fs::permissions(path_, fs::perms::owner_read);
  write(writer, lines("old", 100));
  slurper.signal(SIGUSR2);
  ASSERT_TRUE(slurper.said("THE FIFO IS NOT AT ITS PATH"));
  EXPECT_FALSE(
      slurper.said("it is a regular file, not a FIFO. Nothing was changed", 2, std::chrono::milliseconds(0)));
  fs::rename(path_, file);
  ASSERT_TRUE(slurper.said("is back and is read again"));
  write(writer, lines("old", 100));
  write(open_writer(path_), lines("new", 100));
  std::string content;
  std::getline(std::ifstream(file), content);
  EXPECT_EQ(content, "precious");
  stop_and_compare(slurper);
}

TEST_F(FifoFaults, WhereItMustNotBeMadeItIsWaitedFor) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  Child slurper = start({"fifo.create=false"});
  const UniqueFd old_writer = open_writer(path_);
  fs::remove(path_);
  ASSERT_TRUE(slurper.said("Create it with mkfifo(1)"));
  write(old_writer, lines("old", 100));
  EXPECT_FALSE(fs::exists(path_));
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  ASSERT_TRUE(slurper.said("is back and is read again"));
  write(open_writer(path_), lines("new", 100));
  write(old_writer, lines("old", 100));
  stop_and_compare(slurper);
}

TEST_F(FifoFaults, AFolderThatIsGoneIsWaitedFor) {
  const std::string folder = disk_ / "run";
  path_ = folder + "/deeper/fifo";
  fs::create_directories(folder + "/deeper");
  Child slurper = start();
  const UniqueFd old_writer = open_writer(path_);
  // If slurper recreates the FIFO while the folder is being emptied, the removal fails: it is repeated.
  ASSERT_TRUE(eventually([&] {
    std::error_code busy;
    fs::remove_all(folder, busy);
    return !fs::exists(folder) && slurper.said("and slurper cannot");
  }));
  write(old_writer, lines("old", 100));
  fs::create_directory(folder);
  fs::create_directory(folder + "/deeper");
  ASSERT_TRUE(is_served()) << slurper.err();
  write(open_writer(path_), lines("new", 100));
  write(old_writer, lines("old", 100));
  stop_and_compare(slurper);
}

// What makes the path lead elsewhere while the FIFO itself stays as it is.
struct OtherFolder {
  const char* name;
  const char* fifo;                              // its path in the test's folder
  std::function<void(const fs::path&)> prepare;  // makes its folder
  std::function<void(const fs::path&)> replace;  // puts another folder in its place
  std::function<void(const fs::path&)> put_back = {};
};
std::ostream& operator<<(std::ostream& out, const OtherFolder& other) {
  return out << other.name;
}

// Atomically.
void point(const fs::path& link, const fs::path& to) {
  const fs::path next = link.string() + ".next";
  fs::create_directory_symlink(to, next);
  fs::rename(next, link);
}

class FifoFolders : public FifoFaults, public testing::WithParamInterface<OtherFolder> {};

TEST_P(FifoFolders, TheNewFifoIsReadAndTheOldOneToItsEnd) {
  const OtherFolder& other = GetParam();
  path_ = disk_ / other.fifo;
  other.prepare(disk_.path());
  Child slurper = start();
  UniqueFd old_writer = open_writer(path_);
  write(old_writer, lines("old", 10));
  const auto device_and_inode = [&] {
    struct stat st{};
    return ::lstat(path_.c_str(), &st) == 0 ? std::pair(st.st_dev, st.st_ino) : std::pair<dev_t, ino_t>();
  };
  const auto first = device_and_inode();
  other.replace(disk_.path());
  ASSERT_TRUE(eventually([&] { return device_and_inode() != first && device_and_inode().second != 0; }))
      << slurper.err();
  EXPECT_NE(device_and_inode(), first);
  ASSERT_TRUE(is_served()) << slurper.err();
  UniqueFd new_writer = open_writer(path_);
  write(new_writer, lines("new", 10));
  write(old_writer, lines("old again", 10));
  if (other.put_back) {
    new_writer.reset();
    other.put_back(disk_.path());
    ASSERT_TRUE(slurper.said("an earlier one is back at the path")) << slurper.err();
    EXPECT_EQ(device_and_inode(), first);
  }
  write(open_writer(path_), lines("after that", 10));
  slurper.signal(SIGUSR2);
  EXPECT_TRUE(slurper.said("all well")) << slurper.err();
  stop_and_compare(slurper);
}

INSTANTIATE_TEST_SUITE_P(
    All, FifoFolders,
    testing::Values(OtherFolder{"Renamed", "a/fifo",
                                [](const fs::path& top) { fs::create_directory(top / "a"); },
                                [](const fs::path& top) {
                                  fs::rename(top / "a", top / "a.old");
                                  fs::create_directory(top / "a");
                                }},
                    OtherFolder{"RenamedAndBack", "a/fifo",
                                [](const fs::path& top) {
                                  fs::create_directory(top / "a");
                                  fs::create_directory(top / "b");
                                },
                                [](const fs::path& top) {
                                  fs::rename(top / "a", top / "aside");
                                  fs::rename(top / "b", top / "a");
                                },
                                [](const fs::path& top) {
                                  fs::rename(top / "a", top / "b");
                                  fs::rename(top / "aside", top / "a");
                                }},
                    OtherFolder{"ItsGrandparentRenamed", "a/b/c/fifo",
                                [](const fs::path& top) {
                                  fs::create_directories(top / "a/b/c");
                                  fs::create_directories(top / "other/b/c");
                                },
                                [](const fs::path& top) {
                                  fs::rename(top / "a", top / "a.old");
                                  fs::rename(top / "other", top / "a");
                                }},
                    OtherFolder{"ExchangedForOneWithAFifo", "a/fifo",
                                [](const fs::path& top) {
                                  fs::create_directory(top / "a");
                                  fs::create_directory(top / "b");
                                  ASSERT_EQ(::mkfifo((top / "b/fifo").c_str(), 0600), 0);
                                },
                                [](const fs::path& top) {
                                  ASSERT_EQ(::renameat2(AT_FDCWD, (top / "a").c_str(), AT_FDCWD,
                                                        (top / "b").c_str(), RENAME_EXCHANGE),
                                            0);
                                }},
                    OtherFolder{"AFlippedLink", "current/fifo",
                                [](const fs::path& top) {
                                  fs::create_directory(top / "v1");
                                  fs::create_directory(top / "v2");
                                  point(top / "current", "v1");
                                },
                                [](const fs::path& top) { point(top / "current", "v2"); },
                                [](const fs::path& top) { point(top / "current", "v1"); }},
                    OtherFolder{"ALinkBehindALink", "run/fifo",
                                [](const fs::path& top) {
                                  fs::create_directories(top / "links");
                                  fs::create_directory(top / "v1");
                                  fs::create_directory(top / "v2");
                                  point(top / "links/which", "../v1");
                                  point(top / "run", top / "links/which");
                                },
                                [](const fs::path& top) { point(top / "links/which", "../v2"); }},
                    OtherFolder{"TheTargetOfALinkRenamed", "current/fifo",
                                [](const fs::path& top) {
                                  fs::create_directories(top / "far/away");
                                  point(top / "current", top / "far/away");
                                },
                                [](const fs::path& top) {
                                  fs::rename(top / "far", top / "far.old");
                                  fs::create_directories(top / "far/away");
                                }}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

// A late mount covers the FIFO, and uncovers it when it goes. inotify reports neither.
TEST_F(FifoFaults, AMountOverItsFolderIsSeen) {
  if (!may_mount()) GTEST_SKIP() << "needs root and a mount namespace";
  path_ = disk_ / "run/deeper/fifo";
  fs::create_directories(disk_ / "run/deeper");
  Child slurper = start();
  const UniqueFd old_writer = open_writer(path_);
  write(old_writer, lines("old", 10));
  {
    const SmallDisk mounted(disk_ / "run", 1 << 20);
    fs::create_directory(disk_ / "run/deeper");
    ASSERT_TRUE(is_served()) << slurper.err();
    write(open_writer(path_), lines("new", 10));
    write(old_writer, lines("old again", 10));
    EXPECT_TRUE(slurper.said("was mounted over its folder")) << slurper.err();
  }
  ASSERT_TRUE(slurper.said("an earlier one is back at the path")) << slurper.err();
  write(open_writer(path_), lines("uncovered", 10));
  stop_and_compare(slurper);
}

TEST_F(FifoFaults, AFolderThatComesBackLaterIsWaitedFor) {
  path_ = disk_ / "a/b/fifo";
  fs::create_directories(disk_ / "a/b");
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  Child slurper = start({"fifo.create=false"});
  const UniqueFd old_writer = open_writer(path_);
  fs::rename(disk_ / "a", disk_ / "aside");
  ASSERT_TRUE(slurper.said("Create it with mkfifo(1)")) << slurper.err();
  write(old_writer, lines("old", 10));
  fs::create_directory(disk_ / "a");
  fs::create_directory(disk_ / "a/b");
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  ASSERT_TRUE(slurper.said("is back and is read again")) << slurper.err();
  write(open_writer(path_), lines("new", 10));
  stop_and_compare(slurper);
}

// What comes and goes beside the FIFO, and beside each folder on its way, does not concern slurper.
TEST_F(FifoFaults, OtherNamesInTheFoldersOfItsPathChangeNothing) {
  path_ = disk_ / "a/fifo";
  fs::create_directory(disk_ / "a");
  Child slurper = start();
  const UniqueFd writer = open_writer(path_);
  for (int i = 0; i < 3000; ++i) {
    std::ofstream(disk_ / "a/file") << i;
    fs::rename(disk_ / "a/file", disk_ / "file");
    fs::remove(disk_ / "file");
    if (i % 100 == 0) write(writer, lines("line", 1));
  }
  fs::rename(disk_ / "a", disk_ / "aside");
  fs::create_directory(disk_ / "a");
  ASSERT_TRUE(is_served()) << "seen in spite of all the others" << slurper.err();
  write(open_writer(path_), lines("new", 10));
  stop_and_compare(slurper);
}

TEST_F(FifoFaults, AChangedModeIsToldAndNotUndone) {
  Child slurper = start({"fifo.mode=0620"});
  const UniqueFd writer = open_writer(path_);
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  ASSERT_TRUE(slurper.said("its mode is 0644 now, and was 0620"));
  EXPECT_TRUE(slurper.said("every user may read it and take lines away"));
  EXPECT_TRUE(slurper.said("writers that open it from now on may be refused"));
  ASSERT_EQ(::chmod(path_.c_str(), 0660), 0);
  ASSERT_TRUE(slurper.said("its mode is 0660 now, and was 0644"));
  EXPECT_FALSE(slurper.said("could not open it at its next start", 1, std::chrono::milliseconds(0)));
  struct stat st{};
  ASSERT_EQ(::lstat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0660U);
  write(writer, lines("line", 100));
  stop_and_compare(slurper);
}

// As another slurper would hold it. That a lock goes makes no event.
TEST_F(FifoFaults, ANewOneThatAnotherHasLockedIsTriedAgain) {
  Child slurper = start();
  const UniqueFd old_writer = open_writer(path_);
  const std::string other = disk_ / "other";
  ASSERT_EQ(::mkfifo(other.c_str(), 0600), 0);
  FlockHolder holder(other, FlockHolder::slurper());
  fs::rename(other, path_);
  ASSERT_TRUE(slurper.said("another slurper reads it"));
  write(old_writer, lines("old", 10));
  holder.release();
  ASSERT_TRUE(slurper.said("is back and is read again"));
  EXPECT_FALSE(slurper.said("another slurper reads it", 2, std::chrono::milliseconds(0))) << "told once";
  write(open_writer(path_), lines("new", 10));
  stop_and_compare(slurper);
}

// The log stands still until the ring is full, and then the pipe.
TEST_F(FifoFaults, TimeWithoutRoomForAWriterIsInTheStatus) {
  Child slurper = start();
  UniqueFd writer = open_writer(path_);
  {
    const StalledThreads stalled(slurper.pid());
    ASSERT_GT(stalled.count(), 0U);
    const std::string page = std::string(4095, 'x') + "\n";
    std::size_t refused = 0;
    EXPECT_TRUE(eventually([&] {
      if (::write(writer.get(), page.data(), page.size()) < 0) return ++refused == 1000;
      written_ += page;
      refused = 0;
      return false;
    }));
  }
  ASSERT_TRUE(log_.reaches(written_.size()));
  slurper.signal(SIGUSR2);
  ASSERT_TRUE(slurper.said("the pipe was full"));
  EXPECT_THAT(slurper.err(),
              testing::ContainsRegex("the pipe was full [1-9][0-9]* times? \\([0-9]*[1-9.]+[0-9.]* s"));
  EXPECT_THAT(slurper.err(), Not(HasSubstr("full 0 times")));
  stop_and_compare(slurper);
}

// As the process of a sink's program holds it until execve(2), if slurper has been killed meanwhile.
TEST_F(FifoFaults, ALockThatOutlivesItsSlurperIsWaitedFor) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  FlockHolder holder(path_, FlockHolder::slurper());
  Child slurper(program());
  // What it does between two looks.
  const std::string asleep = fmt::format("{} ", SYS_clock_nanosleep);
  ASSERT_TRUE(eventually([&] {
    return content_of(fmt::format("/proc/{}/syscall", slurper.pid())).starts_with(asleep);
  })) << slurper.err();
  holder.release();
  ASSERT_TRUE(slurper.said("ready")) << slurper.err();
  write(open_writer(path_), lines("line", 10));
  stop_and_compare(slurper);
}

// Any process that may read the log's files, or write to the FIFO, can hold flock(2) on them for ever.
TEST_F(FifoFaults, LocksThatAnybodyCanHoldKeepItFromNothing) {
  Program with_sink = program();
  with_sink.argv.insert(with_sink.argv.end(), {"--sink", "file:" + (disk_ / "copy") + "?start=beginning"});
  Child first(with_sink);
  ASSERT_TRUE(first.said("ready")) << first.err();
  write(open_writer(path_), lines("line", 10));
  ASSERT_TRUE(log_.reaches(written_.size()));
  first.signal(SIGTERM);
  ASSERT_TRUE(first.exits_with(0)) << first.err();

  const FlockHolder::Who anybody{.command = "anybody", .user = ::geteuid() == 0 ? 65534U : 0U};
  std::vector<std::unique_ptr<FlockHolder>> holders;
  for (const auto& entry : fs::directory_iterator(disk_.path())) {
    // A lock file is not for them.
    if (entry.path().native().find(".lock") == std::string::npos && !entry.is_directory())
      holders.push_back(std::make_unique<FlockHolder>(entry.path(), anybody));
  }
  ASSERT_GE(holders.size(), 7U) << "the FIFO, two logs, two indexes, two cursors";
  Child second(with_sink);
  ASSERT_TRUE(second.said("ready")) << second.err();
  EXPECT_TRUE(second.said("('anybody') holds a lock on the FIFO")) << second.err();
  EXPECT_TRUE(second.said("('anybody') holds a lock on the log's index")) << second.err();
  write(open_writer(path_), lines("line", 10));
  ASSERT_TRUE(eventually([&] { return content_of(disk_ / "copy") == written_; })) << second.err();
  stop_and_compare(second);
}

// Under load, over and over: each writer process has opened another FIFO, each one's lines are all there.
TEST_F(FifoFaults, ReplacedAgainAndAgainUnderLoad) {
  constexpr unsigned kRounds = 20;
  Child slurper = start({"log.rotate_size=1MiB"});
  std::vector<LineWriter> writers;
  const std::uint64_t each = kSanitized ? 2'000 : 20'000;
  for (unsigned round = 0; round < kRounds; ++round) {
    ASSERT_TRUE(is_served());
    const ino_t before = inode_of(path_);
    writers.emplace_back(path_, LineWriter::Plan{.writer = round, .lines = each});
    ASSERT_TRUE(eventually([&] { return writers.back().lines() > 100; }));
    if (round % 2 == 0) {
      fs::remove(path_);
    } else {
      fs::rename(path_, disk_ / fmt::format("aside{}", round).c_str());
    }
    ASSERT_TRUE(eventually([&] { return inode_of(path_) != before && inode_of(path_) != 0; }))
        << "round " << round << ": " << before << ", " << inode_of(path_) << slurper.err();
  }
  std::vector<std::uint64_t> accepted;
  std::uint64_t bytes = 0;
  for (LineWriter& writer : writers) {
    EXPECT_TRUE(writer.wait());
    accepted.push_back(writer.lines());
    bytes += writer.bytes();
  }
  ASSERT_TRUE(log_.reaches(bytes)) << slurper.err();
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_LT(slurper.err().size(), 10'000U) << "changes of state, not a flood";
  LineChecker checker;
  EXPECT_EQ(log_.read([&](std::string_view piece) { checker.feed(piece); }), "");
  const LineReport report = checker.finish(accepted);
  EXPECT_TRUE(report.clean()) << report.text();
  EXPECT_EQ(report.lines, each * kRounds);
}

}  // namespace
}  // namespace slurper::test
