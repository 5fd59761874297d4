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
// no signal blocked (slurper blocks some, in all of its threads), and all as they are by default but HUP,
// USR1 and USR2. These are as slurper has them, ignored: what is meant for slurper and sent to its whole
// control group kills no program that knows nothing of it. Our ends of its standard input, output and error
// are non-blocking pipes. It does not die with slurper: its standard input ends. One thread.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { kill(); }

  // One that still runs is killed first.
  Status start(const ChildProgram& program);

  [[nodiscard]] bool running() const { return pid_ > 0 && !ended_; }
  // -1 from kill() to start(). Until then it, and its process group's, are no other's.
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int stdin_fd() const { return stdin_.get(); }
  [[nodiscard]] int stdout_fd() const { return stdout_.get(); }
  [[nodiscard]] int stderr_fd() const { return stderr_.get(); }
  // Readable when it has ended (pidfd_open(2)).
  [[nodiscard]] int exit_fd() const { return pidfd_.get(); }

  void close_stdin() { stdin_.reset(); }
  void close_stdout() { stdout_.reset(); }
  void close_stderr() { stderr_.reset(); }
  // To it, if it still runs, and to all of its process group.
  void signal(int number) const;
  // If it has ended: says how, "it ended with status 3". Empty if it still runs, or has been asked before.
  // The pipes stay: what it has not read is still to be asked. So does its entry in the process table, which
  // keeps its process group's number from being given to others.
  std::string ask_how_it_ended();
  // SIGKILL to it, if it still runs, and to its process group; reaped. The pipes are closed.
  void kill();

 private:
  pid_t pid_ = -1;
  bool ended_ = false;
  UniqueFd pidfd_;
  UniqueFd stdin_;
  UniqueFd stdout_;
  UniqueFd stderr_;
};

}  // namespace slurper
