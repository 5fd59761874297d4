#include "fifo/fifo.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <string_view>
#include <utility>

#include "log/log_files.h"
#include "support/flock_holder.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::FlockHolder;
using testing::HasSubstr;

// A kernel that refuses, and one in which another process acts between the two opens.
class OtherOs : public Os {
 public:
  int open(const char* path, int flags, mode_t mode) override {
    if (lock_file_error != 0 && (flags & O_CREAT) != 0) return -lock_file_error;
    if ((flags & O_PATH) != 0 && before_look) before_look(path);
    if ((flags & (O_ACCMODE | O_PATH)) == O_RDONLY && between_the_ends) between_the_ends();
    if (open_error != 0 && (flags & (O_ACCMODE | O_PATH)) == open_error_mode) return -open_error;
    const int fd = Os::open(path, flags, mode);
    ends_opened += fd >= 0 && std::string_view(path).starts_with("/proc/self/fd/") ? 1 : 0;
    return fd;
  }
  int fcntl(int fd, int command, int argument) override {
    return command == F_SETPIPE_SZ && set_size_error != 0 ? -set_size_error
                                                          : Os::fcntl(fd, command, argument);
  }
  int flock(int fd, int operation) override {
    return flock_error != 0 ? -flock_error : Os::flock(fd, operation);
  }
  int mkfifo(const char* path, mode_t mode) override {
    const int made = Os::mkfifo(path, mode);
    if (after_mkfifo) after_mkfifo(path);
    return made;
  }
  int rename_noreplace(const char* from, const char* to) override {
    const int renamed = Os::rename_noreplace(from, to);
    if (after_rename) after_rename();
    return renamed;
  }
  std::function<void()> after_rename;
  std::function<void(const char* path)> after_mkfifo;
  std::function<void(std::string_view path)> before_look;
  std::function<void()> between_the_ends;
  int ends_opened = 0;
  int open_error = 0;
  int open_error_mode = O_RDONLY;
  int set_size_error = 0;
  int flock_error = 0;
  int lock_file_error = 0;
};

class FifoTest : public testing::Test {
 protected:
  FifoTest() { settings_.path = directory_ / "fifo"; }

  void expect_refused(ErrorKind kind, const std::string& words) {
    const Result<Fifo> fifo = open_fifo(os_, settings_);
    ASSERT_FALSE(fifo);
    EXPECT_EQ(fifo.error().kind, kind) << test::text_of(fifo.error());
    EXPECT_THAT(test::text_of(fifo.error()), HasSubstr(words));
    EXPECT_THAT(test::text_of(fifo.error()), HasSubstr(settings_.path));
  }

  test::TempDir directory_;
  FifoSettings settings_;
  OtherOs os_;
};

TEST(SureRoom, IsWhatIsMissingToTheLeastThatFillsAPipe) {
  EXPECT_EQ(sure_room(1 << 20, 0, 4096), 127U * 4096);
  EXPECT_EQ(sure_room(1 << 20, 100'000, 4096), 127U * 4096 - 100'000);
  EXPECT_EQ(sure_room(1 << 20, 127 * 4096, 4096), 0U);
  EXPECT_EQ(sure_room(1 << 20, 1 << 20, 4096), 0U);
  EXPECT_EQ(sure_room(4096, 0, 4096), 0U) << "its only slot may hold one byte";
  EXPECT_EQ(sure_room(2 * 4096, 0, 4096), 0U);
  EXPECT_EQ(sure_room(3 * 4096, 0, 4096), 4096U);
}

// Whatever was written and read before, so much can be written, in pieces as bad as they may be.
TEST_F(FifoTest, TheHeadroomCanBeWritten) {
  settings_.pipe_size = ByteSize{16 * 4096};
  std::uint64_t random = 1;
  const auto next = [&random](std::uint64_t limit) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (random >> 33) % limit;
  };
  std::array<char, 16 * 4096> bytes{};
  bool was_none = false;
  for (int round = 0; round < 3000; ++round) {
    const Fifo fifo = std::move(*open_fifo(os_, settings_));
    // Halves of pages and a little more are the worst: no two fit into one slot.
    const std::array<std::size_t, 5> sizes = {2049, 1, 4096, 4095, 1 + next(4096)};
    for (std::uint64_t calls = next(40); calls > 0; --calls) {
      if (next(3) == 0) {
        (void)!::read(fifo.read_fd.get(), bytes.data(), 1 + next(9000));
      } else {
        (void)!::write(fifo.keep_alive_fd.get(), bytes.data(), sizes[next(next(2) == 0 ? 1 : sizes.size())]);
      }
    }
    const std::uint64_t room = headroom(os_, fifo);
    was_none = was_none || room == 0;
    for (std::uint64_t left = room; left > 0;) {
      const std::size_t size = std::min<std::uint64_t>(left, sizes[next(sizes.size())]);
      ASSERT_EQ(::write(fifo.keep_alive_fd.get(), bytes.data(), size), static_cast<ssize_t>(size))
          << "round " << round << ", " << left << " of " << room << " left";
      left -= size;
    }
  }
  EXPECT_TRUE(was_none) << "no pipe was full: the test has shown nothing";
}

