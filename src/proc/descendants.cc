#include "proc/descendants.h"

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
  const pid_t own_pid = ::getpid();
  (void)for_each_process([&](int process_fd, pid_t pid) {
    if (pid == own_pid || pid == leader) return;
    auto stat = read_process_stat(process_fd);
    if (!stat || stat->state == 'Z' || stat->state == 'X') return;
    const bool is_in_group = stat->group == leader;
    if (!is_in_group && !has_mark(process_fd, mark)) return;
    (is_in_group ? found.group : found.gone).push_back({.pid = pid, .command = std::move(stat->command)});
  });
  return found;
}

}  // namespace slurper
