#include "base/lock_file.h"

#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>

#include "proc/lock_holder.h"
#include "support/files.h"
#include "support/flock_holder.h"
#include "support/temp_dir.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using test::FlockHolder;
using test::text_of;
using testing::HasSubstr;

constexpr uid_t kOther = 65534;

struct stat status_of(const std::string& path) {
  struct stat st{};
  EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
  return st;
}

class ActingOs : public Os {
 public:
  int flock(int fd, int operation) override {
    ++locks;
    if (before_lock) before_lock();
    return Os::flock(fd, operation);
  }
  std::function<void()> before_lock;
  int locks = 0;
};

class LockFileTest : public testing::Test {
 protected:
  Result<LockFile> take(uid_t user = ::geteuid(),
                        LockFile::AtRelease at_release = LockFile::AtRelease::Keep) {
    return LockFile::acquire(os_, path_, user, at_release, 0ms);
  }
  void expect_refused(const std::string& why) {
    const auto lock = take();
    ASSERT_FALSE(lock);
    EXPECT_THAT(text_of(lock.error()), HasSubstr(path_));
    EXPECT_THAT(text_of(lock.error()), HasSubstr(why));
  }

  test::TempDir directory_;
  std::string path_ = directory_ / "lock";
  ActingOs os_;
};

TEST_F(LockFileTest, IsPrivateAndKeepsASecondOneOut) {
  const mode_t umask = ::umask(0);
  auto first = take();
  ::umask(umask);
  ASSERT_TRUE(first) << text_of(first.error());
  EXPECT_EQ(status_of(path_).st_mode & 07777, 0600U);
  const auto second = take();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::Busy);
  first->release();
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_TRUE(take());
}

TEST_F(LockFileTest, OneThatIsTooOpenIsTightened) {
  test::write_file(path_, "");
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  EXPECT_TRUE(take());
  EXPECT_EQ(status_of(path_).st_mode & 07777, 0600U);
}

// A name that is never used again leaves no file, and a process that waits for it gets a file with that name.
TEST_F(LockFileTest, IsRemovedWhileSomeoneWaitsForIt) {
  auto first = take(::geteuid(), LockFile::AtRelease::Remove);
  ASSERT_TRUE(first);
  os_.before_lock = [&] {
    if (*first) first->release();
  };
  const auto second = take();
  ASSERT_TRUE(second) << text_of(second.error());
  EXPECT_TRUE(std::filesystem::exists(path_));
  os_.before_lock = nullptr;
  EXPECT_FALSE(take()) << "the second one's lock is on the file that has the name";
}

TEST_F(LockFileTest, RemovesNothingButItsOwn) {
  auto first = take(::geteuid(), LockFile::AtRelease::Remove);
  ASSERT_TRUE(first);
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  test::write_file(path_, "");
  first->release();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(LockFileTest, IsReplacedAgainAndAgain) {
  os_.before_lock = [&] { (void)::unlink(path_.c_str()); };
  expect_refused("it is replaced again and again");
}

TEST_F(LockFileTest, FollowsNoLinkAndTakesNoOtherKindOfFile) {
  test::write_file(directory_ / "precious", "");
  ASSERT_EQ(::symlink("precious", path_.c_str()), 0);
  expect_refused("it is a symbolic link to 'precious'");
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  expect_refused("it is a FIFO, not a regular file");
}

// In a folder of another user's, any file could stand there under a second name.
TEST_F(LockFileTest, AnotherFilesSecondNameIsNotChanged) {
  const std::string precious = directory_ / "precious";
  for (const char* const content : {"", "precious"}) {
    test::write_file(precious, content);
    ASSERT_EQ(::chmod(precious.c_str(), 0644), 0);
    ASSERT_EQ(::link(precious.c_str(), path_.c_str()), 0);
    (void)take(kOther);
    EXPECT_EQ(status_of(precious).st_mode & 07777, 0644U);
    EXPECT_EQ(status_of(precious).st_uid, ::geteuid());
    ASSERT_EQ(::unlink(path_.c_str()), 0);
  }
}

TEST_F(LockFileTest, AnotherUsersIsNamedWithItsOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  ASSERT_TRUE(take());
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0777), 0);
  ASSERT_EQ(::seteuid(kOther), 0);
  const auto lock = take();
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_FALSE(lock);
  EXPECT_EQ(text_of(lock.error()), "cannot open the lock file '" + path_ +
                                       "': Permission denied (it belongs to the user root (uid 0)). Let no "
                                       "other user run slurper on this, or give the "
                                       "file to slurper's user with chown(1)");
}