// What another reader does shows in the time of last access.
TEST_F(FifoTest, ItsOwnReadsLeaveNoTrace) {
  const Fifo fifo = std::move(*open_fifo(os_, settings_));
  ASSERT_TRUE(fifo.hides_reads) << "the test owns it";
  const auto accessed = [&] {
    struct stat st{};
    EXPECT_EQ(::fstat(fifo.read_fd.get(), &st), 0);
    return std::pair(st.st_atim.tv_sec, st.st_atim.tv_nsec);
  };
  const auto transfer = [&](int read_fd) {
    char byte = 'x';
    EXPECT_EQ(::write(fifo.keep_alive_fd.get(), &byte, 1), 1);
    EXPECT_EQ(::read(read_fd, &byte, 1), 1);
  };
  const auto before = accessed();
  for (int i = 0; i < 100; ++i) transfer(fifo.read_fd.get());
  EXPECT_EQ(accessed(), before);
  struct statvfs fs{};
  ASSERT_EQ(::fstatvfs(fifo.read_fd.get(), &fs), 0);
  if ((fs.f_flag & ST_NOATIME) != 0) return;  // then no reader leaves one
  const UniqueFd other_fd(::open(settings_.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  while (accessed() == before) transfer(other_fd.get());  // the kernel's clock for it ticks every few ms
}

TEST_F(FifoTest, MakesItWithItsModeWhateverTheUmask) {
  settings_.mode = 0622;
  const mode_t umask = ::umask(077);
  const Result<Fifo> fifo = open_fifo(os_, settings_);
  ::umask(umask);
  ASSERT_TRUE(fifo) << test::text_of(fifo.error());
  EXPECT_TRUE(fifo->created);
  struct stat st{};
  ASSERT_EQ(::lstat(settings_.path.c_str(), &st), 0);
  EXPECT_TRUE(S_ISFIFO(st.st_mode));
  EXPECT_EQ(st.st_mode & 07777, 0622U);
  EXPECT_EQ(st.st_ino, fifo->inode);
  EXPECT_FALSE(exists(settings_.path + ".new"));
  EXPECT_EQ(::fcntl(fifo->read_fd.get(), F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
  EXPECT_EQ(::fcntl(fifo->keep_alive_fd.get(), F_GETFL) & O_ACCMODE, O_WRONLY);
  EXPECT_EQ(::fcntl(fifo->read_fd.get(), F_GETFD), FD_CLOEXEC);
}

// The founding bug: without the keep-alive writer the last read would return 0.
TEST_F(FifoTest, AWritersGoingIsNoEndOfFile) {
  const Result<Fifo> fifo = open_fifo(os_, settings_);
  ASSERT_TRUE(fifo);
  for (int writer = 0; writer < 3; ++writer) {
    const UniqueFd fifo_write_fd(::open(settings_.path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    ASSERT_EQ(::write(fifo_write_fd.get(), "x", 1), 1);
  }
  char data[10];
  EXPECT_EQ(::read(fifo->read_fd.get(), data, sizeof data), 3);
  EXPECT_EQ(::read(fifo->read_fd.get(), data, sizeof data), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(FifoTest, RefusesWhatIsNoFifoAndLeavesItAlone) {
  write_file(settings_.path, "precious");
  expect_refused(ErrorKind::NoInput, "it is a regular file");
  EXPECT_EQ(read_file(settings_.path), "precious");

  settings_.path = directory_ / "folder";
  std::filesystem::create_directory(settings_.path);
  expect_refused(ErrorKind::NoInput, "it is a directory");

  settings_.path = directory_ / "link";
  ASSERT_EQ(::mkfifo((directory_ / "target").c_str(), 0600), 0);
  std::filesystem::create_symlink(directory_ / "target", settings_.path);
  expect_refused(ErrorKind::NoInput, "it is a symbolic link");

  settings_.path = "/dev/null";
  expect_refused(ErrorKind::NoInput, "it is a device");
}

TEST_F(FifoTest, AMissingOneIsAnErrorWhereItMustNotBeMade) {
  settings_.create = false;
  expect_refused(ErrorKind::NoInput, "mkfifo(1)");
  EXPECT_FALSE(exists(settings_.path));
}

TEST_F(FifoTest, SaysWhyItCanNotBeMadeAndLeavesNothing) {
  settings_.owner = "nobody-of-that-name";
  expect_refused(ErrorKind::Config, "nobody-of-that-name");
  settings_.owner.clear();
  settings_.group = "no-such-group";
  expect_refused(ErrorKind::Config, "no-such-group");
  EXPECT_FALSE(exists(settings_.path));
  EXPECT_FALSE(exists(settings_.path + ".new"));
  settings_.group.clear();
  settings_.path = directory_ / "missing/fifo";
  expect_refused(ErrorKind::CantCreate, "No such file or directory");
}

TEST_F(FifoTest, AStartThatWasCutShortIsNoObstacle) {
  ASSERT_EQ(::mkfifo((settings_.path + ".new").c_str(), 0600), 0);
  EXPECT_TRUE(open_fifo(os_, settings_));
  EXPECT_FALSE(exists(settings_.path + ".new"));
}

TEST_F(FifoTest, SomebodysFileUnderTheTemporaryNameStays) {
  write_file(settings_.path + ".new", "precious");
  expect_refused(ErrorKind::CantCreate, "is in the way");
  EXPECT_EQ(read_file(settings_.path + ".new"), "precious");
}

// In a folder that another user may write to, what stands under the temporary name is what that user likes.
TEST_F(FifoTest, NothingButTheFifoThatWasMadeIsChanged) {
  settings_.mode = 0666;
  if (::geteuid() == 0) settings_.group = "65534";
  const std::string precious = directory_ / "precious";
  const auto make_file = [&] { write_file(precious, "precious"); };
  const auto make_fifo = [&] { ASSERT_EQ(::mkfifo(precious.c_str(), 0600), 0); };
  const auto put_link = [&](const char* path) { ASSERT_EQ(::link(precious.c_str(), path), 0); };
  const auto put_symlink = [&](const char* path) { ASSERT_EQ(::symlink(precious.c_str(), path), 0); };
  const std::pair<std::function<void()>, std::function<void(const char*)>> cases[] = {
      {make_file, put_link}, {make_fifo, put_link}, {make_file, put_symlink}, {make_fifo, put_symlink}};
  for (const auto& [make, put] : cases) {
    make();
    ASSERT_EQ(::chmod(precious.c_str(), 0600), 0);
    os_.after_mkfifo = [&, &place = put](const char* path) {
      ASSERT_EQ(::unlink(path), 0);
      place(path);
    };
    expect_refused(ErrorKind::CantCreate, "another process has put something else at");
    struct stat st{};
    ASSERT_EQ(::lstat(precious.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0600U);
    EXPECT_EQ(st.st_gid, ::getegid());
    EXPECT_FALSE(exists(settings_.path));
    EXPECT_EQ(::unlink((settings_.path + ".new").c_str()), 0) << "it is not slurper's to remove";
    ASSERT_EQ(::unlink(precious.c_str()), 0);
  }
  if (::geteuid() != 0) return;
  os_.after_mkfifo = [](const char* path) { ASSERT_EQ(::chown(path, 65534, 65534), 0); };
  expect_refused(ErrorKind::CantCreate, "another process has put something else at");
}

TEST_F(FifoTest, OneReaderAtATime) {
  const Result<Fifo> first = open_fifo(os_, settings_);
  ASSERT_TRUE(first);
  expect_refused(ErrorKind::Busy, "another slurper reads it");
  expect_refused(ErrorKind::Busy, "process " + std::to_string(::getpid()));
}

// Any process that may write to it can hold flock(2) on it for ever.
TEST_F(FifoTest, AnotherProgramsLockKeepsNoSlurperOut) {
  ASSERT_EQ(::mkfifo(settings_.path.c_str(), 0622), 0);
  const FlockHolder holder(settings_.path, {.command = "writer", .user = ::geteuid() == 0 ? 65534U : 0U},
                           O_RDWR | O_NONBLOCK);
  const Result<Fifo> fifo = open_fifo(os_, settings_);
  ASSERT_TRUE(fifo) << test::text_of(fifo.error());
  ASSERT_EQ(fifo->lock.notes.size(), 1U);
  EXPECT_THAT(test::text_of(fifo->lock.notes[0]),
              HasSubstr(std::to_string(holder.pid()) + " ('writer') holds a lock on the FIFO"));
  expect_refused(ErrorKind::Busy, "another slurper reads it");
}

// One that knows no lock file.
TEST_F(FifoTest, AnOlderSlurpersLockIsRespected) {
  ASSERT_EQ(::mkfifo(settings_.path.c_str(), 0600), 0);
  FlockHolder holder(settings_.path, FlockHolder::slurper());
  expect_refused(ErrorKind::Busy, "another slurper reads it: process " + std::to_string(holder.pid()));
  holder.release();
  const Result<Fifo> fifo = open_fifo(os_, settings_);
  ASSERT_TRUE(fifo) << test::text_of(fifo.error());
  EXPECT_TRUE(fifo->lock.notes.empty());
  const UniqueFd other(::open(settings_.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  EXPECT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), -1) << "an older one is kept out in its turn";
}

TEST_F(FifoTest, ContinuesWithoutALockFileAndReportsThat) {
  os_.lock_file_error = ENOSPC;
  const Result<Fifo> fifo = open_fifo(os_, settings_);
  ASSERT_TRUE(fifo) << test::text_of(fifo.error());
  ASSERT_EQ(fifo->lock.notes.size(), 1U);
  EXPECT_THAT(test::text_of(fifo->lock.notes[0]),
              testing::AllOf(HasSubstr("No space left on device. slurper continues without a lock file"),
                             HasSubstr("on the FIFO '" + settings_.path + "' keeps a second slurper away")));
}

// The process that holds the flock(2) is not visible.
TEST_F(FifoTest, AReaderThatIsNotVisibleIsRespected) {
  os_.flock_error = EWOULDBLOCK;
  const Result<Fifo> fifo = open_fifo(os_, settings_, std::chrono::milliseconds(0));
  ASSERT_FALSE(fifo);
  EXPECT_THAT(test::text_of(fifo.error()), HasSubstr("another slurper reads it: "));
}

TEST_F(FifoTest, LeavesNoLockFileBehind) {
  const auto lock_files = [&] {
    const Result<std::string> folder = fifo_lock_folder(os_, ::geteuid());
    EXPECT_TRUE(folder);
    std::size_t count = 0;
    struct stat st{};
    EXPECT_EQ(::lstat(settings_.path.c_str(), &st), 0);
    for (const auto& entry : std::filesystem::directory_iterator(*folder))
      count += entry.path().native().ends_with("-" + std::to_string(st.st_ino)) ? 1 : 0;
    return count;
  };
  {
    const Result<Fifo> fifo = open_fifo(os_, settings_);
    ASSERT_TRUE(fifo);
    EXPECT_EQ(lock_files(), 1U);
  }
  EXPECT_EQ(lock_files(), 0U);
}

class FifoLockFolder : public FifoTest {
 protected:
  FifoLockFolder() {
    std::filesystem::create_directory(places_.run);
    std::filesystem::create_directory(places_.shared_memory);
  }
  std::string folder(uid_t fifo_owner = ::geteuid()) {
    const Result<std::string> folder = fifo_lock_folder(os_, fifo_owner, places_);
    return folder ? *folder : test::text_of(folder.error());
  }
  static mode_t mode_of(const std::string& path) {
    struct stat st{};
    EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
    return st.st_mode & 07777;
  }

  LockPlaces places_{.run = directory_ / "run", .shared_memory = directory_ / "shm"};
  std::string services_ = places_.run + "/slurper.locks";
};

TEST_F(FifoLockFolder, IsTheServicesWhereThatIsThisUsers) {
  std::filesystem::create_directory(services_);
  ASSERT_EQ(::chmod(services_.c_str(), 0775), 0);
  EXPECT_EQ(folder(), services_);
  EXPECT_EQ(mode_of(services_), 0755U) << "nobody else puts files there";
}

TEST_F(FifoLockFolder, RootHasOneOfItsOwnAndMeetsTheServiceAtItsFifo) {
  if (::geteuid() != 0) GTEST_SKIP() << "for root";
  EXPECT_EQ(folder(), services_ + "-0");
  EXPECT_EQ(mode_of(services_ + "-0"), 0700U);
  std::filesystem::create_directory(services_);
  ASSERT_EQ(::chown(services_.c_str(), 65534, 65534), 0);
  EXPECT_EQ(folder(), services_ + "-0");
  EXPECT_EQ(folder(65534), services_);
  EXPECT_EQ(folder(65533), services_ + "-0");
}

TEST_F(FifoLockFolder, IsNeverALinkOrAnotherUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives a folder away";
  std::filesystem::create_directory(directory_ / "elsewhere");
  ASSERT_EQ(::symlink((directory_ / "elsewhere").c_str(), services_.c_str()), 0);
  std::filesystem::create_directory(services_ + "-0");
  ASSERT_EQ(::chown((services_ + "-0").c_str(), 65534, 65534), 0);
  EXPECT_EQ(folder(), places_.shared_memory + "/slurper.locks-0");
  ASSERT_EQ(::chown((places_.shared_memory + "/slurper.locks-0").c_str(), 65534, 65534), 0);
  EXPECT_THAT(folder(), HasSubstr("it belongs to the user nobody (uid 65534)"));
}

TEST_F(FifoLockFolder, IsReportedIfNoneCanBeMade) {
  std::filesystem::remove(places_.run);
  std::filesystem::remove(places_.shared_memory);
  EXPECT_THAT(folder(), HasSubstr("cannot make the folder for lock files '" + places_.shared_memory));
}

TEST_F(FifoTest, GetsAsMuchRoomAsItAsksForAndNeverLess) {
  Result<Fifo> fifo = open_fifo(os_, settings_);
  ASSERT_TRUE(fifo);
  EXPECT_EQ(fifo->pipe_size, 1U << 20);
  EXPECT_FALSE(fifo->pipe_size_refusal);
  const UniqueFd kept(::open(settings_.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  *fifo = Fifo();
  settings_.pipe_size.bytes = 4096;
  const Result<Fifo> again = open_fifo(os_, settings_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->pipe_size, 1U << 20) << "somebody made it larger";
}

TEST_F(FifoTest, GoesOnWithASmallerPipeAndSaysSo) {
  os_.set_size_error = EPERM;
  const Result<Fifo> fifo = open_fifo(os_, settings_);
  ASSERT_TRUE(fifo);
  EXPECT_EQ(fifo->pipe_size, 65536U);
  ASSERT_TRUE(fifo->pipe_size_refusal);
  EXPECT_THAT(test::text_of(*fifo->pipe_size_refusal), HasSubstr("fs.pipe-user-pages-soft"));
}

// A writer that comes with the first end that is open has its line read, whatever the path leads to by then.
TEST_F(FifoTest, BothEndsAreOfTheFifoThatWasOpenedFirst) {
  ASSERT_EQ(::mkfifo(settings_.path.c_str(), 0600), 0);
  struct stat first{};
  ASSERT_EQ(::stat(settings_.path.c_str(), &first), 0);
  bool replaced = false;
  os_.between_the_ends = [&] {
    if (std::exchange(replaced, true)) return;
    const UniqueFd writer_fd(::open(settings_.path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    ASSERT_EQ(::write(writer_fd.get(), "line\n", 5), 5);
    ASSERT_EQ(::unlink(settings_.path.c_str()), 0);
    ASSERT_EQ(::mkfifo(settings_.path.c_str(), 0600), 0);
  };
  const Result<Fifo> fifo = open_fifo(os_, settings_);
  ASSERT_TRUE(fifo) << test::text_of(fifo.error());
  EXPECT_EQ(fifo->inode, first.st_ino);
  struct stat st{};
  ASSERT_EQ(::fstat(fifo->keep_alive_fd.get(), &st), 0);
  EXPECT_EQ(st.st_ino, first.st_ino);
  std::array<char, 8> line{};
  EXPECT_EQ(::read(fifo->read_fd.get(), line.data(), line.size()), 5);
}

// As soon as one that is made stands at its path, a writer may come.
TEST_F(FifoTest, OneThatIsMadeHasItsReaderFromTheFirstMomentOn) {
  os_.after_rename = [&] {
    const UniqueFd writer_fd(::open(settings_.path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    EXPECT_EQ(::write(writer_fd.get(), "line\n", 5), 5);
  };
  const Result<Fifo> fifo = open_fifo(os_, settings_);
  ASSERT_TRUE(fifo) << test::text_of(fifo.error());
  EXPECT_TRUE(fifo->created);
  std::array<char, 8> line{};
  EXPECT_EQ(::read(fifo->read_fd.get(), line.data(), line.size()), 5);
}

TEST_F(FifoTest, OneThatGoesBeforeItIsOpenedIsMadeAnew) {
  bool made = false;
  os_.before_look = [&](std::string_view path) {
    if (path == settings_.path && !std::exchange(made, true)) {
      ASSERT_EQ(::mkfifo(settings_.path.c_str(), 0600), 0);
      ASSERT_EQ(::unlink(settings_.path.c_str()), 0);
    }
  };
  const Result<Fifo> fifo = open_fifo(os_, settings_);
  ASSERT_TRUE(fifo) << test::text_of(fifo.error());
  EXPECT_TRUE(fifo->created);
  ASSERT_EQ(::unlink(settings_.path.c_str()), 0);
  settings_.create = false;
  expect_refused(ErrorKind::NoInput, "Create it with mkfifo(1)");
}

// Made by another process when slurper is about to, and gone when it looks again.
TEST_F(FifoTest, OneThatIsReplacedAgainAndAgainIsGivenUp) {
  os_.after_mkfifo = [&](const char*) { ASSERT_EQ(::mkfifo(settings_.path.c_str(), 0600), 0); };
  os_.before_look = [&](std::string_view path) {
    if (path == settings_.path) (void)::unlink(settings_.path.c_str());
  };
  expect_refused(ErrorKind::NoInput, "replaced again and again");
}

TEST_F(FifoTest, BothEndsMustBeAllowed) {
  ASSERT_EQ(::mkfifo(settings_.path.c_str(), 0600), 0);
  os_.open_error = EACCES;
  for (const int mode : {O_RDWR, O_RDONLY, O_WRONLY}) {
    os_.open_error_mode = mode;
    expect_refused(ErrorKind::NoPermission, "must be allowed to read and to write");
  }
}

TEST_F(FifoTest, NamesTheEndThatIsNotAllowed) {
  ASSERT_EQ(::mkfifo(settings_.path.c_str(), 0600), 0);
  ASSERT_EQ(::chmod(settings_.path.c_str(), 0404), 0);
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0711), 0);
  const bool root = ::geteuid() == 0;
  ASSERT_EQ(root ? ::seteuid(65534) : 0, 0);
  expect_refused(ErrorKind::NoPermission, "for writing: Permission denied");
  ASSERT_EQ(root ? ::seteuid(0) : 0, 0);
}

TEST_F(FifoTest, AKeepAliveWriterThatCanNotBeReopenedIsReported) {
  Result<Fifo> fifo = open_fifo(os_, settings_);
  ASSERT_TRUE(fifo) << test::text_of(fifo.error());
  os_.open_error = EACCES;
  os_.open_error_mode = O_WRONLY;
  const Status reopened = reopen_keep_alive(os_, *fifo);
  ASSERT_FALSE(reopened);
  EXPECT_THAT(test::text_of(reopened.error()),
              HasSubstr("cannot open the FIFO for writing again: Permission denied"));
}

// An end that is opened lets writers in, and one that is closed again loses what they have written.
TEST_F(FifoTest, NoEndIsOpenedWithoutDescriptorsForAllOfThem) {
  ASSERT_EQ(::mkfifo(settings_.path.c_str(), 0600), 0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  bool opened = false;
  for (unsigned free = 0; !opened && free < 10; ++free) {
    const UniqueFd next_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const rlimit limit{.rlim_cur = static_cast<rlim_t>(next_fd.get()) + 1 + free,
                       .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    os_.ends_opened = 0;
    const Result<Fifo> fifo = open_fifo(os_, settings_);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    opened = fifo.has_value();
    EXPECT_EQ(os_.ends_opened, opened ? 3 : 0) << free;
    if (!opened) {
      EXPECT_EQ(fifo.error().errnum, EMFILE);
    }
  }
  EXPECT_TRUE(opened);
}

TEST_F(FifoTest, WithoutProcItSaysSo) {
  ASSERT_EQ(::mkfifo(settings_.path.c_str(), 0600), 0);
  os_.open_error = ENOENT;
  os_.open_error_mode = O_RDWR;
  expect_refused(ErrorKind::Io, "/proc is not mounted");
}

TEST_F(FifoTest, AFailingLockIsSaid) {
  os_.flock_error = ENOLCK;
  expect_refused(ErrorKind::Io, "cannot lock the FIFO");
}

}  // namespace
}  // namespace slurper
