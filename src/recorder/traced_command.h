// TracedCommand: the program that is run to be recorded.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/fd.h"
#include "recorder/options.h"

namespace slurper {

// It is forked first, with the caller's rights or those of another user, and waits for go(). Never killed by
// this object. For one thread.
class TracedCommand {
 public:
  static Recorded<TracedCommand> start(const RecorderOptions& options);

  [[nodiscard]] pid_t pid() const { return pid_; }
  void go() { gate_.reset(); }
  void end(int wait_status);
  // The status with which the program ended, as a shell gives it; nothing while it runs.
  [[nodiscard]] std::optional<int> status() const { return status_; }

 private:
  TracedCommand(pid_t pid, UniqueFd gate) : pid_(pid), gate_(std::move(gate)) {}

  pid_t pid_;
  UniqueFd gate_;
  std::optional<int> status_;
};

}  // namespace slurper
