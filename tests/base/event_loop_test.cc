#include "base/event_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace slurper {
namespace {

using namespace std::chrono_literals;

class EventLoopTest : public testing::Test {
 protected:
  static UniqueFd event() { return std::move(*make_eventfd()); }
  static void raise(const UniqueFd& fd) { ASSERT_EQ(::eventfd_write(fd.get(), 1), 0); }

  EventLoop loop_ = std::move(*EventLoop::create());
};

TEST_F(EventLoopTest, CallsTheHandlerOfWhatIsReadyAlone) {
  const UniqueFd quiet = event();
  const UniqueFd ready = event();
  std::uint32_t seen = 0;
  ASSERT_TRUE(loop_.add(quiet.get(), EPOLLIN, [](std::uint32_t) { FAIL(); }));
  ASSERT_TRUE(loop_.add(ready.get(), EPOLLIN, [&](std::uint32_t events) { seen = events; }));
  EXPECT_EQ(loop_.wait(0ns), 0);
  raise(ready);
  EXPECT_EQ(loop_.wait(std::nullopt), 1);
  EXPECT_EQ(seen, EPOLLIN);
}

TEST_F(EventLoopTest, WaitsForWhatIsListenedToAlone) {
  const UniqueFd fd = event();
  int calls = 0;
  ASSERT_TRUE(loop_.add(fd.get(), 0, [&](std::uint32_t) { ++calls; }));
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
  ASSERT_TRUE(loop_.add(one.get(), EPOLLIN, remove_both));
  ASSERT_TRUE(loop_.add(other.get(), EPOLLIN, remove_both));
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
  const Status added = loop_.add(file.get(), EPOLLIN, [](std::uint32_t) {});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().errnum, EPERM);
  EXPECT_EQ(loop_.wait(0ns), 0);
}

TEST(EventDescriptors, AreOfTheKindThatIsAskedFor) {
  const UniqueFd timer = std::move(*make_timerfd(1ms));
  EventLoop loop = std::move(*EventLoop::create());
  std::uint64_t expirations = 0;
  ASSERT_TRUE(loop.add(timer.get(), EPOLLIN, [&](std::uint32_t) {
    EXPECT_EQ(::read(timer.get(), &expirations, sizeof expirations), 8);
  }));
  (void)loop.wait(std::nullopt);
  EXPECT_GE(expirations, 1U);
  for (const UniqueFd& fd : {std::move(*make_eventfd()), std::move(*make_timerfd(1s))}) {
    EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
  }
}

TEST(EventDescriptors, FailAsTheirSystemCallDoes) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sigset_t signals;
  ::sigemptyset(&signals);
  const int errors[] = {make_eventfd().error().errnum, make_signalfd(signals).error().errnum,
                        make_timerfd(1s).error().errnum, EventLoop::create().error().errnum};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  for (const int error : errors) EXPECT_EQ(error, EMFILE);
  EXPECT_EQ(make_timerfd(-1s).error().errnum, EINVAL);
}

}  // namespace
}  // namespace slurper
