#include "proc/descendants.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "proc/proc_files.h"

namespace slurper {

namespace {

bool has_mark(int process_fd, const std::string& mark) {
  // The environment of another user's process can't be read.
  const std::string environment = '\0' + read_small(process_fd, "environ") + '\0';
  return environment.contains('\0' + mark + '\0');
}

}  // namespace

Descendants find_descendants(pid_t leader, const std::string& mark) {
  Descendants found;
  const Directory proc = entries_of(open_directory(AT_FDCWD, "/proc"));
  if (!proc) return found;
  const pid_t own_pid = ::getpid();
  while (const dirent* entry = ::readdir(proc.get())) {
    const auto pid = number_of(entry->d_name);
    if (!pid || *pid == own_pid || *pid == leader) continue;
    const UniqueFd process_fd = open_directory(::dirfd(proc.get()), entry->d_name);
    auto stat = process_fd ? read_process_stat(process_fd.get()) : std::nullopt;
    if (!stat || stat->state == 'Z' || stat->state == 'X') continue;
    const bool is_in_group = stat->group == leader;
    if (!is_in_group && !has_mark(process_fd.get(), mark)) continue;
    (is_in_group ? found.group : found.gone).push_back({.pid = *pid, .command = std::move(stat->command)});
  }
  return found;
}

}  // namespace slurper
