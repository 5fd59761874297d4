// The system call that a thread is in.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slurper {

struct CurrentSyscall {
  std::uint64_t number = 0;
  std::array<std::uint64_t, 6> arguments{};
};

// As proc_pid_syscall(5) has it. Empty if the thread is running, is in no call, or if that can't be seen.
[[nodiscard]] std::optional<CurrentSyscall> parse_current_syscall(std::string_view text);
[[nodiscard]] std::optional<CurrentSyscall> current_syscall(int thread_fd);  // its folder in /proc
[[nodiscard]] std::optional<CurrentSyscall> current_syscall(pid_t pid, pid_t tid);

}  // namespace slurper
