#include "proc/opening_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "proc/current_syscall.h"
#include "proc/proc_files.h"

namespace slurper {

namespace {

constexpr std::array kOpeningCalls = {
#ifdef SYS_open
    static_cast<long>(SYS_open), static_cast<long>(SYS_creat),
#endif
    static_cast<long>(SYS_openat), static_cast<long>(SYS_openat2)};

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

// Goes along a path as another process does, from its folder and in its root. Never waits for a file server:
// each step takes what the kernel has at hand. RESOLVE_CACHED for the whole path would follow no symbolic
// link.
class PathWalk {
 public:
  PathWalk(int root_fd, UniqueFd start_fd) : root_fd_(root_fd), at_fd_(std::move(start_fd)) {}

  std::optional<FileId> to(std::string path) {
    constexpr int kMostLinks = 40;  // MAXSYMLINKS of the kernel
    int links = 0;
    while (!path.empty()) {
      if (path.front() == '/') at_fd_ = at_hand(root_fd_, ".");
      path.erase(0, path.find_first_not_of('/'));
      const std::string name = path.substr(0, path.find('/'));
      path.erase(0, std::min(path.find_first_not_of('/', name.size()), path.size()));
      if (name.empty()) break;
      if (!at_fd_) return std::nullopt;
      if (name == ".." && file_of(at_fd_.get()) == file_of(root_fd_)) continue;
      UniqueFd next_fd = at_hand(at_fd_.get(), name.c_str());
      if (!next_fd) return std::nullopt;
      // Empty unless it is a symbolic link.
      const std::string target = read_link(next_fd.get(), "");
      if (!target.empty() && ++links > kMostLinks) return std::nullopt;
      if (target.empty()) at_fd_ = std::move(next_fd);
      if (!target.empty()) path = path.empty() ? target : target + '/' + path;
    }
    return at_fd_ ? file_of(at_fd_.get()) : std::nullopt;
  }

 private:
  static UniqueFd at_hand(int directory_fd, const char* name) {
    open_how how{.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_CACHED};
    return UniqueFd(static_cast<int>(::syscall(SYS_openat2, directory_fd, name, &how, sizeof how)));
  }
  static std::optional<FileId> file_of(int fd) {
    struct statx st{};
    if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO | STATX_TYPE, &st) != 0)
      return std::nullopt;
    return FileId{.device = makedev(st.stx_dev_major, st.stx_dev_minor), .inode = st.stx_ino};
  }

  int root_fd_;
  UniqueFd at_fd_;
};

bool leads_to(const Opening& opening, int process_fd, pid_t tid, const FileId& wanted) {
  std::string path(PATH_MAX, '\0');
  path.resize(read_memory(tid, opening.path, path.data(), path.size()));
  path.resize(std::min(path.find('\0'), path.size()));
  if (path.empty()) return false;
  const std::string from = opening.directory == AT_FDCWD ? "cwd" : fmt::format("fd/{}", opening.directory);
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const UniqueFd root_fd(::openat(process_fd, "root", kFlags));
  UniqueFd start_fd(path.front() == '/' ? -1 : ::openat(process_fd, from.c_str(), kFlags));
  return root_fd && PathWalk(root_fd.get(), std::move(start_fd)).to(std::move(path)) == wanted;
}

// What the thread waits to open, if that is the FIFO.
std::optional<Opening> opening_of(int process_fd, int thread_fd, pid_t tid, const FileId& fifo) {
  const auto call = current_syscall(thread_fd);
  const auto opening = call ? opening_in(*call, tid) : std::nullopt;
  return opening && leads_to(*opening, process_fd, tid, fifo) ? opening : std::nullopt;
}

// Those in a call that opens, of the process whose folder in /proc is `name`. Most processes have one thread,
// and then one small file says it.
std::vector<pid_t> threads_that_open(int proc_fd, const char* name, pid_t pid) {
  const auto opens = [](const std::string& text) {
    const auto call = parse_current_syscall(text);
    return call && std::ranges::find(kOpeningCalls, static_cast<long>(call->number)) != kOpeningCalls.end();
  };
  struct stat st{};
  constexpr nlink_t kOneThread = 3;  // of a folder with one in it
  if (::fstatat(proc_fd, fmt::format("{}/task", name).c_str(), &st, 0) != 0) return {};
  if (st.st_nlink <= kOneThread)
    return opens(read_small(proc_fd, fmt::format("{}/syscall", name).c_str())) ? std::vector{pid}
                                                                               : std::vector<pid_t>();
  std::vector<pid_t> tids;
  const UniqueFd process_fd = open_directory(proc_fd, name);
  if (!process_fd) return tids;
  for_each_thread(process_fd.get(), [&](int thread_fd, pid_t tid) {
    if (opens(read_small(thread_fd, "syscall"))) tids.push_back(tid);
  });
  return tids;
}

void add_process(std::vector<OpeningProcess>& found, int process_fd, pid_t pid, const Opening& opening) {
  const auto stat = read_process_stat(process_fd);
  if (!stat) return;
  found.push_back({.process = {.pid = pid, .start_time = stat->start_time},
                   .command = stat->command,
                   .access = access_of(opening.flags)});
}

}  // namespace

std::vector<OpeningProcess> find_opening_processes(const FileId& fifo) {
  std::vector<OpeningProcess> found;
  const UniqueFd proc_fd = open_directory(AT_FDCWD, "/proc");
  if (!proc_fd) return found;
  (void)for_each_number(proc_fd.get(), [&](const char* name, int pid) {
    for (const pid_t tid : threads_that_open(proc_fd.get(), name, pid)) {
      const ThreadId thread{.pid = pid, .tid = tid};
      std::vector<OpeningProcess> one = find_opening_processes(fifo, std::span(&thread, 1));
      if (one.empty()) continue;
      found.push_back(std::move(one.front()));
      break;
    }
    return true;
  });
  return found;
}

std::vector<OpeningProcess> find_opening_processes(const FileId& fifo, std::span<const ThreadId> among) {
  std::vector<OpeningProcess> found;
  for (const ThreadId& thread : among) {
    const UniqueFd process_fd = open_directory(AT_FDCWD, fmt::format("/proc/{}", thread.pid).c_str());
    if (!process_fd) continue;
    const UniqueFd thread_fd = open_directory(process_fd.get(), fmt::format("task/{}", thread.tid).c_str());
    if (!thread_fd || (!found.empty() && found.back().process.pid == thread.pid)) continue;
    if (const auto opening = opening_of(process_fd.get(), thread_fd.get(), thread.tid, fifo))
      add_process(found, process_fd.get(), thread.pid, *opening);
  }
  return found;
}

}  // namespace slurper
