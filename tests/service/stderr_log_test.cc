#include "service/stderr_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

#include "base/fd.h"

namespace slurper {
namespace {

using testing::HasSubstr;

// Standard error is a pipe of one page for as long as it lives.
class StderrPipe {
 public:
  StderrPipe() : stderr_before_(::dup(STDERR_FILENO)) {
    std::array<int, 2> fds{};
    EXPECT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
    read_fd_.reset(fds[0]);
    const UniqueFd write_fd(fds[1]);
    EXPECT_EQ(::fcntl(write_fd.get(), F_SETPIPE_SZ, 4096), 4096);
    ::dup2(write_fd.get(), STDERR_FILENO);
  }
  StderrPipe(const StderrPipe&) = delete;
  StderrPipe& operator=(const StderrPipe&) = delete;
  ~StderrPipe() { restore(); }

  void fill() {
    for (pollfd room{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0}; ::poll(&room, 1, 0) == 1;) {
      ASSERT_GT(::write(STDERR_FILENO, "x", 1), 0);
    }
  }
  // The end of standard error, and with it of what can be read.
  void restore() {
    if (stderr_before_) ::dup2(stderr_before_.get(), STDERR_FILENO);
    stderr_before_.reset();
  }
  std::string read_all() {
    std::string all;
    std::array<char, 4096> some;
    for (ssize_t got; (got = ::read(read_fd_.get(), some.data(), some.size())) > 0;) {
      all.append(some.data(), static_cast<std::size_t>(got));
    }
    return all;
  }
  void close_read_end() { read_fd_.reset(); }

 private:
  UniqueFd stderr_before_;
  UniqueFd read_fd_;
};

TEST(StderrLog, AreWrittenInOrderAndAllBeforeTheEnd) {
  StderrPipe pipe;
  std::string text;
  std::thread reader([&] { text = pipe.read_all(); });
  ASSERT_TRUE(start_stderr_log("info"));
  for (int i = 0; i < 100; ++i) write_to_stderr_log(MessageLevel::Info, fmt::format("message {}.", i));
  write_to_stderr_log(MessageLevel::Debug, "not this one");
  stop_stderr_log();
  pipe.restore();
  reader.join();
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = text.find("message " + std::to_string(i) + ".", at);
    ASSERT_NE(at, std::string::npos) << i << " is missing or out of order in:\n" << text;
  }
  EXPECT_THAT(text, HasSubstr("info"));
  EXPECT_THAT(text, testing::Not(HasSubstr("not this one")));
}

// It would hang, not fail, if a write waited for the pipe: the test's time limit ends it.
TEST(StderrLog, AStandardErrorThatNobodyReadsHoldsUpNobody) {
  ::signal(SIGPIPE, SIG_IGN);
  StderrPipe pipe;
  pipe.fill();
  ASSERT_TRUE(start_stderr_log("info"));
  for (int i = 0; i < 10'000; ++i) write_to_stderr_log(MessageLevel::Info, fmt::format("message {}", i));
  stop_stderr_log();
  pipe.close_read_end();  // lets the thread that hangs in write(2) go
}

}  // namespace
}  // namespace slurper
