#include "proc/current_syscall.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "proc/proc_files.h"

namespace slurper {

// "0 0x3 0x55… 0x1000 0x0 0x0 0x0 0x7ff… 0x7f…": the number, the arguments, stack and instruction. Others are
// "running", and "-1 0x7ff… 0x7f…" of a thread that is blocked outside of a call.
std::optional<CurrentSyscall> parse_current_syscall(std::string_view text) {
  CurrentSyscall call;
  constexpr std::size_t kNumbers = 1 + std::tuple_size_v<decltype(call.arguments)>;
  for (std::size_t i = 0; i < kNumbers; ++i) {
    const bool is_hexadecimal = text.starts_with("0x");
    if (is_hexadecimal) text.remove_prefix(2);
    const auto number = parse_number<std::uint64_t>(text, is_hexadecimal ? 16 : 10);
    if (!number) return std::nullopt;
    (i == 0 ? call.number : call.arguments.at(i - 1)) = *number;
    text.remove_prefix(std::min(text.find(' '), text.size() - 1) + 1);
  }
  return call;
}

std::optional<CurrentSyscall> current_syscall(int thread_fd) {
  return parse_current_syscall(read_small(thread_fd, "syscall"));
}

std::optional<CurrentSyscall> current_syscall(pid_t pid, pid_t tid) {
  return parse_current_syscall(
      read_small(AT_FDCWD, fmt::format("/proc/{}/task/{}/syscall", pid, tid).c_str()));
}

}  // namespace slurper
