// The call that a thread is in.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "trace/engine/param_plan.h"

namespace slurper {

// As RecordEnter, without its times, and with the path that it opens, if it does.
struct CurrentCall {
  TraceRecord record{};
  std::string path;

  // Valid as long as this is.
  [[nodiscard]] RecordView view() const;
};

// As proc_pid_syscall(5) has it. Empty if the thread is in none, or that can't be seen.
[[nodiscard]] std::optional<CurrentCall> current_call(pid_t pid, pid_t tid);

}  // namespace slurper
