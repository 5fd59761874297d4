#include "proc/proc_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace slurper {

UniqueFd open_directory(int at_fd, const char* path) {
  return UniqueFd(::openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

Directory entries_of(UniqueFd directory_fd) {
  Directory directory(directory_fd ? ::fdopendir(directory_fd.get()) : nullptr);
  if (directory) (void)directory_fd.release();  // the DIR owns the descriptor now
  return directory;
}

std::optional<int> number_of(const char* name) {
  const std::string_view text = name;
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  return parse_number<int>(text);
}

std::string read_small(int at_fd, const char* path) {
  const UniqueFd file_fd(::openat(at_fd, path, O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> text;
  const ssize_t size = file_fd ? ::read(file_fd.get(), text.data(), text.size()) : 0;
  return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

std::string read_link(int at_fd, const char* path) {
  std::array<char, 4096> target;
  const ssize_t size = ::readlinkat(at_fd, path, target.data(), target.size());
  return {target.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

bool for_each_number(int directory_fd, const std::function<bool(const char* name, int number)>& visit) {
  // linux_dirent64 of getdents64(2) has the layout of glibc's dirent.
  alignas(dirent) std::array<char, 8192> bytes;
  for (;;) {
    const ssize_t size = ::getdents64(directory_fd, bytes.data(), bytes.size());
    if (size <= 0) return size == 0;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      const auto* const entry = reinterpret_cast<const dirent*>(bytes.data() + at);
      at += entry->d_reclen;
      const auto number = number_of(entry->d_name);
      if (number && !visit(entry->d_name, *number)) return true;
    }
  }
}

namespace {

bool for_each_folder(int directory_fd, const std::function<void(int folder_fd, pid_t id)>& visit) {
  return for_each_number(directory_fd, [&](const char* name, int id) {
    const UniqueFd folder_fd = open_directory(directory_fd, name);
    if (folder_fd) visit(folder_fd.get(), id);
    return true;
  });
}

}  // namespace

bool for_each_process(const std::function<void(int process_fd, pid_t pid)>& visit) {
  const UniqueFd proc_fd = open_directory(AT_FDCWD, "/proc");
  return proc_fd && for_each_folder(proc_fd.get(), visit);
}

void for_each_thread(int process_fd, const std::function<void(int thread_fd, pid_t tid)>& visit) {
  const UniqueFd task_fd = open_directory(process_fd, "task");
  if (task_fd) (void)for_each_folder(task_fd.get(), visit);  // it may have ended
}

// The name stands in parentheses and may hold any byte, parentheses included: so the last ')' ends it.
std::optional<ProcessStat> read_process_stat(int process_fd) {
  const std::string text = read_small(process_fd, "stat");
  const std::size_t begin = text.find('(');
  const std::size_t end = text.rfind(')');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return std::nullopt;
  ProcessStat stat;
  stat.command = text.substr(begin + 1, end - begin - 1);
  constexpr int kState = 3;
  constexpr int kParent = 4;
  constexpr int kGroup = 5;
  constexpr int kFlags = 9;
  constexpr unsigned kKernelThread = 0x00200000;  // PF_KTHREAD of the kernel's <linux/sched.h>
  constexpr int kStartTime = 22;
  std::string_view rest = std::string_view(text).substr(end + 1);
  for (int field = kState; field <= kStartTime && !rest.empty(); ++field) {
    rest.remove_prefix(1);  // skips the blank
    const std::string_view word = rest.substr(0, rest.find(' '));
    if (field == kState && !word.empty()) stat.state = word.front();
    if (field == kParent) stat.parent = parse_number<pid_t>(word).value_or(0);
    if (field == kGroup) stat.group = parse_number<pid_t>(word).value_or(0);
    if (field == kFlags)
      stat.is_kernel_thread = (parse_number<unsigned>(word).value_or(0) & kKernelThread) != 0;
    if (field == kStartTime) stat.start_time = parse_number<std::uint64_t>(word).value_or(0);
    rest.remove_prefix(word.size());
  }
  return stat;
}

}  // namespace slurper
