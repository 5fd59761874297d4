#include "inspect/open_file_groups.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "proc/proc_files.h"

namespace slurper {

namespace {

// 0: the same; positive: they differ; negative: unknown.
long compare(const OpenDescriptor& one, const OpenDescriptor& other) {
  return ::syscall(SYS_kcmp, one.process.pid, other.process.pid, KCMP_FILE,
                   static_cast<unsigned long>(one.fd), static_cast<unsigned long>(other.fd));
}

// From the parent upwards. The kernel reuses pids: a loop, if it should come to that, is cut off.
std::vector<pid_t> ancestors_of(pid_t parent) {
  constexpr std::size_t kMost = 100;
  std::vector<pid_t> all;
  while (parent > 0 && all.size() < kMost) {
    all.push_back(parent);
    const UniqueFd process_fd = open_directory(AT_FDCWD, fmt::format("/proc/{}", parent).c_str());
    const auto stat = process_fd ? read_process_stat(process_fd.get()) : std::nullopt;
    parent = stat ? stat->parent : 0;
  }
  return all;
}

// Sets PipeHolder::open_file by kcmp(2).
void compare_open_files(std::vector<PipeHolder>& holders) {
  std::vector<PipeHolder*> groups;  // the first descriptor of each open file
  for (PipeHolder& holder : holders) {
    // Each is compared with each: a thousand opens of one pipe, which any user may make, take half a second.
    constexpr std::size_t kMost = 500;
    bool is_comparable = groups.size() < kMost && compare(holder.open, holder.open) == 0;
    for (std::size_t i = 0; i < groups.size() && is_comparable && holder.open_file == 0; ++i) {
      const long order = compare(groups[i]->open, holder.open);
      if (order == 0) holder.open_file = i + 1;
      if (order < 0) is_comparable = false;
    }
    if (!is_comparable || holder.open_file != 0) continue;
    groups.push_back(&holder);
    holder.open_file = groups.size();
  }
}

}  // namespace

void find_open_file_groups(std::vector<PipeHolder>& holders) {
  const bool is_known =
      std::ranges::any_of(holders, [](const PipeHolder& one) { return one.open_file != 0; });
  if (!is_known) compare_open_files(holders);
  for (PipeHolder& holder : holders) {
    const auto is_origin = [&](pid_t pid) {
      return std::ranges::find_if(holders, [&](const PipeHolder& other) {
        return other.open.process.pid == pid && other.open_file == holder.open_file;
      });
    };
    if (holder.open_file == 0) continue;
    const auto shares = [&](const PipeHolder& other) {
      return &other != &holder && other.open_file == holder.open_file;
    };
    if (std::ranges::none_of(holders, shares)) continue;
    for (const pid_t ancestor : ancestors_of(holder.open.parent)) {
      const auto origin = is_origin(ancestor);
      if (origin == holders.end()) continue;
      holder.inherited_from = origin->open.process;
      break;
    }
  }
}

}  // namespace slurper
