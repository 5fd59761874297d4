// A thread that is traced by ptrace.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "trace/engine/event.h"
#include "trace/engine/process_book.h"

namespace slurper {

struct TracedThread {
  pid_t tid = 0;
  pid_t pid = 0;
  ThreadIdentity identity;
  std::string comm;

  // The call that it is in.
  bool in_call = false;
  bool entered = false;  // RecordEnter of this call came before
  bool is_compat = false;
  std::uint16_t nr = 0;
  std::uint64_t begin = 0;  // CLOCK_MONOTONIC; 0: it was under way when the thread came to be traced
  std::uint64_t args[6] = {};
  std::optional<TraceObject> closed;  // of a descriptor that the call closes
  std::string program;                // the path that it executes

  // It is traced from the end of its parent's clone(2) on, not from the middle of its life.
  bool is_child = false;
  // False if its first stop comes before its parent's, which tells of it: till then it does not run.
  bool is_announced = true;
  bool had_first_stop = false;
  bool is_held = false;          // stopped, and to be let go later
  std::uint64_t held_since = 0;  // CLOCK_MONOTONIC
  bool is_in_group_stop = false;
  // What its first stop has cut short: a call that the kernel begins again, or one that has ended by that.
  bool will_restart = false;
  std::optional<std::int64_t> first_result;
  bool has_exited = false;  // that is reported
};

}  // namespace slurper
