#include "ring/ring.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

#include "log/log_files.h"
#include "ring/ring_folder.h"
#include "ring/ring_view.h"
#include "support/flock_holder.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kSize = 1 << 20;

struct Dead : std::runtime_error {
  Dead() : std::runtime_error("the process died") {}
};

// Dies before or after a read from the FIFO. A SIGKILL can do no more, since the read never waits. Or takes
// bytes first, as another reader that is faster.
class MortalOs : public Os {
 public:
  enum class Death { Never, BeforeRead, AfterRead };
  ssize_t splice(int pipe_fd, int file_fd, std::int64_t* offset, std::size_t size, unsigned flags) override {
    const bool matters = pipe_fd == fifo_fd;  // peek() also reads from a private pipe
    if (splice_error != 0) return -splice_error;
    if (matters && death == Death::BeforeRead) throw Dead();
    if (matters && steals > 0) {  // splice(2) also takes parts of packets
      const UniqueFd nowhere_fd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
      EXPECT_EQ(::splice(fifo_fd, nullptr, nowhere_fd.get(), nullptr, steals, 0),
                static_cast<ssize_t>(steals));
      steals = 0;
    }
    const std::int64_t start = *offset;
    const ssize_t got = Os::splice(pipe_fd, file_fd, offset, size, flags);
    if (matters && death == Death::AfterRead) {
      if (reads_before_death == 0) throw Dead();
      --reads_before_death;
    }
    if (keeps_offset) *offset = start;
    return got;
  }
  int madvise(void* address, std::size_t size, int advice) override {
    return madvise_error != 0 ? -madvise_error : Os::madvise(address, size, advice);
  }
  int mlock(const void* address, std::size_t size) override {
    locked = size;
    return Os::mlock(address, size);
  }
  int fifo_fd = -1;
  Death death = Death::Never;
  int reads_before_death = 0;
  std::size_t steals = 0;
  int madvise_error = 0;
  int splice_error = 0;
  bool keeps_offset = false;
  std::size_t locked = 0;
};

