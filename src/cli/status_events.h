// `slurper status --events`.
#pragma once

#include <cstdio>
#include <string>

namespace slurper {

// Shows on `out_fd` what the slurpers of `instance` did last, see ask_instances(). Each ring's folder has the
// events of the slurper that runs, or ran last, and of the one before, which are shown, too, if that one was
// killed. Returns the exit status.
[[nodiscard]] int events_command(const std::string& instance, bool json, int out_fd, std::FILE* err);

}  // namespace slurper
