// A look at a pipe disturbs no process that uses it.
#include <gmock/gmock.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <atomic>
#include <thread>

#include "inspect/pipe_site.h"

namespace slurper::test {
namespace {

using QuietLook = PipeSiteOfEither;
INSTANTIATE_TEST_SUITE_P(With, QuietLook, testing::Values(Facts::Bpf, Facts::Proc), name_of_facts);

// Looks at it again and again, in a thread, until this ends.
class Looking {
 public:
  explicit Looking(std::string fifo)
      : thread_([this, fifo = std::move(fifo)](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            if (look_at_pipe({.path = fifo})) ++looks_;
          }
        }) {}
  // Waits for as many more looks to begin and end.
  [[nodiscard]] bool goes_on(int count) const {
    const int wanted = looks_ + count;
    return eventually([&] { return looks_ >= wanted; });
  }

 private:
  std::atomic<int> looks_{0};
  std::jthread thread_;
};

TEST_P(QuietLook, MovesNoByte) {
  hold();
  const Child reader = holder("5<");
  ASSERT_EQ(::write(own_fd_.get(), "abc", 3), 3);
  const Looking looking(fifo_);
  ASSERT_TRUE(looking.goes_on(20));
  int bytes = 0;
  EXPECT_EQ(::ioctl(own_fd_.get(), FIONREAD, &bytes), 0);
  EXPECT_EQ(bytes, 3);
  EXPECT_EQ(::write(own_fd_.get(), "def", 3), 3);
  std::array<char, 16> text{};
  EXPECT_EQ(::read(own_fd_.get(), text.data(), text.size()), 6);
  EXPECT_STREQ(text.data(), "abcdef");
}

TEST_P(QuietLook, LeavesTheFlagsOfAnOpenFile) {
  hold();
  const int flags = ::fcntl(own_fd_.get(), F_GETFL);
  const Looking looking(fifo_);
  ASSERT_TRUE(looking.goes_on(5));
  EXPECT_EQ(::fcntl(own_fd_.get(), F_GETFL), flags);
}

TEST_P(QuietLook, ReleasesNoBlockedOpen) {
  const Child reader({.argv = {"bash", "-c", "exec 5<\"$1\"; echo opened", "bash", fifo_}, .env = {}});
  const Child second({.argv = {"bash", "-c", "exec 5<\"$1\"; echo opened", "bash", fifo_}, .env = {}});
  ASSERT_TRUE(sleeps_in(reader.pid(), SYS_openat));
  ASSERT_TRUE(sleeps_in(second.pid(), SYS_openat));
  const Looking looking(fifo_);
  ASSERT_TRUE(looking.goes_on(30));
  EXPECT_TRUE(sleeps_in(reader.pid(), SYS_openat));
  EXPECT_EQ(reader.out() + second.out(), "");
}

TEST_P(QuietLook, HidesNoEnxio) {
  const Looking looking(fifo_);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(looking.goes_on(2));
    EXPECT_EQ(::open(fifo_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC), -1) << "it has no reader";
    EXPECT_EQ(errno, ENXIO);
  }
}

// The copy of a read end is held for microseconds, so a writer may be a little late to see EPIPE; it is not
// kept from it.
TEST_P(QuietLook, HidesNoEpipe) {
  (void)std::signal(SIGPIPE, SIG_IGN);
  hold();
  Child reader = holder("5<");
  UniqueFd write_fd(::open(fifo_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(write_fd);
  let_go();
  const Looking looking(fifo_);
  ASSERT_TRUE(looking.goes_on(5));
  EXPECT_EQ(::write(write_fd.get(), "x", 1), 1);
  reader.kill();
  ASSERT_TRUE(looking.goes_on(2));
  EXPECT_EQ(::write(write_fd.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

// The monitor of a slurper, among others, looks at who comes when the kernel reports an open.
TEST_P(QuietLook, IsReportedByNoWatch) {
  hold();
  const UniqueFd watch_fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(watch_fd.get(), fifo_.c_str(), IN_ALL_EVENTS), 0);
  const Looking looking(fifo_);
  ASSERT_TRUE(looking.goes_on(3));
  std::array<char, 4096> events{};
  EXPECT_EQ(::read(watch_fd.get(), events.data(), events.size()), -1);
  EXPECT_EQ(errno, EAGAIN);
}

}  // namespace
}  // namespace slurper::test
