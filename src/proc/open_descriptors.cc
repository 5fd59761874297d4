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

// Reads how it was opened: proc_pid_fdinfo(5).
void look_at_flags(int process_fd, OpenDescriptor& holder) {
  const std::string text = read_small(process_fd, fmt::format("fdinfo/{}", holder.fd).c_str());
  constexpr std::string_view kFlags = "flags:\t";
  const std::size_t at = text.find(kFlags);
  const auto flags = at == std::string::npos
                         ? std::nullopt
                         : parse_number<int>(std::string_view(text).substr(at + kFlags.size()), 8);
  holder.flags = flags.value_or(0);
  holder.access = Access::ReadWrite;
  if ((holder.flags & O_ACCMODE) == O_RDONLY) holder.access = Access::Read;
  if ((holder.flags & O_ACCMODE) == O_WRONLY) holder.access = Access::Write;
  if (!flags || (*flags & O_PATH) != 0) holder.access = Access::None;
}

// Fills in which process it is.
void identify(int process_fd, OpenDescriptor& holder) {
  const auto stat = read_process_stat(process_fd);
  if (!stat) return;
  holder.command = stat->command;
  holder.parent = stat->parent;
  holder.process.start_time = stat->start_time;
}

// What the link `name` leads to. Follows it to the open file itself. DONT_SYNC: an unreachable file server
// does not block the call.
std::optional<FoundFile> file_behind(int directory_fd, const char* name) {
  struct statx st{};
  if (::statx(directory_fd, name, AT_STATX_DONT_SYNC, STATX_INO | STATX_TYPE, &st) != 0) return std::nullopt;
  return FoundFile{.id = {.device = makedev(st.stx_dev_major, st.stx_dev_minor), .inode = st.stx_ino},
                   .mode = st.stx_mode & static_cast<mode_t>(S_IFMT),
                   .path = [=] { return read_link(directory_fd, name); }};
}

class Search {
 public:
  explicit Search(const std::function<bool(const FoundFile&)>& is_wanted) : is_wanted_(is_wanted) {}

  void look_at(int process_fd, pid_t pid) {
    UniqueFd directory_fd = open_directory(process_fd, "fd");
    // The kernel's own threads have no files.
    if (!directory_fd && errno == EACCES && !is_kernel_thread(process_fd)) found_.unseen.push_back(pid);
    const Directory fds = entries_of(std::move(directory_fd));
    if (!fds) return;
    OpenDescriptor holder;
    while (const dirent* entry = ::readdir(fds.get())) {
      const auto fd = number_of(entry->d_name);
      std::optional<FoundFile> file = fd ? file_behind(::dirfd(fds.get()), entry->d_name) : std::nullopt;
      if (!file) continue;
      file->pid = pid;
      if (!is_wanted_(*file)) continue;
      if (holder.process.pid == 0) {
        holder.process.pid = pid;
        identify(process_fd, holder);
      }
      holder.fd = *fd;
      holder.file = file->id;
      look_at_flags(process_fd, holder);
      found_.open.push_back(holder);
    }
  }

  OpenDescriptors finish() {
    std::ranges::sort(found_.open, {},
                      [](const OpenDescriptor& holder) { return std::pair(holder.process, holder.fd); });
    std::ranges::sort(found_.unseen);
    return std::move(found_);
  }

 private:
  static bool is_kernel_thread(int process_fd) {
    const auto stat = read_process_stat(process_fd);
    return stat && stat->is_kernel_thread;
  }

  const std::function<bool(const FoundFile&)>& is_wanted_;
  OpenDescriptors found_;
};

}  // namespace

OpenDescriptors find_open_files(const std::function<bool(const FoundFile&)>& is_wanted,
                                const std::stop_token& stop) {
  Search search(is_wanted);
  const bool can_see = for_each_process([&](int process_fd, pid_t pid) {
    if (!stop.stop_requested()) search.look_at(process_fd, pid);
  });
  OpenDescriptors found = search.finish();
  // Without /proc, no process is visible.
  found.others_hidden = !can_see || ::access("/proc/1", F_OK) != 0;
  return found;
}

OpenDescriptors find_open_descriptors(dev_t device, ino_t inode, const std::stop_token& stop) {
  const FileId wanted{.device = device, .inode = inode};
  const pid_t own_pid = ::getpid();
  return find_open_files([&](const FoundFile& file) { return file.pid != own_pid && file.id == wanted; },
                         stop);
}

}  // namespace slurper
