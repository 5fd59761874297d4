// Child: a program that a test runs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "support/wait.h"

namespace slurper::test {

struct Program {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH
  std::vector<std::string> env;   // "NAME=value", added to the test's own
};

// Descriptors of the new process; -1: /dev/null.
struct Stdio {
  int in = -1;
  int out = -1;
  int err = -1;
};

// Forks and executes. With `gate_fd`, the child waits for that to become readable (a byte, or EOF) before its
// exec: time for a tracer to take hold of it. The child dies with the thread that called. If exec fails,
// it exits with 127.
pid_t fork_exec(const Program& program, const Stdio& stdio, int gate_fd = -1);

// An unlinked file in RAM: what a process says into it is read while it runs, and never blocks it.
[[nodiscard]] UniqueFd make_capture();
[[nodiscard]] std::string captured(const UniqueFd& capture);

// Owned by one thread. What still runs is killed (SIGKILL) and reaped at the end of its life.
class Child {
 public:
  // With `stdout_fd`, out() has nothing.
  explicit Child(const Program& program, int stdin_fd = -1, int stdout_fd = -1);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string out() const { return captured(stdout_); }
  [[nodiscard]] std::string err() const { return captured(stderr_); }

  // Whether `text` was said on stderr, `count` times, before the deadline and before the end of the process.
  [[nodiscard]] bool said(const std::string& text, int count = 1,
                          std::chrono::milliseconds deadline = kDeadline);

  void signal(int number) const;
  // The wait status, or nothing if it still runs at the deadline.
  std::optional<int> wait(std::chrono::milliseconds deadline = kDeadline);
  // wait(), and "it exited with this code".
  [[nodiscard]] bool exits_with(int code, std::chrono::milliseconds deadline = kDeadline);
  // SIGKILL, and reaped: gone, with its locks and descriptors.
  void kill();

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
  UniqueFd stdout_;
  UniqueFd stderr_;
};

// Runs it to its end; what it said is in `child`.
[[nodiscard]] std::string describe_status(int wait_status);

}  // namespace slurper::test
