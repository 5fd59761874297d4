// Tasks in which a call fails that others have spoilt, and in which it nearly does.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "recorder/traced_tasks.h"

namespace slurper::test {

namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kParams = "\1\4\0\1\0\0\0\0"sv;  // empty records of FastCGI
constexpr std::string_view kStdin = "\1\5\0\1\0\0\0\0"sv;

void write_text(int fd, std::string_view text) {
  must(::write(fd, text.data(), text.size()), "write");
}

std::size_t read_some(int fd) {
  std::array<char, 4096> buffer{};
  return static_cast<std::size_t>(must(::read(fd, buffer.data(), buffer.size()), "read"));
}

struct Ends {
  int ours;
  int theirs;
};

Ends connect_pair() {
  std::array<int, 2> pair{};
  must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), "socketpair");
  return {pair[0], pair[1]};
}

void expect_failure(long result, int expected) {
  if (result != -1 || errno != expected) must(-1, "a call that should have failed");
}

}  // namespace

int refuse_end_mark() {
  ::signal(SIGPIPE, SIG_IGN);
  const auto [ours, theirs] = connect_pair();
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ours);
    (void)read_some(theirs);
    write_text(theirs, "answer");
    ::close(theirs);
    std::_Exit(0);
  }
  ::close(theirs);
  write_text(ours, kParams);
  while (read_some(ours) > 0) {
  }
  expect_failure(::write(ours, kStdin.data(), kStdin.size()), EPIPE);
  return must(::waitpid(child, nullptr, 0), "waitpid") > 0 ? 0 : 99;
}

int accept_end_mark() {
  const auto [ours, theirs] = connect_pair();
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ours);
    std::size_t read = 0;
    while (read < kParams.size() + kStdin.size()) read += read_some(theirs);
    write_text(theirs, "answer");
    std::_Exit(0);
  }
  ::close(theirs);
  write_text(ours, kParams);
  write_text(ours, kStdin);
  while (read_some(ours) > 0) {
  }
  return must(::waitpid(child, nullptr, 0), "waitpid") > 0 ? 0 : 99;
}

int fill_slots() {
  std::array<int, 2> pipe{};
  must(::pipe2(pipe.data(), O_DIRECT | O_NONBLOCK | O_CLOEXEC), "pipe2");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe[1]);
    ::pause();
  }
  ::close(pipe[0]);
  while (::write(pipe[1], "x", 1) == 1) {
  }
  expect_failure(-1, EAGAIN);
  ::kill(child, SIGKILL);
  return must(::waitpid(child, nullptr, 0), "waitpid") > 0 ? 0 : 99;
}

int retry_when_full(bool by_child) {
  std::array<int, 2> pipe{};
  must(::pipe2(pipe.data(), O_CLOEXEC), "pipe2");
  // The flags are of the open file, which a child shares.
  pid_t child = by_child ? ::fork() : 0;
  if (child == 0) must(::fcntl(pipe[1], F_SETFL, O_WRONLY | O_NONBLOCK), "fcntl");
  if (by_child && child == 0) std::_Exit(0);
  if (by_child) must(::waitpid(child, nullptr, 0), "waitpid");
  std::array<char, 4096> page{};
  while (::write(pipe[1], page.data(), page.size()) > 0) {
  }
  expect_failure(-1, EAGAIN);
  child = ::fork();
  if (child == 0) {
    ::close(pipe[1]);
    while (read_some(pipe[0]) > 0) {
    }
    std::_Exit(0);
  }
  ::close(pipe[0]);
  pollfd waiting{.fd = pipe[1], .events = POLLOUT, .revents = 0};
  must(::poll(&waiting, 1, -1), "poll");
  write_text(pipe[1], {page.data(), page.size()});
  ::close(pipe[1]);
  return must(::waitpid(child, nullptr, 0), "waitpid") > 0 ? 0 : 99;
}

int time_out() {
  // Nothing accepts: when the queue is full, the kernel drops what would open a connection.
  const int listening = must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  must(::bind(listening, generic, size), "bind");
  must(::listen(listening, 0), "listen");
  must(::getsockname(listening, generic, &size), "getsockname");
  for (;;) {
    const int fd = must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    const int tries = 1;
    must(::setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &tries, sizeof tries), "TCP_SYNCNT");
    if (::connect(fd, generic, size) == 0) continue;
    expect_failure(-1, ETIMEDOUT);
    return 0;
  }
}

int fill_queue(const char* folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, folder, sizeof address.sun_path - 8);
  std::strcat(address.sun_path, "/server");
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const int listening = must(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  must(::bind(listening, generic, sizeof address), "bind");
  must(::listen(listening, 0), "listen");
  for (;;) {
    const int fd = must(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    if (::connect(fd, generic, sizeof address) == 0) continue;
    expect_failure(-1, EAGAIN);
    return 0;
  }
}

}  // namespace slurper::test
