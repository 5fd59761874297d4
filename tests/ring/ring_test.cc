#include "ring/ring.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <random>
#include <stdexcept>

#include "log/log_files.h"
#include "ring/ring_folder.h"
#include "support/flock_holder.h"

namespace slurper {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kSize = 1 << 20;

struct Dead : std::runtime_error {
  Dead() : std::runtime_error("the process died") {}
};

// Dies before or after a read(2): what a SIGKILL can do to it, since a read of what a pipe holds never waits.
class MortalOs : public Os {
 public:
  enum class Death { Never, BeforeRead, AfterRead };
  ssize_t read(int fd, void* data, std::size_t size) override {
    const bool matters = fd == fifo_fd;  // not a read of the private pipe behind peek()
    if (matters && death == Death::BeforeRead) throw Dead();
    const ssize_t got = Os::read(fd, data, size);
    if (matters && death == Death::AfterRead) throw Dead();
    return got;
  }
  int madvise(void* address, std::size_t size, int advice) override {
    return madvise_error != 0 ? -madvise_error : Os::madvise(address, size, advice);
  }
  int fifo_fd = -1;
  Death death = Death::Never;
  int madvise_error = 0;
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
    if (!opened) throw std::runtime_error(opened.error().message());
    return std::move(*opened);
  }
  void write(std::string_view text) {
    ASSERT_EQ(::write(fifo_write_fd_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void write_and_take(Ring& ring, std::string_view text) {
    write(text);
    ASSERT_EQ(ring.take(fifo_read_fd_.get(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string left_in_pipe() {
    std::string text(65536, '\0');
    const ssize_t got = ::read(fifo_read_fd_.get(), text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
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
  EXPECT_THAT(opened.put_aside_why, HasSubstr("went on without it"));
  EXPECT_EQ(opened.ring->head(), StreamOffset{10});
}

// For every size around a nonce's, at many places of the ring, and with the bytes of an earlier round
// underneath.
TEST_F(RingTest, ADeathAroundAReadLosesNothingAndDoublesNothing) {
  std::mt19937 random(7);
  std::uint64_t end = 0;
  for (int round = 0; round < 400; ++round) {
    const std::size_t size = 1 + static_cast<std::size_t>(round) % 40;
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random() % 3);  // often what stood there before
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
    EXPECT_THROW((void)opened.ring->drop(fifo_read_fd_.get(), 29, 2, true), Dead);
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
  os_.madvise_error = EFAULT;  // what MADV_POPULATE_WRITE returns where a store would be a SIGBUS
  EXPECT_EQ(opened.ring->take(fifo_read_fd_.get(), 18), -ENOSPC);
  EXPECT_EQ(opened.ring->used(), 0U);
  os_.madvise_error = 0;
  EXPECT_EQ(opened.ring->take(fifo_read_fd_.get(), 18), 18);
}

TEST_F(RingTest, AnOldKernelIsToldAtOnceAndNothingIsMade) {
  os_.madvise_error = EINVAL;  // what a kernel says that does not know MADV_POPULATE_WRITE
  const std::string folder = directory_ / "none";
  const auto opened = Ring::open(os_, folder, settings_, log_id_, boot_, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::Config);
  EXPECT_NE(opened.error().message().find("slurper needs Linux 5.14 or later"), std::string::npos);
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
  std::string seen(100, '\0');
  EXPECT_EQ(opened.ring->peek(fifo_read_fd_.get(), seen), 5);
  EXPECT_EQ(seen.substr(0, 5), "look\n");
  EXPECT_EQ(left_in_pipe(), "look\n");
}

TEST_F(RingTest, OneProcessAtATime) {
  const auto opened = open(0);
  const auto second = Ring::open(os_, directory_.path(), settings_, log_id_, boot_, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::Busy);
  EXPECT_THAT(second.error().message(), HasSubstr("another slurper uses it"));
}

// It was opened while the ring's mode let anybody.
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
    EXPECT_THAT(opened.findings, testing::IsEmpty());
  }
  ASSERT_EQ(::chmod(path.c_str(), 0664), 0);
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0777), 0);
  {
    const auto opened = open(0);
    EXPECT_THAT(opened.findings, testing::ElementsAre(HasSubstr("its mode was 0777, and is 0755 now"),
                                                      HasSubstr("its mode was 0664, and is 0600 now")));
    EXPECT_EQ(content(*opened.ring), "line\n");
    EXPECT_EQ(status_of(path).st_mode & 07777, 0600U);
    EXPECT_EQ(status_of(directory_.path()).st_mode & 07777, 0755U);
  }
  // As /dev/shm is, which root's slurper must leave alone.
  ASSERT_EQ(::chmod(directory_.path().c_str(), 01777), 0);
  EXPECT_THAT(open(0).findings, testing::IsEmpty());
  EXPECT_EQ(status_of(directory_.path()).st_mode & 07777, 01777U);
}

class RingFolder : public RingTest {
 protected:
  void expect_refused(const std::string& folder, const std::string& why) {
    const auto opened = Ring::open(os_, folder, settings_, log_id_, boot_, {});
    ASSERT_FALSE(opened) << folder;
    EXPECT_EQ(opened.error().kind, ErrorKind::NoPermission);
    EXPECT_THAT(opened.error().message(), HasSubstr(why));
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

  // A ring that another user has made ready in slurper's own folder.
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

// Of root's folders, those in which not every user may replace what is there.
TEST_F(RingFolder, OfRootIsUsedUnlessEveryUserMayWriteThere) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  std::filesystem::create_directory(folder_);
  const auto refusal = [&](mode_t mode) {
    EXPECT_EQ(::chmod(folder_.c_str(), mode), 0);
    EXPECT_EQ(::seteuid(65534), 0);
    const Status checked = check_ring_folder(kernel(), folder_);
    EXPECT_EQ(::seteuid(0), 0);
    return checked ? "" : checked.error().why;
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
    EXPECT_THAT(opened.put_aside_why, HasSubstr(why));
    EXPECT_TRUE(exists(opened.put_aside)) << opened.put_aside;
    EXPECT_EQ(opened.ring->head(), StreamOffset{500});
    EXPECT_EQ(opened.ring->used(), 0U);
    return opened.put_aside;
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
  overwrite(offsetof(ring_format::Identity, version), std::uint32_t{2});
  (void)expect_aside("version 2");
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
}

TEST_F(RingTest, AnEmptyOneOfAnotherLogIsJustReplaced) {
  (void)open(500);
  log_id_ = new_uuid();
  const auto opened = open(77);
  EXPECT_EQ(opened.put_aside, "");
  EXPECT_EQ(opened.ring->head(), StreamOffset{77});
}

// Not every read that was declared was noted: what may be here must not be thrown away.
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
  EXPECT_THAT(opened.put_aside_why, HasSubstr("another log, and it holds 8B"));
  EXPECT_TRUE(read_file(opened.put_aside) == before) << "it was changed";
}

// What a restored backup, or a file that came from elsewhere, makes of the log's end.
TEST_F(RingTest, ALogThatGoesOnWhereTheRingHasNeverBeen) {
  write_and_take(*open(500).ring, "a line\n");
  const auto opened = Ring::open(os_, directory_.path(), settings_, log_id_, boot_,
                                 {.readable_from = 9000, .end = 9000, .session = 1});
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->relation, RingRelation::LogElsewhere);
  EXPECT_THAT(opened->put_aside_why, HasSubstr("at an offset that it has never reached, and it holds 7B"));
  EXPECT_EQ(opened->ring->head(), StreamOffset{9000});
  EXPECT_EQ(opened->ring->used(), 0U);
  EXPECT_EQ(opened->ring->session(), 2U);
}

TEST_F(RingTest, AnOldCopyOfTheLogGoesOnWithTheRing) {
  write_and_take(*open(500).ring, "a line\n");
  session_ = 8;
  (void)open(507);  // the ring is left behind, and a new one is begun: its session is 9
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
  EXPECT_THAT(opened.put_aside_why, HasSubstr("the machine was started anew, and it held 23B"));
  EXPECT_EQ(opened.ring->used(), 0U);
}

TEST_F(RingTest, AnEmptyOneOfAnotherBootIsJustReplaced) {
  {
    (void)open(0);
  }
  boot_ = new_uuid();
  const auto opened = open(77);
  EXPECT_EQ(opened.put_aside, "");
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
  EXPECT_THAT(opened.error().message(), HasSubstr("ring.directory"));
  EXPECT_TRUE(Ring::open(os_, directory_ / "a/b/c", settings_, log_id_, boot_, {})) << "made as needed";
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
  std::string expected("slurring\x01\0\0\0\0\0\x11\0\0\0\x10\0\0\0\0\0", 24);
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
  for (const char c : {'a', 'b', 'c', '\n'}) expected += static_cast<char>(~c);
  EXPECT_EQ(file.substr(0, expected.size()), expected);
  EXPECT_EQ(file.substr(160, 8), std::string("\x04\0\0\0\0\0\0\0", 8));          // the nonce's length; Keep
  EXPECT_EQ(file.substr(192, 8), std::string("\x07\x04\x03\x02\x01\0\0\0", 8));  // tail
  EXPECT_EQ(file.substr(1114112, 4), "abc\n");
}

// Any sequence of takes, drops, releases, deaths and restarts against a string.
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
        ASSERT_EQ(ring.drop(fifo_read_fd_.get(), size, 0, false), static_cast<ssize_t>(size));
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

}  // namespace
}  // namespace slurper