class RingTest : public testing::Test {
 protected:
  RingTest() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
    fifo_read_fd_.reset(fds[0]);
    fifo_write_fd_.reset(fds[1]);
    os_.fifo_fd = fds[0];
    settings_.size.bytes = kSize;
  }

  Ring::Opened open(std::uint64_t log_end) {
    auto opened = Ring::open(os_, directory_.path(), settings_, log_id_, boot_,
                             {.readable_from = 0, .end = log_end, .session = session_});
    if (!opened) throw std::runtime_error(test::text_of(opened.error()));
    return std::move(*opened);
  }
  void write(std::string_view text) {
    ASSERT_EQ(::write(fifo_write_fd_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void write_packets() { ASSERT_EQ(::fcntl(fifo_write_fd_.get(), F_SETFL, O_NONBLOCK | O_DIRECT), 0); }
  void write_and_take(Ring& ring, std::string_view text) {
    write(text);
    ASSERT_EQ(ring.take(fifo_read_fd_.get(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string left_in_pipe() {
    std::string all;
    std::string piece(65536, '\0');
    for (ssize_t got = 0; (got = ::read(fifo_read_fd_.get(), piece.data(), piece.size())) > 0;)
      all += piece.substr(0, static_cast<std::size_t>(got));
    return all;
  }
  static std::string content(const Ring& ring) {
    const auto bytes = ring.bytes(ring.tail(), ring.head());
    return {bytes.begin(), bytes.end()};
  }

  test::TempDir directory_;
  RingSettings settings_;
  Uuid log_id_ = new_uuid();
  Uuid boot_ = new_uuid();
  std::uint64_t session_ = 0;
  MortalOs os_;
  UniqueFd fifo_read_fd_;
  UniqueFd fifo_write_fd_;
};

TEST_F(RingTest, TakesBytesInOrderAndKeepsThemOverADeath) {
  {
    const auto opened = open(1000);
    write_and_take(*opened.ring, "one\n");
    write_and_take(*opened.ring, "two, which is longer than a nonce\n");
    EXPECT_EQ(content(*opened.ring), "one\ntwo, which is longer than a nonce\n");
  }
  const auto again = open(1000);
  EXPECT_EQ(again.ring->used(), 38U);
  EXPECT_FALSE(again.read_was_cut_short);
  EXPECT_EQ(content(*again.ring), "one\ntwo, which is longer than a nonce\n");
  EXPECT_EQ(again.ring->tail(), StreamOffset{1000});
}

TEST_F(RingTest, ARingThatTheLogWentOnWithoutSaysNothingAboutIt) {
  {
    const auto opened = open(0);  // session 1
    write_and_take(*opened.ring, "old\n");
  }
  session_ = 1;
  EXPECT_EQ(content(*open(4).ring), "old\n") << "the one that was used last, though the log is longer";
  session_ = 1;
  EXPECT_EQ(content(*open(4).ring), "old\n") << "a crash came before the index was written";
  session_ = 4;
  const auto opened = open(10);
  EXPECT_THAT(test::text_of(opened.quarantine_reason), HasSubstr("continued without it"));
  EXPECT_EQ(opened.ring->head(), StreamOffset{10});
}

// Tests every size around that of a nonce, at many positions of the ring, which holds the bytes of an earlier
// round.
TEST_F(RingTest, ADeathAroundAReadLosesNothingAndDoublesNothing) {
  std::mt19937 random(7);
  std::uint64_t end = 0;
  for (int round = 0; round < 400; ++round) {
    const std::size_t size = 1 + static_cast<std::size_t>(round) % 40;
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random() % 3);  // often the bytes that were there before
    const auto death = round % 2 == 0 ? MortalOs::Death::BeforeRead : MortalOs::Death::AfterRead;
    {
      const auto opened = open(end);
      write_and_take(*opened.ring, "begin");
      write(text);
      os_.death = death;
      EXPECT_THROW((void)opened.ring->take(fifo_read_fd_.get(), size), Dead);
      os_.death = MortalOs::Death::Never;
    }
    const auto again = open(end);
    EXPECT_EQ(again.read_was_cut_short, death == MortalOs::Death::AfterRead);
    ASSERT_EQ(content(*again.ring) + left_in_pipe(), "begin" + text) << "round " << round;
    again.ring->release(again.ring->head());
    end = again.ring->head().value;
  }
}

TEST_F(RingTest, ADeathAfterADropCountsItOnce) {
  {
    const auto opened = open(0);
    write_and_take(*opened.ring, "kept\n");
    write("dropped one\ndropped two\nbegun");
    os_.death = MortalOs::Death::AfterRead;
    EXPECT_THROW((void)opened.ring->drop(fifo_read_fd_.get(), 29), Dead);
    os_.death = MortalOs::Death::Never;
  }
  for (int start = 0; start < 2; ++start) {
    const auto again = open(0);
    EXPECT_EQ(again.ring->dropped_lines(), 2U);
    EXPECT_EQ(again.ring->dropped_bytes(), 29U);
    EXPECT_TRUE(again.ring->dropping());
    EXPECT_EQ(content(*again.ring), "kept\n");
    EXPECT_EQ(left_in_pipe(), "");
  }
}

TEST_F(RingTest, WrapsWithoutASeam) {
  const auto opened = open(0);
  Ring& ring = *opened.ring;
  std::string expected;
  for (int i = 0; i < 60; ++i) {
    std::string text(60'000, 'x');
    std::memcpy(text.data(), &i, sizeof i);
    write_and_take(ring, text);
    expected += text;
    if (ring.used() > kSize / 2) {
      ASSERT_EQ(content(ring), expected);
      ring.release({ring.head().value - 10});  // never empty: it can't rewind and must wrap
      expected.erase(0, expected.size() - 10);
    }
  }
  EXPECT_EQ(content(ring), expected);
}

TEST_F(RingTest, RewindsWhenItIsEmptySoThatTheSamePagesStayHot) {
  const auto opened = open(0);
  Ring& ring = *opened.ring;
  const char* first = nullptr;
  for (int i = 0; i < 100; ++i) {
    write_and_take(ring, "a line of some length\n");
    const char* const place = ring.bytes(ring.tail(), ring.head()).data();
    if (first == nullptr) first = place;
    EXPECT_EQ(place, first);
    ring.release(ring.head());
  }
}

TEST_F(RingTest, GivesMemoryBackAfterAStall) {
  const auto opened = open(0);
  Ring& ring = *opened.ring;
  for (int i = 0; i < 10; ++i) write_and_take(ring, std::string(65'536, 'x'));
  EXPECT_TRUE(ring.is_large(65'536));
  EXPECT_EQ(ring.give_back(65'536), 0U) << "not while it holds something";
  ring.release(ring.head());
  EXPECT_GT(ring.give_back(65'536), 0U);
  EXPECT_FALSE(ring.is_large(65'536));
  struct stat st{};
  ASSERT_EQ(::stat(opened.path.c_str(), &st), 0);
  EXPECT_LE(st.st_blocks * 512, 2 * 65'536);
  write_and_take(ring, "still works\n");
  EXPECT_EQ(content(ring), "still works\n");
}

TEST_F(RingTest, SaysWhenItsFileSystemIsFullAndTakesNothing) {
  const auto opened = open(0);
  write("stays in the pipe\n");
  os_.madvise_error = EFAULT;  // MADV_POPULATE_WRITE returns it if a store would raise SIGBUS
  EXPECT_EQ(opened.ring->take(fifo_read_fd_.get(), 18), -ENOSPC);
  EXPECT_EQ(opened.ring->used(), 0U);
  os_.madvise_error = 0;
  EXPECT_EQ(opened.ring->take(fifo_read_fd_.get(), 18), 18);
}

TEST_F(RingTest, AnOldKernelIsToldAtOnceAndNothingIsMade) {
  os_.madvise_error = EINVAL;  // a kernel that does not know MADV_POPULATE_WRITE returns it
  const std::string folder = directory_ / "none";
  const auto opened = Ring::open(os_, folder, settings_, log_id_, boot_, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::Config);
  EXPECT_NE(test::text_of(opened.error()).find("slurper needs Linux 5.14 or later"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(RingTest, AnotherReaderIsNotTakenForALoss) {
  const auto opened = open(0);
  EXPECT_EQ(opened.ring->take(fifo_read_fd_.get(), 20), -EAGAIN);
  EXPECT_EQ(opened.ring->take(fifo_read_fd_.get(), 5), -EAGAIN);
  write("only these\n");
  EXPECT_EQ(opened.ring->take(fifo_read_fd_.get(), 20), 11);
  EXPECT_EQ(content(*opened.ring), "only these\n");
}

TEST_F(RingTest, PeekTakesNothing) {
  const auto opened = open(0);
  write("look\n");
  EXPECT_EQ(opened.ring->peek(fifo_read_fd_.get(), 100), 5);
  EXPECT_EQ(std::string_view(opened.ring->peeked(), 5), "look\n");
  EXPECT_EQ(left_in_pipe(), "look\n");
}

TEST_F(RingTest, OneProcessAtATime) {
  const auto opened = open(0);
  const auto second = Ring::open(os_, directory_.path(), settings_, log_id_, boot_, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::Busy);
  EXPECT_THAT(test::text_of(second.error()), HasSubstr("another slurper uses it"));
}

// The other process opened the ring while its mode permitted that.
TEST_F(RingTest, AStrangersLockIsNoObstacle) {
  {
    const auto opened = open(0);
    write_and_take(*opened.ring, "line\n");
  }
  const test::FlockHolder stranger(directory_ / "ring", {.command = "stranger"});
  EXPECT_EQ(content(*open(0).ring), "line\n");
}

struct stat status_of(const std::string& path) {
  struct stat st{};
  EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
  return st;
}

TEST_F(RingTest, WhatOthersMayWriteToIsTightened) {
  const std::string path = directory_ / "ring";
  {
    const auto opened = open(0);
    write_and_take(*opened.ring, "line\n");
    EXPECT_TRUE(opened.findings.empty());
  }
  ASSERT_EQ(::chmod(path.c_str(), 0664), 0);
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0777), 0);
  {
    const auto opened = open(0);
    ASSERT_EQ(opened.findings.size(), 2U);
    EXPECT_THAT(test::text_of(opened.findings[0]), HasSubstr("its mode was 0777, and is 0755 now"));
    EXPECT_THAT(test::text_of(opened.findings[1]), HasSubstr("its mode was 0664, and is 0600 now"));
    EXPECT_EQ(content(*opened.ring), "line\n");
    EXPECT_EQ(status_of(path).st_mode & 07777, 0600U);
    EXPECT_EQ(status_of(directory_.path()).st_mode & 07777, 0755U);
  }
  // This is the mode of /dev/shm, which a slurper that runs as root must leave as it is.
  ASSERT_EQ(::chmod(directory_.path().c_str(), 01777), 0);
  EXPECT_TRUE(open(0).findings.empty());
  EXPECT_EQ(status_of(directory_.path()).st_mode & 07777, 01777U);
}

class RingFolder : public RingTest {
 protected:
  void expect_refused(const std::string& folder, const std::string& why) {
    const auto opened = Ring::open(os_, folder, settings_, log_id_, boot_, {});
    ASSERT_FALSE(opened) << folder;
    EXPECT_EQ(opened.error().kind, ErrorKind::NoPermission);
    EXPECT_THAT(test::text_of(opened.error()), HasSubstr(why));
  }
  std::string folder_ = directory_ / "folder";
};

TEST_F(RingFolder, IsNoLinkButItsParentsMayBe) {
  std::filesystem::create_directory(folder_);
  std::filesystem::create_directory(directory_ / "real");
  std::filesystem::create_directory_symlink("folder", directory_ / "link");
  expect_refused(directory_ / "link", "it is a symbolic link to 'folder'");
  expect_refused(directory_ / "link/", "it is a symbolic link to 'folder'");
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  EXPECT_TRUE(Ring::open(os_, directory_ / "link/below", settings_, log_id_, boot_, {}));
}

TEST_F(RingFolder, OfAnotherUserIsNeverUsedOrTouched) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives a folder away";
  std::filesystem::create_directory(folder_);
  ASSERT_EQ(::chmod(folder_.c_str(), 0777), 0);
  ASSERT_EQ(::chown(folder_.c_str(), 65534, 65534), 0);
  expect_refused(folder_, "it belongs to the user nobody (uid 65534)");
  EXPECT_EQ(status_of(folder_).st_mode & 07777, 0777U);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));

  // Another user has placed a ring in slurper's own folder.
  const std::string path = directory_ / "ring";
  {
    const auto opened = open(0);
    write_and_take(*opened.ring, "line\n");
  }
  ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  const std::string before = read_file(path);
  expect_refused(directory_.path(), "it belongs to the user nobody (uid 65534)");
  EXPECT_EQ(status_of(path).st_mode & 07777, 0666U);
  EXPECT_EQ(read_file(path), before);
}

// A folder of root's is accepted if not every user may replace the files in it.
TEST_F(RingFolder, OfRootIsUsedUnlessEveryUserMayWriteThere) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  std::filesystem::create_directory(folder_);
  const auto refusal = [&](mode_t mode) {
    EXPECT_EQ(::chmod(folder_.c_str(), mode), 0);
    EXPECT_EQ(::seteuid(65534), 0);
    const Status checked = check_ring_folder(kernel(), folder_);
    EXPECT_EQ(::seteuid(0), 0);
    return checked ? "" : test::text_of(checked.error().why);
  };
  EXPECT_EQ(refusal(0755), "");
  EXPECT_EQ(refusal(0770), "");
  EXPECT_EQ(refusal(01777), "");
  EXPECT_EQ(refusal(0777), "every user may replace what is in it");
}

TEST_F(RingTest, WhatIsNotThisLogsRingIsPutAsideAndNeverDestroyed) {
  const std::string path = directory_ / "ring";
  const auto expect_aside = [&](const std::string& why) {
    const auto opened = open(500);
    EXPECT_THAT(test::text_of(opened.quarantine_reason), HasSubstr(why));
    EXPECT_TRUE(exists(opened.quarantined)) << opened.quarantined;
    EXPECT_EQ(opened.ring->head(), StreamOffset{500});
    EXPECT_EQ(opened.ring->used(), 0U);
    return opened.quarantined;
  };
  write_file(path, "somebody else's file");
  EXPECT_EQ(read_file(expect_aside("not a ring")), "somebody else's file");

  write_and_take(*open(500).ring, "a line\n");
  log_id_ = new_uuid();
  (void)expect_aside("another log, and it holds 7B");

  ASSERT_EQ(::truncate(path.c_str(), 100'000), 0);
  (void)expect_aside("size");

  const auto overwrite = [&](std::size_t at, const auto& value) {
    const UniqueFd ring_fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::pwrite(ring_fd.get(), &value, sizeof value, static_cast<off_t>(at)),
              static_cast<ssize_t>(sizeof value));
  };
  overwrite(offsetof(ring_format::Identity, version), std::uint32_t{3});
  (void)expect_aside("version 3");
  overwrite(offsetof(ring_format::Identity, version), std::uint32_t{0});
  (void)expect_aside("version 0");
  overwrite(offsetof(ring_format::Header, head), UINT64_MAX - 5);
  (void)expect_aside("contradicts itself");
  overwrite(offsetof(ring_format::Header, origin), UINT64_MAX - 5);
  (void)expect_aside("contradicts itself");
  overwrite(offsetof(ring_format::Header, tail), UINT64_MAX - 5);
  (void)expect_aside("contradicts itself");
  overwrite(offsetof(ring_format::Header, declared) + offsetof(ring_format::DeclaredRead, offset),
            std::uint64_t{500});
  overwrite(offsetof(ring_format::Header, declared), kSize + 1);
  (void)expect_aside("contradicts itself");

  const auto declare = [&](std::int64_t start, std::int64_t end, std::uint32_t fate) {
    const std::size_t at = offsetof(ring_format::Header, declared);
    overwrite(at, std::uint64_t{100});
    overwrite(at + offsetof(ring_format::DeclaredRead, offset), std::uint64_t{500});
    overwrite(at + offsetof(ring_format::DeclaredRead, start), start);
    overwrite(at + offsetof(ring_format::DeclaredRead, end), end);
    overwrite(at + offsetof(ring_format::DeclaredRead, fate), fate);
  };
  constexpr std::int64_t kData = ring_format::kHeaderBytes;
  declare(kData, kData - 1, 0);
  (void)expect_aside("contradicts itself");
  declare(kData, kData + 101, 0);
  (void)expect_aside("contradicts itself");
  declare(kData, INT64_MAX, 0);
  (void)expect_aside("contradicts itself");
  declare(kData + 1, kData + 1, 0);
  (void)expect_aside("contradicts itself");
  declare(kData, kData, 1);
  (void)expect_aside("contradicts itself");
  declare(kData, kData, 2);
  (void)expect_aside("contradicts itself");
}

TEST_F(RingTest, AnEmptyOneOfAnotherLogIsJustReplaced) {
  (void)open(500);
  log_id_ = new_uuid();
  const auto opened = open(77);
  EXPECT_EQ(opened.quarantined, "");
  EXPECT_EQ(opened.ring->head(), StreamOffset{77});
}

// A declared read may have ended without a note: bytes that may be in the ring must not be discarded.
TEST_F(RingTest, OneOfAnotherLogThatMayHoldARead) {
  {
    const auto opened = open(0);
    write("perhaps\n");
    os_.death = MortalOs::Death::AfterRead;
    EXPECT_THROW((void)opened.ring->take(fifo_read_fd_.get(), 8), Dead);
    os_.death = MortalOs::Death::Never;
  }
  const std::string before = read_file(directory_ / "ring");
  log_id_ = new_uuid();
  const auto opened = open(77);
  EXPECT_THAT(test::text_of(opened.quarantine_reason), HasSubstr("another log, and it holds 8B"));
  EXPECT_TRUE(read_file(opened.quarantined) == before) << "it was changed";
}

// A restored backup, or a file from elsewhere, can move the log's end to any offset.
TEST_F(RingTest, ALogThatGoesOnWhereTheRingHasNeverBeen) {
  write_and_take(*open(500).ring, "a line\n");
  const auto opened = Ring::open(os_, directory_.path(), settings_, log_id_, boot_,
                                 {.readable_from = 9000, .end = 9000, .session = 1});
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->relation, RingRelation::LogElsewhere);
  EXPECT_THAT(test::text_of(opened->quarantine_reason),
              HasSubstr("at an offset that it has never reached, and it holds 7B"));
  EXPECT_EQ(opened->ring->head(), StreamOffset{9000});
  EXPECT_EQ(opened->ring->used(), 0U);
  EXPECT_EQ(opened->ring->session(), 2U);
}

TEST_F(RingTest, AnOldCopyOfTheLogGoesOnWithTheRing) {
  write_and_take(*open(500).ring, "a line\n");
  session_ = 8;
  (void)open(507);  // the ring is behind the log, and a new one replaces it: its session is 9
  session_ = 3;
  const auto opened = open(100);
  EXPECT_EQ(opened.relation, RingRelation::LogRestored);
  EXPECT_EQ(opened.ring->tail(), StreamOffset{507});
  EXPECT_EQ(opened.ring->session(), 9U);
}

TEST_F(RingTest, ALogThatWasCutIsForTheCallerToSee) {
  {
    (void)open(500);
  }
  EXPECT_EQ(open(100).ring->tail(), StreamOffset{500});
}

TEST_F(RingTest, AfterARestartOfTheMachineItIsNotTrusted) {
  write_and_take(*open(0).ring, "was not yet in the log\n");
  boot_ = new_uuid();
  const auto opened = open(0);
  EXPECT_THAT(test::text_of(opened.quarantine_reason),
              HasSubstr("the machine has restarted, and it held 23B"));
  EXPECT_EQ(opened.ring->used(), 0U);
}

TEST_F(RingTest, AnEmptyOneOfAnotherBootIsJustReplaced) {
  {
    (void)open(0);
  }
  boot_ = new_uuid();
  const auto opened = open(77);
  EXPECT_EQ(opened.quarantined, "");
  EXPECT_EQ(opened.ring->head(), StreamOffset{77});
}

TEST_F(RingTest, ANewSizeWaitsUntilItIsEmpty) {
  write_and_take(*open(0).ring, "x\n");
  settings_.size.bytes = 2 * kSize;
  {
    const auto opened = open(0);
    EXPECT_TRUE(opened.size_differs);
    EXPECT_EQ(opened.ring->size(), kSize);
    opened.ring->release(opened.ring->head());
  }
  EXPECT_EQ(open(2).ring->size(), 2 * kSize);
}

TEST_F(RingTest, SaysWhatIsWrongWithItsFolder) {
  write_file(directory_ / "file", "");
  const auto opened = Ring::open(os_, directory_ / "file/below", settings_, log_id_, boot_, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::CantCreate);
  EXPECT_THAT(test::text_of(opened.error()), HasSubstr("ring.directory"));
  EXPECT_TRUE(Ring::open(os_, directory_ / "a/b/c", settings_, log_id_, boot_, {})) << "made as needed";
}

TEST_F(RingTest, WhatStandsInTheWayOfANewOneIsReported) {
  std::filesystem::create_directories(directory_ / "ring.new/below");
  const auto opened = Ring::open(os_, directory_.path(), settings_, log_id_, boot_, {});
  ASSERT_FALSE(opened);
  EXPECT_THAT(test::text_of(opened.error()),
              HasSubstr("cannot create the ring '" + (directory_ / "ring.new") + "': File exists"));
}

TEST_F(RingTest, AFileThatIsNoRingCanNotBeInspected) {
  write_file(directory_ / "ring", "another file");
  const auto seen = inspect_ring(os_, directory_.path());
  ASSERT_FALSE(seen);
  EXPECT_EQ(test::text_of(seen.error()), "cannot read the ring '" + (directory_ / "ring") +
                                             "': it is not a ring. Name another folder with --ring");
}

// The layout that docs/ring-format.md promises, byte for byte.
TEST_F(RingTest, GoldenBytes) {
  for (std::size_t i = 0; i < 16; ++i) {
    log_id_[i] = static_cast<std::uint8_t>(i);
    boot_[i] = static_cast<std::uint8_t>(0xf0 + i);
  }
  {
    const auto opened = open(0x0102030405);
    write_and_take(*opened.ring, "abc\n");
    opened.ring->release(StreamOffset{0x0102030407});
  }
  const std::string file = read_file(directory_ / "ring");
  ASSERT_EQ(file.size(), 1114112 + kSize);
  std::string expected("slurring\x02\0\0\0\0\0\x11\0\0\0\x10\0\0\0\0\0", 24);
  for (int i = 0; i < 16; ++i) expected += static_cast<char>(i);
  for (int i = 0; i < 16; ++i) expected += static_cast<char>(0xf0 + i);
  expected += std::string(8, '\0');
  expected += std::string("\x09\x04\x03\x02\x01\0\0\0", 8);  // head
  expected += std::string("\x05\x04\x03\x02\x01\0\0\0", 8);  // origin
  expected += std::string(24, '\0');                         // nothing dropped
  expected += std::string("\x01\0\0\0\0\0\0\0", 8);          // the first session
  expected += std::string(16, '\0');
  expected += std::string("\x04\0\0\0\0\0\0\0", 8);          // declared: size
  expected += std::string("\x05\x04\x03\x02\x01\0\0\0", 8);  // at
  expected += std::string("\0\0\x11\0\0\0\0\0", 8);          // it began there in the file
  expected += std::string("\4\0\x11\0\0\0\0\0", 8);          // and the kernel says that it ended there
  expected += std::string(32, '\0');                         // nothing dropped before it; Keep
  EXPECT_EQ(file.substr(0, expected.size()), expected);
  EXPECT_EQ(file.substr(192, 8), std::string("\x07\x04\x03\x02\x01\0\0\0", 8));  // tail
  EXPECT_EQ(file.substr(1114112, 4), "abc\n");
}

// Compares any sequence of takes, drops, releases, deaths and restarts with a string.
TEST_F(RingTest, BehavesLikeAQueueOfBytes) {
  std::mt19937 random(42);
  std::string model;
  std::uint64_t tail = 0;
  std::uint64_t dropped = 0;
  auto opened = open(0);
  const auto restart = [&] {
    opened.ring.reset();
    opened = open(tail);
  };
  for (int step = 0; step < 3000; ++step) {
    Ring& ring = *opened.ring;
    switch (random() % 6) {
      case 0:
      case 1: {
        const std::size_t size = std::min<std::uint64_t>(1 + random() % 50'000, ring.room());
        if (size == 0) break;
        const std::string text(size, static_cast<char>(random()));
        write(text);
        const auto death = static_cast<MortalOs::Death>(random() % 3);
        os_.death = death;
        try {
          ASSERT_EQ(ring.take(fifo_read_fd_.get(), size), static_cast<ssize_t>(size));
        } catch (const Dead&) {
          os_.death = MortalOs::Death::Never;
          restart();
        }
        os_.death = MortalOs::Death::Never;
        if (death == MortalOs::Death::BeforeRead) {
          ASSERT_EQ(left_in_pipe(), text);
        } else {
          model += text;
        }
        break;
      }
      case 2: {
        const std::size_t size = std::min<std::uint64_t>(1 + random() % 100, ring.room());
        if (size == 0) break;
        write(std::string(size, 'd'));
        ASSERT_EQ(ring.drop(fifo_read_fd_.get(), size), static_cast<ssize_t>(size));
        dropped += size;
        break;
      }
      case 3:
      case 4: {
        const std::size_t size = random() % 2 == 0 ? model.size() : random() % (model.size() + 1);
        ring.release(ring.tail() + size);
        tail += size;
        model.erase(0, size);
        break;
      }
      default:
        if (random() % 10 == 0) restart();
        (void)opened.ring->give_back(4096);
    }
    ASSERT_EQ(opened.ring->used(), model.size()) << step;
    ASSERT_EQ(content(*opened.ring), model) << step;
    ASSERT_EQ(opened.ring->dropped_bytes(), dropped);
  }
}

TEST_F(RingTest, PacketsAreTakenWholeAndAtOnce) {
  const auto opened = open(0);
  write_packets();
  write("one\n");
  write("two, which is longer\n");
  write("\n");
  EXPECT_EQ(opened.ring->take(fifo_read_fd_.get(), 26), 26);
  EXPECT_EQ(content(*opened.ring), "one\ntwo, which is longer\n\n");
}

// read(2) discards the rest of a packet.
TEST_F(RingTest, AReadShorterThanAPacketLeavesItsRest) {
  const auto opened = open(0);
  write_packets();
  write("a packet\n");
  write("another\n");
  EXPECT_EQ(opened.ring->take(fifo_read_fd_.get(), 3), 3);
  EXPECT_EQ(opened.ring->drop(fifo_read_fd_.get(), 3), 3);
  EXPECT_EQ(opened.ring->peek(fifo_read_fd_.get(), 6), 6);
  EXPECT_EQ(std::string_view(opened.ring->peeked(), 6), "et\nano");
  EXPECT_EQ(opened.ring->take(fifo_read_fd_.get(), 11), 11);
  EXPECT_EQ(content(*opened.ring), "a pet\nanother\n") << "but for what was dropped";
}

// After a death, the ring knows exactly how many bytes came: from packets or ordinary writes, if another
// reader took the first bytes, over bytes of earlier reads, and across the end of the data.
TEST_F(RingTest, ADeathAfterAReadOfAnyCountTakesOverWhatCame) {
  std::mt19937 random(11);
  std::uint64_t end = 0;
  std::uint64_t short_reads = 0;
  for (int round = 0; round < 600; ++round) {
    std::string expected;
    {
      const auto opened = open(end);
      expected = content(*opened.ring);
      std::string text;
      for (int i = 0; i < 4; ++i) {
        const bool packet = random() % 2 == 0;
        ASSERT_EQ(::fcntl(fifo_write_fd_.get(), F_SETFL, O_NONBLOCK | (packet ? O_DIRECT : 0)), 0);
        std::string piece(1 + random() % (round % 2 == 0 ? 20 : 9000), '\0');
        for (char& c : piece) c = static_cast<char>(random() % 3);  // often the bytes that were there before
        write(piece);
        text += piece;
      }
      os_.death = random() % 2 == 0 ? MortalOs::Death::BeforeRead : MortalOs::Death::AfterRead;
      if (os_.death == MortalOs::Death::AfterRead && random() % 2 == 0) {
        os_.steals = 1 + random() % (text.size() - 1);
        ++short_reads;
      }
      expected += text.substr(os_.steals);
      EXPECT_THROW((void)opened.ring->take(fifo_read_fd_.get(), text.size()), Dead);
      os_.death = MortalOs::Death::Never;
    }
    const auto again = open(end);
    ASSERT_TRUE(again.quarantine_reason.empty());
    ASSERT_TRUE(content(*again.ring) + left_in_pipe() == expected) << "round " << round;
    // Never releases everything: an empty ring begins at the start again, and then no read would cross the
    // end of the data.
    if (again.ring->used() > 1) again.ring->release({again.ring->head().value - 1});
    end = again.ring->tail().value;
  }
  EXPECT_GT(end, kSize);
  EXPECT_GT(short_reads, 50U);
}

TEST_F(RingTest, ADeathAtTheEndOfTheDataSplitsTheReadAndLosesNothing) {
  for (const int reads_before_death : {0, 1}) {
    test::TempDir folder;
    const auto open_there = [&](std::uint64_t log_end) {
      return std::move(
          *Ring::open(os_, folder.path(), settings_, log_id_, boot_, {.readable_from = 0, .end = log_end}));
    };
    {
      const auto opened = open_there(0);
      while (opened.ring->head().value < kSize - 10) {
        const std::uint64_t size = std::min<std::uint64_t>(65'536, kSize - 10 - opened.ring->head().value);
        write_and_take(*opened.ring, std::string(size, 'x'));
        opened.ring->release({opened.ring->head().value - 1});
      }
      write("over the end of the data\n");
      os_.death = MortalOs::Death::AfterRead;
      os_.reads_before_death = reads_before_death;
      EXPECT_THROW((void)opened.ring->take(fifo_read_fd_.get(), 25), Dead);
      os_.death = MortalOs::Death::Never;
      os_.reads_before_death = 0;
    }
    const auto again = open_there(kSize - 11);
    EXPECT_EQ(content(*again.ring) + left_in_pipe(), "xover the end of the data\n");
    EXPECT_EQ(again.ring->used(), reads_before_death == 0 ? 11U : 26U);
  }
}

TEST_F(RingTest, WhatWasTakenIsCountedNotWhatWasAskedFor) {
  {
    const auto opened = open(0);
    write("one\ntwo\nthree");
    os_.steals = 4;
    EXPECT_EQ(opened.ring->drop(fifo_read_fd_.get(), 13), 9);
    EXPECT_EQ(opened.ring->dropped_bytes(), 9U);
    EXPECT_EQ(opened.ring->dropped_lines(), 1U);
    EXPECT_TRUE(opened.ring->dropping());
    write(", its rest\nfour\n");
    os_.steals = 5;
    os_.death = MortalOs::Death::AfterRead;
    EXPECT_THROW((void)opened.ring->drop(fifo_read_fd_.get(), 16), Dead);
    os_.death = MortalOs::Death::Never;
  }
  const auto again = open(0);
  EXPECT_EQ(again.ring->dropped_bytes(), 9U + 11U);
  EXPECT_EQ(again.ring->dropped_lines(), 3U);
  EXPECT_FALSE(again.ring->dropping());
}

TEST_F(RingTest, LooksAtThePipeWhenDescriptorsHaveRunOut) {
  const auto opened = open(0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  write("look\n");
  const ssize_t seen = opened.ring->peek(fifo_read_fd_.get(), 100);
  const ssize_t took = opened.ring->take(fifo_read_fd_.get(), 5);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(seen, 5);
  EXPECT_EQ(took, 5);
}

TEST_F(RingTest, ALimitOnTheSizeOfFilesEndsAReadAndLosesNothing) {
  const auto opened = open(0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{.rlim_cur = ring_format::kHeaderBytes + 6, .rlim_max = before.rlim_max};
  write("four\nbytes\n");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const ssize_t got = opened.ring->take(fifo_read_fd_.get(), 11);
  const bool stopped = opened.ring->stopped_by_limit();
  const ssize_t then = opened.ring->take(fifo_read_fd_.get(), 5);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  (void)::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(got, 6);
  EXPECT_TRUE(stopped);
  EXPECT_EQ(then, -EFBIG);
  EXPECT_EQ(opened.ring->take(fifo_read_fd_.get(), 5), 5);
  EXPECT_FALSE(opened.ring->stopped_by_limit());
  EXPECT_EQ(content(*opened.ring), "four\nbytes\n");
}

TEST_F(RingTest, ThePageThatTheKernelNotesTheReadInIsLocked) {
  const auto opened = open(0);
  EXPECT_GE(os_.locked, sizeof(ring_format::Header));
}

TEST_F(RingTest, WhereTheKernelCanNotNoteTheReadItSaysSo) {
  const auto refused = [&] {
    const auto opened = Ring::open(os_, directory_.path(), settings_, log_id_, boot_, {});
    if (opened) return std::string();
    EXPECT_EQ(opened.error().kind, ErrorKind::Config);
    return test::text_of(opened.error());
  };
  os_.splice_error = EPERM;
  EXPECT_THAT(refused(), HasSubstr("splice(2) from a pipe into it fails: Operation not permitted"));
  os_.splice_error = 0;
  os_.keeps_offset = true;
  EXPECT_THAT(refused(), HasSubstr("splice(2) into it does not report what it took"));
}

// Makes rings as the first version left them, byte for byte.
class VersionOneRing : public RingTest {
 protected:
  // `kept` is the bytes from tail 1000 on, of which the log may have none; `at_head` is the bytes after them.
  void make(const std::string& kept, const std::string& at_head, const std::string& declared,
            std::uint64_t ring_size = kSize) {
    std::string file(1114112 + ring_size, '\0');
    const auto put = [&](std::size_t at, const auto& bytes) { file.replace(at, bytes.size(), bytes); };
    const auto number = [](std::uint64_t value) {
      return std::string(reinterpret_cast<const char*>(&value), sizeof value);
    };
    put(0, std::string("slurring\x01\0\0\0\0\0\x11\0", 16));
    put(16, number(ring_size));
    put(24, std::string(log_id_.begin(), log_id_.end()));
    put(40, std::string(boot_.begin(), boot_.end()));
    put(64, number(1000 + kept.size()));  // head
    put(72, number(1000));                // origin
    put(80, number(7));                   // dropped lines
    put(88, number(700));                 // dropped bytes
    put(104, number(1));                  // session
    put(128, declared);
    put(192, number(1000));  // tail
    put(1114112, kept + at_head);
    put(65536, at_head);  // and in the scratch
    write_file(directory_ / "ring", file);
    session_ = 1;
  }
  // A declaration at `offset`: `fate` 0 keeps, 1 drops.
  static std::string declare(std::uint64_t size, std::uint64_t offset, const std::string& nonce,
                             char fate = 0) {
    std::string note(64, '\0');
    const auto put = [&](std::size_t at, std::uint64_t value) {
      std::memcpy(note.data() + at, &value, sizeof value);
    };
    put(0, size);
    put(8, offset);
    note.replace(16, nonce.size(), nonce);
    note[32] = static_cast<char>(nonce.size());
    note[36] = fate;
    put(40, 9);    // dropped lines after
    put(48, 733);  // dropped bytes after
    put(56, 1);    // dropping after
    return note;
  }
  // Opens the ring twice: the second time, it is one of this version.
  Ring::Opened upgraded() {
    auto opened = open(1000);
    const std::string text = content(*opened.ring);
    EXPECT_EQ(read_file(directory_ / "ring").substr(0, 9), "slurring\x02");
    opened.ring.reset();
    auto again = open(1000);
    EXPECT_TRUE(again.quarantine_reason.empty());
    EXPECT_EQ(content(*again.ring), text);
    again.quarantine_reason = opened.quarantine_reason;
    again.read_was_cut_short = opened.read_was_cut_short;
    return again;
  }
  const std::string mark_ = "0123456789abcdef";
};

TEST_F(VersionOneRing, IsReadOn) {
  make("one\ntwo\n", "", declare(8, 1000, "\xde\xad"));  // noted as done
  const auto opened = upgraded();
  EXPECT_TRUE(opened.quarantine_reason.empty());
  EXPECT_FALSE(opened.read_was_cut_short);
  EXPECT_EQ(content(*opened.ring), "one\ntwo\n");
  EXPECT_EQ(opened.ring->dropped_lines(), 7U);
  write_and_take(*opened.ring, "three\n");
  EXPECT_EQ(content(*opened.ring), "one\ntwo\nthree\n");
}

TEST_F(VersionOneRing, AReadThatHadNotBegunIsVoid) {
  make("one\n", mark_ + "old bytes\n", declare(20, 1004, mark_));
  const auto opened = upgraded();
  EXPECT_FALSE(opened.read_was_cut_short);
  EXPECT_EQ(content(*opened.ring), "one\n");
}

TEST_F(VersionOneRing, AReadThatWasDoneIsTakenOver) {
  make("one\n", "a line that was read\n", declare(21, 1004, mark_));
  const auto opened = upgraded();
  EXPECT_TRUE(opened.quarantine_reason.empty());
  EXPECT_TRUE(opened.read_was_cut_short);
  EXPECT_EQ(content(*opened.ring), "one\na line that was read\n");
}

TEST_F(VersionOneRing, AShortReadHasAShortMark) {
  make("one\n", "\x86\x88\x90\xf5", declare(4, 1004, "\x86\x88\x90\xf5"));
  EXPECT_EQ(content(*upgraded().ring), "one\n");
  make("one\n", "two\n", declare(4, 1004, "\x8b\x88\x90\xf5"));
  EXPECT_EQ(content(*upgraded().ring), "one\ntwo\n");
}

TEST_F(VersionOneRing, AReadThatWasDroppedIsCountedOnce) {
  make("one\n", "a line\nanother\nand the beginning", declare(33, 1004, mark_, 1));
  const auto opened = upgraded();
  EXPECT_EQ(content(*opened.ring), "one\n");
  EXPECT_EQ(opened.ring->dropped_lines(), 9U);
  EXPECT_EQ(opened.ring->dropped_bytes(), 733U);
  EXPECT_TRUE(opened.ring->dropping());
}

// A ring that the previous version quarantined, or one of another boot, is read and not changed.
TEST_F(VersionOneRing, IsSalvagedAsItIs) {
  const auto salvaged = [&] {
    const std::string path = directory_ / "ring";
    const std::string before = read_file(path);
    const auto ring = Ring::salvage(os_, path);
    EXPECT_TRUE(ring) << test::text_of(ring.error());
    EXPECT_TRUE(read_file(path) == before) << "it was changed";
    return ring ? content(*ring->ring) : "";
  };
  make("one\n", "a line that was read\n", declare(21, 1004, mark_));
  EXPECT_EQ(salvaged(), "one\na line that was read\n");
  make("one\n", mark_ + "old bytes\n", declare(20, 1004, mark_));
  EXPECT_EQ(salvaged(), "one\n");
}

TEST_F(VersionOneRing, OfAnotherBootIsPutAsideWithTheReadThatMayBeThere) {
  make("one\n", "a line that was read\n", declare(21, 1004, mark_));
  boot_ = new_uuid();
  const auto opened = open(1000);
  EXPECT_THAT(test::text_of(opened.quarantine_reason), HasSubstr("it held 25B"));
  EXPECT_EQ(read_file(opened.quarantined).substr(0, 9), "slurring\x01");
  const auto salvaged = Ring::salvage(os_, opened.quarantined);
  ASSERT_TRUE(salvaged) << test::text_of(salvaged.error());
  EXPECT_EQ(content(*salvaged->ring), "one\na line that was read\n");
}

TEST_F(VersionOneRing, AFullOneIsDrained) {
  std::string kept(kSize, 'x');
  for (std::size_t i = 0; i < kept.size(); i += 100) kept[i] = '\n';
  make(kept, "", "");
  const auto opened = upgraded();
  EXPECT_EQ(opened.ring->room(), 0U);
  EXPECT_TRUE(content(*opened.ring) == kept);
  opened.ring->release(opened.ring->head());
  write_and_take(*opened.ring, "goes on\n");
  EXPECT_EQ(content(*opened.ring), "goes on\n");
}

// A slurper that was killed in a read, and whose log had the first 24 bytes, left this: the first 256 bytes
// of the file, and its data.
TEST_F(VersionOneRing, ThatARealProcessLeftIsReadOn) {
  const std::string kept = read_file(SLURPER_SOURCE_DIR "/tests/ring/data/version-1");
  ASSERT_GT(kept.size(), 256U);
  std::string file(1114112 + (4 << 20), '\0');
  file.replace(0, 256, kept, 0, 256);
  file.replace(1114112, kept.size() - 256, kept, 256);
  write_file(directory_ / "ring", file);
  std::memcpy(log_id_.data(), kept.data() + 24, log_id_.size());
  std::memcpy(boot_.data(), kept.data() + 40, boot_.size());
  session_ = 1;

  const std::string lines =
      "line 1, which waits in the ring\nline 2, which waits in the ring\nline 3, which waits in the ring\n"
      "the last line: its read was done and not noted\n";
  const auto opened = open(24);
  EXPECT_TRUE(opened.quarantine_reason.empty());
  EXPECT_TRUE(opened.read_was_cut_short);
  EXPECT_EQ(content(*opened.ring), lines);
  write_and_take(*opened.ring, "and goes on\n");
  EXPECT_EQ(content(*opened.ring), lines + "and goes on\n");
}

TEST_F(VersionOneRing, OneThatContradictsItselfIsPutAside) {
  make("one\n", "two\n", declare(kSize, 1004, mark_));
  EXPECT_THAT(test::text_of(open(1000).quarantine_reason), HasSubstr("contradicts itself"));
  make("one\n", "two\n", declare(20, 1004, mark_, 2));
  EXPECT_THAT(test::text_of(open(1000).quarantine_reason), HasSubstr("contradicts itself"));
}

class RingDeathTest : public RingTest {
 protected:
  RingDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(RingDeathTest, AReadIsAtLeastAByteAndNoMoreThanFits) {
  const auto opened = open(0);
  Ring& ring = *opened.ring;
  write_and_take(ring, "one\n");
  const int fd = fifo_read_fd_.get();
  EXPECT_DEATH((void)ring.take(fd, 0), "broken contract: size > 0 && size <= room");
  EXPECT_DEATH((void)ring.take(fd, ring.room() + 1), "broken contract: size > 0 && size <= room");
  EXPECT_DEATH((void)ring.drop(fd, Ring::kMaxDrop + 1), "broken contract: size > 0 && size <= kMaxDrop");
  EXPECT_DEATH((void)ring.peek(fd, Ring::kMaxDrop + 1), "broken contract: size <= kMaxDrop");
}

TEST_F(RingDeathTest, OnlyWhatIsThereIsReadAndReleased) {
  const auto opened = open(1000);
  Ring& ring = *opened.ring;
  write_and_take(ring, "one\n");
  const char* const range = "broken contract: tail\\(\\) <= from && from <= to && to <= head";
  EXPECT_DEATH((void)ring.bytes({1001}, {1000}), range);
  EXPECT_DEATH((void)ring.bytes({999}, {1000}), range);
  EXPECT_DEATH((void)ring.bytes({1000}, {1005}), range);
  EXPECT_DEATH(ring.release({1005}), "broken contract: tail\\(\\) <= offset");
  EXPECT_DEATH(ring.release({999}), "broken contract: tail\\(\\) <= offset");
}

TEST_F(RingDeathTest, OneThreadTakes) {
  const auto opened = open(0);
  write_and_take(*opened.ring, "one\n");
  EXPECT_DEATH(std::jthread([&] { (void)opened.ring->give_back(0); }).join(),
               "broken contract: owner == self");
}

}  // namespace
}  // namespace slurper
