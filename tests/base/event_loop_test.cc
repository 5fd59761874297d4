#include "base/event_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>
#include <vector>

#include "support/no_descriptors.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;

class EventLoopTest : public testing::Test {
 protected:
  static UniqueFd event() { return std::move(*make_eventfd()); }
  static void raise(const UniqueFd& fd) { ASSERT_EQ(::eventfd_write(fd.get(), 1), 0); }

  void add(const UniqueFd& fd, EventLoop::Handler handler) {
    loop_.add(fd.get(), std::move(handler));
    ASSERT_TRUE(loop_.listen(fd.get(), EPOLLIN));
  }

  EventLoop loop_ = std::move(*EventLoop::create());
};

TEST_F(EventLoopTest, CallsTheHandlerOfWhatIsReadyAlone) {
  const UniqueFd quiet = event();
  const UniqueFd ready = event();
  std::uint32_t seen = 0;
  add(quiet, [](std::uint32_t) { FAIL(); });
  add(ready, [&](std::uint32_t events) { seen = events; });
  EXPECT_EQ(loop_.wait(0ns), 0);
  raise(ready);
  EXPECT_EQ(loop_.wait(std::nullopt), 1);
  EXPECT_EQ(seen, EPOLLIN);
}

TEST_F(EventLoopTest, WaitsForWhatIsListenedToAlone) {
  const UniqueFd fd = event();
  int calls = 0;
  loop_.add(fd.get(), [&](std::uint32_t) { ++calls; });
  raise(fd);
  EXPECT_EQ(loop_.wait(0ns), 0);
  ASSERT_TRUE(loop_.listen(fd.get(), EPOLLIN));
  ASSERT_TRUE(loop_.listen(fd.get(), EPOLLIN)) << "again changes nothing";
  EXPECT_EQ(loop_.wait(0ns), 1);
  ASSERT_TRUE(loop_.listen(fd.get(), EPOLLOUT));
  EXPECT_EQ(loop_.wait(0ns), 1);
  ASSERT_TRUE(loop_.listen(fd.get(), 0));
  EXPECT_EQ(loop_.wait(0ns), 0);
  EXPECT_EQ(calls, 2);
}

TEST_F(EventLoopTest, AHandlerMayRemoveItselfAndOthers) {
  const UniqueFd one = event();
  const UniqueFd other = event();
  int calls = 0;
  const auto remove_both = [&](std::uint32_t) {
    ++calls;
    loop_.remove(one.get());
    loop_.remove(other.get());
  };
  add(one, remove_both);
  add(other, remove_both);
  raise(one);
  raise(other);
  EXPECT_EQ(loop_.wait(0ns), 2) << "both were ready";
  EXPECT_EQ(calls, 1) << "the second had been removed by then";
  EXPECT_EQ(loop_.wait(0ns), 0);
  loop_.remove(one.get());  // what is not there is no error
}

TEST_F(EventLoopTest, ASignalIsAWaitWithoutEvents) {
  const pid_t child = ::fork();
  if (child == 0) {
    struct sigaction nothing{};
    nothing.sa_handler = [](int) {};
    (void)::sigaction(SIGALRM, &nothing, nullptr);
    const itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 1000}};
    (void)::setitimer(ITIMER_REAL, &soon, nullptr);
    ::_exit(loop_.wait(std::nullopt) == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(EventLoopTest, WhatCanNotBeWaitedForIsRefused) {
  const UniqueFd file(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  loop_.add(file.get(), [](std::uint32_t) {});
  for (int i = 0; i < 2; ++i) {
    const Status listening = loop_.listen(file.get(), EPOLLIN);
    ASSERT_FALSE(listening);
    EXPECT_EQ(listening.error().errnum, EPERM);
  }
  EXPECT_TRUE(loop_.listen(file.get(), 0));
  EXPECT_EQ(loop_.wait(0ns), 0);
}

TEST(EventDescriptors, AreOfTheKindThatIsAskedFor) {
  const UniqueFd timer = std::move(*make_timerfd(1ms));
  EventLoop loop = std::move(*EventLoop::create());
  std::uint64_t expirations = 0;
  loop.add(timer.get(),
           [&](std::uint32_t) { EXPECT_EQ(::read(timer.get(), &expirations, sizeof expirations), 8); });
  ASSERT_TRUE(loop.listen(timer.get(), EPOLLIN));
  (void)loop.wait(std::nullopt);
  EXPECT_GE(expirations, 1U);
  for (const UniqueFd& fd : {std::move(*make_eventfd()), std::move(*make_timerfd(1s))}) {
    EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
  }
}

TEST(EventDescriptors, FailAsTheirSystemCallDoes) {
  sigset_t signals;
  ::sigemptyset(&signals);
  std::vector<int> errors;
  {
    const test::NoDescriptors none;
    errors = {make_eventfd().error().errnum, make_signalfd(signals).error().errnum,
              make_timerfd(1s).error().errnum, EventLoop::create().error().errnum};
  }
  for (const int error : errors) EXPECT_EQ(error, EMFILE);
  EXPECT_EQ(test::text_of(make_timerfd(-1s).error()), "cannot set up the event loop: Invalid argument");
}

}  // namespace
}  // namespace slurper
