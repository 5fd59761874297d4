#include "proc/opening_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <climits>
#include <cstdint>
#include <optional>

#include "proc/current_syscall.h"
#include "proc/proc_files.h"

namespace slurper {

namespace {

struct Opening {
  int directory = AT_FDCWD;
  std::uint64_t path = 0;  // an address in that process
  int flags = 0;
};

// At most `size` bytes; less before the first page that can't be read. One page at a time: the kernel reads
// an element completely or not at all.
std::size_t read_memory(pid_t tid, std::uint64_t from, void* to, std::size_t size) {
  constexpr std::uint64_t kPage = 4096;
  std::size_t done = 0;
  while (done < size) {
    const std::size_t piece = std::min<std::uint64_t>(size - done, kPage - (from + done) % kPage);
    const iovec local{.iov_base = static_cast<char*>(to) + done, .iov_len = piece};
    const iovec remote{.iov_base = reinterpret_cast<void*>(from + done), .iov_len = piece};
    if (::process_vm_readv(tid, &local, 1, &remote, 1, 0) != static_cast<ssize_t>(piece)) break;
    done += piece;
  }
  return done;
}

std::optional<Opening> opening_in(const CurrentSyscall& call, pid_t tid) {
  const auto& arguments = call.arguments;
  switch (call.number) {
#ifdef SYS_open
    case SYS_open:
      return Opening{.path = arguments[0], .flags = static_cast<int>(arguments[1])};
    case SYS_creat:
      return Opening{.path = arguments[0], .flags = O_WRONLY};
#endif
    case SYS_openat:
      return Opening{.directory = static_cast<int>(arguments[0]),
                     .path = arguments[1],
                     .flags = static_cast<int>(arguments[2])};
    case SYS_openat2: {
      open_how how{};
      if (read_memory(tid, arguments[2], &how, sizeof how) != sizeof how) return std::nullopt;
      return Opening{.directory = static_cast<int>(arguments[0]),
                     .path = arguments[1],
                     .flags = static_cast<int>(how.flags)};
    }
    default:
      return std::nullopt;
  }
}

bool leads_to(const Opening& opening, int process_fd, pid_t tid, const FileId& wanted) {
  std::string path(PATH_MAX, '\0');
  path.resize(read_memory(tid, opening.path, path.data(), path.size()));
  path.resize(std::min(path.find('\0'), path.size()));
  if (path.empty()) return false;
  std::string from = "root";
  if (path.front() != '/')
    from = opening.directory == AT_FDCWD ? "cwd" : fmt::format("fd/{}", opening.directory);
  struct stat st{};
  return ::fstatat(process_fd, fmt::format("{}/{}", from, path).c_str(), &st, 0) == 0 &&
         FileId{.device = st.st_dev, .inode = st.st_ino} == wanted;
}

Access access_of(int flags) {
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      return Access::Read;
    case O_WRONLY:
      return Access::Write;
    default:
      return Access::ReadWrite;
  }
}

}  // namespace

std::vector<OpeningProcess> find_opening_processes(const FileId& fifo) {
  std::vector<OpeningProcess> found;
  for_each_process([&](int process_fd, pid_t pid) {
    std::optional<Opening> opening;
    for_each_thread(process_fd, [&](int thread_fd, pid_t tid) {
      const auto call = opening ? std::nullopt : current_syscall(thread_fd);
      const auto now = call ? opening_in(*call, tid) : std::nullopt;
      if (now && leads_to(*now, process_fd, tid, fifo)) opening = now;
    });
    const auto stat = opening ? read_process_stat(process_fd) : std::nullopt;
    if (!stat) return;
    found.push_back({.process = {.pid = pid, .start_time = stat->start_time},
                     .command = stat->command,
                     .access = access_of(opening->flags)});
  });
  return found;
}

}  // namespace slurper
