#include "proc/open_descriptors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>

#include "base/fd.h"
#include "proc/proc_files.h"

namespace slurper {

namespace {

Access access_of(int process_fd, int fd) {
  const std::string text = read_small(process_fd, fmt::format("fdinfo/{}", fd).c_str());
  constexpr std::string_view kFlags = "flags:\t";
  const std::size_t at = text.find(kFlags);
  const auto flags = at == std::string::npos
                         ? std::nullopt
                         : parse_number<int>(std::string_view(text).substr(at + kFlags.size()), 8);
  if (!flags || (*flags & O_PATH) != 0) return Access::None;
  switch (*flags & O_ACCMODE) {
    case O_RDONLY:
      return Access::Read;
    case O_WRONLY:
      return Access::Write;
    default:
      return Access::ReadWrite;
  }
}

// Fills in which process it is.
void identify(int process_fd, OpenDescriptor& holder) {
  const auto stat = read_process_stat(process_fd);
  if (!stat) return;
  holder.command = stat->command;
  holder.parent = stat->parent;
  holder.process.start_time = stat->start_time;
}

bool is_inode(int directory_fd, const char* name, dev_t device, ino_t inode) {
  struct statx st{};
  // Follows the link to the open file itself. DONT_SYNC: an unreachable file server does not block the call.
  return ::statx(directory_fd, name, AT_STATX_DONT_SYNC, STATX_INO, &st) == 0 && st.stx_ino == inode &&
         makedev(st.stx_dev_major, st.stx_dev_minor) == device;
}

void look_at(int process_fd, pid_t pid, dev_t device, ino_t inode, OpenDescriptors& holders) {
  UniqueFd directory_fd = open_directory(process_fd, "fd");
  if (!directory_fd && errno == EACCES) ++holders.unseen;
  const Directory fds = entries_of(std::move(directory_fd));
  if (!fds) return;
  OpenDescriptor holder;
  while (const dirent* entry = ::readdir(fds.get())) {
    const auto fd = number_of(entry->d_name);
    if (!fd || !is_inode(::dirfd(fds.get()), entry->d_name, device, inode)) continue;
    if (holder.process.pid == 0) {
      holder.process.pid = pid;
      identify(process_fd, holder);
    }
    holder.fd = *fd;
    holder.access = access_of(process_fd, *fd);
    holders.open.push_back(holder);
  }
}

}  // namespace

OpenDescriptors find_open_descriptors(dev_t device, ino_t inode, const std::stop_token& stop) {
  OpenDescriptors holders;
  const Directory proc = entries_of(open_directory(AT_FDCWD, "/proc"));
  // Without /proc, no other process is visible.
  holders.others_hidden = !proc || ::access("/proc/1", F_OK) != 0;
  if (!proc) return holders;
  const pid_t own_pid = ::getpid();
  while (const dirent* entry = ::readdir(proc.get())) {
    if (stop.stop_requested()) break;
    const auto pid = number_of(entry->d_name);
    if (!pid || *pid == own_pid) continue;
    const UniqueFd process_fd = open_directory(::dirfd(proc.get()), entry->d_name);
    if (process_fd) look_at(process_fd.get(), *pid, device, inode, holders);
  }
  std::ranges::sort(holders.open, {},
                    [](const OpenDescriptor& holder) { return std::pair(holder.process, holder.fd); });
  return holders;
}

}  // namespace slurper
