#include "proc/open_descriptors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

std::string info_of(int process_fd, int fd) {
  return read_small(process_fd, fmt::format("fdinfo/{}", fd).c_str());
}

// Reads how it was opened: proc_pid_fdinfo(5).
void look_at_flags(int process_fd, OpenDescriptor& holder) {
  const std::string text = info_of(process_fd, holder.fd);
  constexpr std::string_view kFlags = "flags:\t";
  const std::size_t at = text.find(kFlags);
  const auto flags = at == std::string::npos
                         ? std::nullopt
                         : parse_number<int>(std::string_view(text).substr(at + kFlags.size()), 8);
  holder.flags = flags.value_or(0);
  holder.access = flags ? access_of(*flags) : Access::None;
}

bool identify_by(int process_fd, OpenDescriptor& holder) {
  const auto stat = read_process_stat(process_fd);
  if (!stat) return false;
  holder.command = stat->command;
  holder.parent = stat->parent;
  holder.process.start_time = stat->start_time;
  return true;
}

// What the link `name` leads to. Follows it to the open file itself. DONT_SYNC: an unreachable file server
// does not block the call. Sets errno if it is empty.
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

  // By the process's folder in /proc, `name`, which is opened only if it is wanted: there are many processes.
  void look_at(int proc_fd, const char* name, pid_t pid) {
    const UniqueFd directory_fd = open_directory(proc_fd, fmt::format("{}/fd", name).c_str());
    if (!directory_fd) {
      // The kernel's own threads have no files.
      if (errno == EACCES && !is_kernel_thread(proc_fd, name)) found_.unseen.push_back(pid);
      return;
    }
    if (scan(proc_fd, name, name, directory_fd.get(), pid) == 0) look_at_threads(proc_fd, name, pid);
  }

  OpenDescriptors finish() {
    std::ranges::sort(found_.open, {},
                      [](const OpenDescriptor& holder) { return std::pair(holder.process, holder.fd); });
    std::ranges::sort(found_.unseen);
    return std::move(found_);
  }

 private:
  // The first thread of a process may have ended: then its descriptors are those of the others.
  void look_at_threads(int proc_fd, const char* name, pid_t pid) {
    const UniqueFd process_fd = open_directory(proc_fd, name);
    const auto stat = process_fd ? read_process_stat(process_fd.get()) : std::nullopt;
    if (!stat || stat->state != 'Z') return;
    bool has_some = false;
    for_each_thread(process_fd.get(), [&](int thread_fd, pid_t tid) {
      const UniqueFd directory_fd = has_some ? UniqueFd() : open_directory(thread_fd, "fd");
      const std::string thread = fmt::format("{}/task/{}", name, tid);
      if (directory_fd) has_some = scan(proc_fd, name, thread.c_str(), directory_fd.get(), pid) > 0;
    });
  }

  // Looks at the descriptors of the process or thread whose folder in /proc is `folder`. Returns their
  // number.
  std::size_t scan(int proc_fd, const char* name, const char* folder, int directory_fd, pid_t pid) {
    std::size_t count = 0;
    UniqueFd folder_fd;
    OpenDescriptor holder;
    (void)for_each_number(directory_fd, [&](const char* fd_name, int fd) {
      ++count;
      std::optional<FoundFile> file = file_behind(directory_fd, fd_name);
      if (!file) {
        if (errno != EACCES || !read_link(directory_fd, fd_name).empty()) return true;
        // Root may list the descriptors of any process, but follow them only with the right to trace it.
        found_.unseen.push_back(pid);
        return false;
      }
      file->pid = pid;
      if (!is_wanted_(*file)) return true;
      if (!folder_fd) {
        folder_fd = open_directory(proc_fd, folder);
        const UniqueFd process_fd = open_directory(proc_fd, name);
        if (!folder_fd || !process_fd) return false;
        holder.process.pid = pid;
        (void)identify_by(process_fd.get(), holder);  // a process that has ended by now has no name
      }
      holder.fd = fd;
      holder.file = file->id;
      look_at_flags(folder_fd.get(), holder);
      found_.open.push_back(holder);
      return true;
    });
    return count;
  }

  static bool is_kernel_thread(int proc_fd, const char* name) {
    const UniqueFd process_fd = open_directory(proc_fd, name);
    const auto stat = process_fd ? read_process_stat(process_fd.get()) : std::nullopt;
    return stat && stat->is_kernel_thread;
  }

  const std::function<bool(const FoundFile&)>& is_wanted_;
  OpenDescriptors found_;
};

}  // namespace

Access access_of(int flags) {
  if ((flags & O_PATH) != 0) return Access::None;
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      return Access::Read;
    case O_WRONLY:
      return Access::Write;
    default:
      return Access::ReadWrite;
  }
}

std::optional<FileId> file_at_hand(const char* path) {
  open_how how{.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_CACHED};
  const UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how)));
  struct statx st{};
  if (!fd || ::statx(fd.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &st) != 0)
    return std::nullopt;
  return FileId{.device = makedev(st.stx_dev_major, st.stx_dev_minor), .inode = st.stx_ino};
}

bool identify(OpenDescriptor& descriptor) {
  const UniqueFd process_fd =
      open_directory(AT_FDCWD, fmt::format("/proc/{}", descriptor.process.pid).c_str());
  return process_fd && identify_by(process_fd.get(), descriptor);
}

bool has_flock(const OpenDescriptor& descriptor) {
  const UniqueFd process_fd =
      open_directory(AT_FDCWD, fmt::format("/proc/{}", descriptor.process.pid).c_str());
  if (!process_fd) return false;
  const std::string info = info_of(process_fd.get(), descriptor.fd);
  // "lock:\t1: FLOCK  ADVISORY  WRITE 708 08:01:12345 0 EOF"
  const std::size_t at = info.find("lock:");
  return at != std::string::npos && info.find("FLOCK", at) != std::string::npos;
}

OpenDescriptors find_open_files(const std::function<bool(const FoundFile&)>& is_wanted,
                                const std::stop_token& stop) {
  Search search(is_wanted);
  const UniqueFd proc_fd = open_directory(AT_FDCWD, "/proc");
  const bool can_see = proc_fd && for_each_number(proc_fd.get(), [&](const char* name, int pid) {
                         if (!stop.stop_requested()) search.look_at(proc_fd.get(), name, pid);
                         return !stop.stop_requested();
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
