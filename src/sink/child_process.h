// ChildProcess: a program that a sink runs.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/fd.h"
#include "slurper/result.h"

namespace slurper {

struct ChildProgram {
  std::string path;
  std::vector<std::string> args;         // without the path
  std::vector<std::string> environment;  // all of it: "NAME=value"
};

// Runs from its start() on, with a process group of its own, `/` as its folder, no descriptor of slurper's,
// all signals as they are by default and none blocked (slurper blocks some, in all of its threads). Our ends
// of its standard input, output and error are non-blocking pipes. It does not die with slurper: its standard
// input ends. One thread.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { kill(); }

  // One that still runs is killed first.
  Status start(const ChildProgram& program);

  [[nodiscard]] bool running() const { return pid_ > 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int stdin_fd() const { return stdin_.get(); }
  [[nodiscard]] int stdout_fd() const { return stdout_.get(); }
  [[nodiscard]] int stderr_fd() const { return stderr_.get(); }
  // Readable when it has ended (pidfd_open(2)).
  [[nodiscard]] int exit_fd() const { return pidfd_.get(); }

  void close_stdin() { stdin_.reset(); }
  void close_stdout() { stdout_.reset(); }
  void close_stderr() { stderr_.reset(); }
  // To it and to all of its process group.
  void signal(int number) const;
  // Where it has ended: takes it out of the process table and says how, "it ended with status 3". Empty where
  // it still runs. The pipes stay: what it has not read is still to be asked.
  std::string reap();
  // Where it still runs, SIGKILL to it and its process group; reaped. The pipes are closed.
  void kill();

 private:
  std::string wait(int options);

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd stdin_;
  UniqueFd stdout_;
  UniqueFd stderr_;
};

}  // namespace slurper
