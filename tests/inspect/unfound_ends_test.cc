// Ends of a pipe that are open although no process has a descriptor of them.
#include <gmock/gmock.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "inspect/pipe_site.h"

namespace slurper::test {
namespace {

class UnfoundEnds : public PipeSite {
 protected:
  void SetUp() override {
    if (!may_use_bpf()) GTEST_SKIP() << "BPF may not be used here";
    hold();
    read_fd_.reset(::open(fifo_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(read_fd_);
  }
  void expect_unfound(std::uint64_t readers, std::uint64_t writers) const {
    const PipeFacts facts = look();
    EXPECT_EQ(facts.unfound_readers(), readers);
    EXPECT_EQ(facts.unfound_writers(), writers);
  }

  UniqueFd read_fd_;
};

// Sends the descriptor as the control message of a byte (SCM_RIGHTS): the socket holds it until it is taken.
void send_descriptor(int socket_fd, int fd) {
  char byte = 'x';
  iovec vector{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fd)> control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ASSERT_EQ(::sendmsg(socket_fd, &message, 0), 1);
}

TEST_F(UnfoundEnds, InFlightOverASocket) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  UniqueFd one_end(ends[0]);
  UniqueFd other_end(ends[1]);
  expect_unfound(0, 0);
  send_descriptor(one_end.get(), read_fd_.get());
  expect_unfound(0, 0);
  read_fd_.reset();
  expect_unfound(1, 0);
  send_descriptor(one_end.get(), own_fd_.get());
  own_fd_.reset();
  expect_unfound(2, 1);
  one_end.reset();
  other_end.reset();
  expect_unfound(0, 0);
}

TEST_F(UnfoundEnds, RegisteredWithAnIoUring) {
  io_uring_params parameters{};
  UniqueFd ring_fd(static_cast<int>(::syscall(SYS_io_uring_setup, 4, &parameters)));
  if (!ring_fd) GTEST_SKIP() << "the kernel makes no io_uring";
  const int fd = read_fd_.get();
  ASSERT_EQ(::syscall(SYS_io_uring_register, ring_fd.get(), IORING_REGISTER_FILES, &fd, 1), 0);
  read_fd_.reset();
  expect_unfound(1, 0);
}

// A thread may have descriptors that its process does not: unshare(2), CLONE_FILES. They are found.
TEST_F(UnfoundEnds, AreNoneOfAThreadWithItsOwnDescriptors) {
  std::atomic<bool> is_ready = false;
  std::atomic<bool> may_end = false;
  std::thread thread([&] {
    EXPECT_EQ(::unshare(CLONE_FILES), 0);
    is_ready = true;
    while (!may_end) std::this_thread::yield();
  });
  EXPECT_TRUE(eventually([&] { return is_ready.load(); }));
  read_fd_.reset();
  const PipeFacts facts = look();
  may_end = true;
  thread.join();
  EXPECT_EQ(facts.unfound_readers(), 0U);
  EXPECT_TRUE(std::ranges::any_of(facts.holders, [](const PipeHolder& one) {
    return one.open.process.pid == ::getpid() && one.open.access == Access::Read;
  }));
}

}  // namespace
}  // namespace slurper::test
