// What /proc says of one process: whose it is, where it belongs, and what it is doing.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proc/control_group.h"
#include "proc/current_syscall.h"
#include "proc/open_descriptors.h"

namespace slurper {

struct ThreadFacts {
  pid_t tid = 0;
  char state = '?';                    // as in proc_pid_stat(5)
  std::optional<CurrentSyscall> call;  // may be hidden although it is in one
};

struct ProcessFacts {
  bool has_ended = false;  // then the rest is unknown
  std::optional<uid_t> user;
  ControlGroup group;
  std::chrono::sys_seconds started{};
  bool in_other_mounts = false;        // its mount namespace is not this process's
  std::optional<std::uint64_t> reads;  // calls of the read family so far: proc_pid_io(5), syscr
  std::optional<std::uint64_t> read;   // and bytes read and written so far, from and to all its files
  std::optional<std::uint64_t> written;
  std::vector<ThreadFacts> threads;  // the main thread first
};

// Each fact is missing if this process may not see it. Any thread may call it.
[[nodiscard]] ProcessFacts process_facts(const ProcessId& process);

// When the process that started at this tick began, by the wall clock. The kernel keeps no other time: an
// open file was opened after it.
[[nodiscard]] std::chrono::sys_seconds wall_clock_of(std::uint64_t start_time);

// The path that a descriptor was opened by, as /proc shows it: with " (deleted)" if it was removed.
[[nodiscard]] std::string path_of(const OpenDescriptor& descriptor);

}  // namespace slurper
