#include "base/os.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <cerrno>

#include "support/temp_dir.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;

// The one who holds the lock lets go of it after a few looks.
class LockFile : public testing::Test, public Os {
 protected:
  int flock(int fd, int operation) override {
    if (++looks_ == lets_go_after_) holder_.reset();
    return Os::flock(fd, operation);
  }

  test::TempDir directory_;
  std::string path_ = directory_ / "file";
  UniqueFd holder_{Os::open(path_.c_str(), O_RDWR | O_CREAT, 0600)};
  UniqueFd fd_{Os::open(path_.c_str(), O_RDWR)};
  int looks_ = 0;
  int lets_go_after_ = 0;
};

TEST_F(LockFile, TakesAFreeOneAtOnce) {
  EXPECT_EQ(lock_file(*this, fd_.get()), 0);
  EXPECT_EQ(looks_, 1);
  EXPECT_EQ(kernel().flock(holder_.get(), LOCK_EX | LOCK_NB), -EWOULDBLOCK);
}

TEST_F(LockFile, WaitsForOneThatIsHeld) {
  ASSERT_EQ(kernel().flock(holder_.get(), LOCK_EX), 0);
  lets_go_after_ = 4;
  EXPECT_EQ(lock_file(*this, fd_.get()), 0);
  EXPECT_EQ(looks_, 4);
}

TEST_F(LockFile, GivesUp) {
  ASSERT_EQ(kernel().flock(holder_.get(), LOCK_EX), 0);
  EXPECT_EQ(lock_file(*this, fd_.get(), 50ms), -EWOULDBLOCK);
  EXPECT_EQ(looks_, 5);
  looks_ = 0;
  EXPECT_EQ(lock_file(*this, fd_.get(), 0ms), -EWOULDBLOCK);
  EXPECT_EQ(looks_, 1);
}

TEST_F(LockFile, AnotherErrorIsNotWaitedFor) {
  EXPECT_EQ(lock_file(*this, -1), -EBADF);
  EXPECT_EQ(looks_, 1);
}

}  // namespace
}  // namespace slurper
