// Running slurper itself, and seeing that it touches nothing.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "support/temp_dir.h"

namespace slurper::test {

inline constexpr std::chrono::seconds kEndDeadline{30};

struct How {
  bool as_nobody = false;            // uid and gid 65534, no groups; only for root
  std::vector<int> closed_fds = {};  // of 0, 1 and 2
  unsigned max_processes = 0;        // and threads, of its user (RLIMIT_NPROC); 0: as it is. Not for root
};

// A slurper that runs. Gone with this object at the latest.
class Slurper {
 public:
  explicit Slurper(const std::vector<std::string>& arguments, const How& how = {});
  Slurper(const Slurper&) = delete;
  Slurper& operator=(const Slurper&) = delete;
  ~Slurper();

  // Waits until it has said `text` on standard error. False if it ends first, or at the deadline.
  bool says(const std::string& text);
  void signal(int number) const;
  // Waits for its end. Its exit status; 128 + the signal that killed it; -1 at the deadline.
  int wait();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;

 private:
  bool has_ended();

  pid_t pid_ = -1;
  int status_ = 0;
  UniqueFd out_fd_;
  UniqueFd err_fd_;
};

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

// Runs it to its end.
Outcome run_slurper(const std::vector<std::string>& arguments, const How& how = {});

// What a command does that writes to two streams, in this process.
Outcome capture(const std::function<int(std::FILE* out, std::FILE* err)>& command);

// Paths of a slurper that would work, or would if something stood at the FIFO's path.
class CommandSite {
 protected:
  // Of `slurper COMMAND`, with these paths, and `more`.
  [[nodiscard]] std::vector<std::string> arguments(const std::string& command,
                                                   const std::vector<std::string>& more = {}) const;

  TempDir folder_;
  TempDir ring_ = TempDir::in_ram();
};

// Everything about a folder's contents that a program could change: names, types, owners, modes, times,
// bytes.
std::string snapshot(const std::string& folder);

}  // namespace slurper::test
