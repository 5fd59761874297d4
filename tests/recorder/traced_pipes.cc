// Several writers and readers of one pipe, who know what they have written and read.
#include <fcntl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "recorder/traced_tasks.h"

namespace slurper::test {

namespace {

constexpr std::size_t kLine = 32;

// Each line has the writer's number, its own, and this length.
[[noreturn]] void write_lines(int fd, int start_fd, int count) {
  char byte = 0;
  while (must(::read(start_fd, &byte, 1), "read") > 0) {
  }
  const std::string tag = std::to_string(::getpid()) + ' ';
  for (int i = 0; i < count; ++i) {
    std::string line = tag + std::to_string(i) + ' ';
    line.resize(kLine - 1, '.');
    line += '\n';
    if (must(::write(fd, line.data(), line.size()), "write") != static_cast<int>(kLine)) std::_Exit(99);
  }
  std::_Exit(0);
}

// What it has read is in a file that has its number.
[[noreturn]] void read_lines(int fd, const std::string& folder) {
  const std::string path = folder + "/" + std::to_string(::getpid());
  std::string all;
  std::array<char, 64 * kLine> bytes{};
  for (;;) {
    const int count = must(::read(fd, bytes.data(), bytes.size()), "read");
    if (count == 0) break;
    all.append(bytes.data(), static_cast<std::size_t>(count));
  }
  const int file = must(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), "open");
  for (std::size_t at = 0; at < all.size();)
    at += static_cast<std::size_t>(must(::write(file, all.data() + at, all.size() - at), "write"));
  std::_Exit(0);
}

}  // namespace

int pass_lines(const char* folder, int count) {
  std::array<int, 2> lines{};
  std::array<int, 2> start{};
  must(::pipe2(lines.data(), O_CLOEXEC), "pipe2");
  must(::pipe2(start.data(), O_CLOEXEC), "pipe2");
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t pid = must(::fork(), "fork");
    if (pid == 0) {
      const bool writes = i < 2;
      ::close(start[1]);
      ::close(lines[writes ? 0 : 1]);
      if (writes) write_lines(lines[1], start[0], count);
      read_lines(lines[0], folder);
    }
    children.push_back(pid);
  }
  ::close(lines[0]);
  ::close(lines[1]);
  std::printf("%d %d %d %d\n", children[0], children[1], children[2], children[3]);
  std::fflush(stdout);
  char byte = 0;
  (void)::read(STDIN_FILENO, &byte, 1);  // until the test lets them begin
  ::close(start[1]);
  int failed = 0;
  for (const pid_t pid : children) {
    int status = 0;
    must(::waitpid(pid, &status, 0), "waitpid");
    if (status != 0) failed = 1;
  }
  return failed;
}

int pass_packets() {
  std::array<int, 2> pipe{};
  must(::pipe2(pipe.data(), O_DIRECT | O_CLOEXEC), "pipe2");
  must(::write(pipe[1], "ab\ncd\n", 6), "write");
  must(::write(pipe[1], "e\n", 2), "write");
  std::array<char, 9> bytes{};
  must(::read(pipe[0], bytes.data(), 3), "read");
  return must(::read(pipe[0], bytes.data(), bytes.size()), "read") == 2 ? 0 : 1;
}

int pass_on() {
  std::array<int, 2> from{};
  std::array<int, 2> to{};
  must(::pipe2(from.data(), O_CLOEXEC), "pipe2");
  must(::pipe2(to.data(), O_CLOEXEC), "pipe2");
  must(::write(from[1], "a\nb\n", 4), "write");
  must(::tee(from[0], to[1], 4, 0), "tee");
  must(::splice(from[0], nullptr, to[1], nullptr, 4, 0), "splice");
  std::array<char, 3> own{'c', 'c', '\n'};
  const iovec part{.iov_base = own.data(), .iov_len = own.size()};
  must(::vmsplice(to[1], &part, 1, 0), "vmsplice");
  must(::write(to[1], "d\n", 2), "write");
  std::array<char, 99> bytes{};
  return must(::read(to[0], bytes.data(), bytes.size()), "read") == 13 ? 0 : 1;
}

}  // namespace slurper::test
