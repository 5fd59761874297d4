// `slurper status`.
#pragma once

#include <cstdio>
#include <string>

namespace slurper {

struct StatusRequest {
  std::string instance = {};  // its FIFO, its log or its control socket; empty: those that run
  bool all = false;           // a page for each, if there are several
  bool json = false;
  bool watch = false;  // each second anew, until the reader of `out_fd` has gone
};

// Exit statuses besides those of failures: the worst of all that were asked.
inline constexpr int kHealthy = 0;
inline constexpr int kDegraded = 1;  // an alert is up, or the process does not answer
inline constexpr int kNotRunning = 3;

// Shows what these slurpers answer on `out_fd`, and on `err` who does not answer, and why. Returns the exit
// status.
[[nodiscard]] int status_command(const StatusRequest& request, int out_fd, std::FILE* err);

}  // namespace slurper