TEST_F(LockFileTest, RootLetsItsUserHaveItToo) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives a file away";
  {
    ASSERT_TRUE(take(kOther));
    EXPECT_EQ(status_of(path_).st_uid, kOther);
    EXPECT_TRUE(take(kOther)) << "its user's file serves root, too";
  }
  expect_refused("it belongs to the user nobody (uid 65534)");
  EXPECT_EQ(status_of(path_).st_uid, kOther);
}

class LockHolderTest : public testing::Test {
 protected:
  LockHolderTest() { test::write_file(path_, ""); }
  FlockClaim claim() { return claim_flock(os_, fd_.get(), 50ms); }

  test::TempDir directory_;
  std::string path_ = directory_ / "file";
  ActingOs os_;
  UniqueFd fd_{::open((directory_ / "file").c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644)};
};

TEST_F(LockHolderTest, AFreeLockIsTaken) {
  EXPECT_EQ(claim().error, 0);
  EXPECT_EQ(os_.locks, 1);
}

TEST_F(LockHolderTest, ASlurperIsRespected) {
  FlockHolder holder(path_, FlockHolder::slurper());
  const FlockClaim refused = claim();
  EXPECT_EQ(refused.error, -EWOULDBLOCK);
  EXPECT_EQ(refused.holder.kind, LockHolder::Kind::Slurper);
  EXPECT_EQ(refused.holder.text(), "process " + std::to_string(holder.pid()) + " ('slurper')");
  EXPECT_GT(os_.locks, 1) << "it was waited for";
  os_.before_lock = [&] { holder.release(); };
  EXPECT_EQ(claim().error, 0);
}

// A slurper may be installed under any name.
TEST_F(LockHolderTest, AProgramOfThisOnesNameIsRespected) {
  std::string own = test::content_of("/proc/self/comm");
  own.pop_back();  // the newline
  const FlockHolder holder(path_, {.command = own});
  EXPECT_EQ(claim().error, -EWOULDBLOCK);
  EXPECT_EQ(claim().holder.kind, LockHolder::Kind::Slurper);
}

TEST_F(LockHolderTest, AStrangerIsNotWaitedFor) {
  const FlockHolder holder(path_, {.command = "flock"});
  const FlockClaim passed = claim();
  EXPECT_TRUE(passed.is_strangers());
  EXPECT_EQ(passed.holder.text(), "process " + std::to_string(holder.pid()) + " ('flock')");
  EXPECT_EQ(os_.locks, 1);
}

// Anybody may call a program slurper.
TEST_F(LockHolderTest, AnotherUsersSlurperIsAStrangerUnlessTheFileIsThatUsers) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  const FlockHolder holder(path_, {.command = "slurper", .user = kOther});
  EXPECT_TRUE(claim().is_strangers());
  ASSERT_EQ(::chown(path_.c_str(), kOther, static_cast<gid_t>(-1)), 0);
  EXPECT_EQ(claim().holder.kind, LockHolder::Kind::Slurper);
}

// The kernel names the process that took the lock, and that one is gone.
TEST_F(LockHolderTest, WhoeverGotItFromAProcessThatIsGoneIsAStranger) {
  const FlockHolder holder(path_, {.command = "flock", .leaves_it_to_a_child = true});
  EXPECT_TRUE(claim().is_strangers());
}

}  // namespace
}  // namespace slurper
