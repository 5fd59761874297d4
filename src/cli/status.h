// `slurper status`.
#pragma once

#include <cstdio>
#include <string>

#include "cli/asked.h"

namespace slurper {

struct StatusRequest {
  std::string instance = {};  // its FIFO, its log or its control socket; empty: those that run
  bool all = false;           // a page for each, if there are several
  bool json = false;
  bool events = false;  // what slurper did last, instead of how it is
  bool watch = false;   // each second anew, until the reader of `out_fd` has gone
};

// Shows what these slurpers answer on `out_fd`, and on `err` who does not answer, and why. Returns the exit
// status: the worst of all that were asked, see asked.h.
[[nodiscard]] int status_command(const StatusRequest& request, int out_fd, std::FILE* err);

}  // namespace slurper
