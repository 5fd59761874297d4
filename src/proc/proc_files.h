// Reads /proc: its folders, its small files, and one process's stat.
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include <charconv>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "base/fd.h"

namespace slurper {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

[[nodiscard]] UniqueFd open_directory(int at_fd, const char* path);

// Iterates over the folder's entries. Empty if `directory_fd` is.
[[nodiscard]] Directory entries_of(UniqueFd directory_fd);

// The number that `text` begins with.
template <typename Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number number{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc()) return std::nullopt;
  return number;
}

// The number that a name in /proc consists of; empty if the name has any other character.
[[nodiscard]] std::optional<int> number_of(const char* name);

// The first 4096 bytes of a small file in /proc; empty if it can't be read.
[[nodiscard]] std::string read_small(int at_fd, const char* path);

// What a symbolic link says; empty if it can't be read.
[[nodiscard]] std::string read_link(int at_fd, const char* path);

// Fields of proc_pid_stat(5).
struct ProcessStat {
  std::string command;  // up to 15 bytes, chosen by the process
  char state = '?';
  pid_t parent = 0;
  pid_t group = 0;
  std::uint64_t start_time = 0;   // clock ticks since boot
  bool is_kernel_thread = false;  // it has no program, and no files
};

// The stat of the process whose folder in /proc is open; empty if the process has ended.
[[nodiscard]] std::optional<ProcessStat> read_process_stat(int process_fd);

// Visits the numbers among the names in a folder of /proc, until `visit` returns false. Faster than
// readdir(3) with few entries, for it allocates nothing. False if the folder can't be read.
bool for_each_number(int directory_fd, const std::function<bool(const char* name, int number)>& visit);

// Visits the processes that /proc lists, each with its folder there. False if there is no /proc.
bool for_each_process(const std::function<void(int process_fd, pid_t pid)>& visit);

// The same for the threads of the process whose folder is open, each with its folder below task/.
void for_each_thread(int process_fd, const std::function<void(int thread_fd, pid_t tid)>& visit);

}  // namespace slurper
