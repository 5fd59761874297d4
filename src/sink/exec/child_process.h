// ChildProcess: runs a program for a sink.
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
  std::vector<std::string> environment;  // the complete environment: "NAME=value"
};

// The program runs from start() on. It has a process group of its own, `/` as its folder and none of
// slurper's descriptors. No signal is blocked (slurper blocks some in all of its threads), and all have
// their default action except HUP, USR1 and USR2. Those three stay ignored, as in slurper: a signal that is
// meant for slurper and sent to its whole control group must not kill a program that does not know it. Our
// ends of its standard input, output and error are non-blocking pipes. The program does not die with
// slurper; its standard input ends. One thread uses this class.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { kill(); }

  // Kills a program that still runs first.
  Status start(const ChildProgram& program);

  [[nodiscard]] bool running() const { return pid_ > 0 && !ended_; }
  // Returns the process id, or -1 between kill() and start(). Until kill(), the numbers of the process and
  // its process group are not reused.
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int stdin_fd() const { return stdin_.get(); }
  [[nodiscard]] int stdout_fd() const { return stdout_.get(); }
  [[nodiscard]] int stderr_fd() const { return stderr_.get(); }
  // Becomes readable when the program has ended (pidfd_open(2)).
  [[nodiscard]] int exit_fd() const { return pidfd_.get(); }

  void close_stdin() { stdin_.reset(); }
  void close_stdout() { stdout_.reset(); }
  void close_stderr() { stderr_.reset(); }
  // Sends the signal to the program, if it still runs, and to its whole process group.
  void signal(int number) const;
  // Returns how the program ended: "it ended with status 3". Empty if it still runs, or if this was asked
  // before. The pipes stay open, since they may hold output that is not read yet. The entry in the
  // process table stays as well, so that the number of the process group is not reused.
  Phrase ask_how_it_ended();
  // Sends SIGKILL to the program, if it still runs, and to its process group. Reaps it and closes the pipes.
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
