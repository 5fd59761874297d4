#include "proc/listening_sockets.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "proc/proc_files.h"

namespace slurper {

namespace {

constexpr unsigned kAcceptsConnections = 1 << 16;  // __SO_ACCEPTCON, include/linux/net.h

// The links in /proc/PID/fd that name a socket: "socket:[4711]"; nothing if this user may not see them.
std::optional<std::set<std::string>> sockets_of(int process_fd) {
  std::set<std::string> sockets;
  UniqueFd folder_fd = open_directory(process_fd, "fd");
  const int fd = folder_fd.get();
  const Directory folder = entries_of(std::move(folder_fd));
  if (!folder) return errno == EACCES ? std::nullopt : std::optional(sockets);
  while (const dirent* const entry = ::readdir(folder.get())) {
    if (std::string link = read_link(fd, entry->d_name); link.starts_with("socket:"))
      sockets.insert(std::move(link));
  }
  return sockets;
}

// Lines of /proc/PID/net/unix, of the process's network namespace: "Num RefCount Protocol Flags Type St Inode
// Path" (proc_pid_net(5)). The path goes on to the end of the line.
void append_listening(pid_t pid, const std::set<std::string>& sockets, std::vector<std::string>& paths) {
  std::ifstream lines(fmt::format("/proc/{}/net/unix", pid));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    std::string flags;
    std::string inode;
    std::string path;
    words >> word >> word >> word >> flags >> word >> word >> inode >> std::ws;
    std::getline(words, path);
    const auto bits = parse_number<unsigned>(flags, 16);
    if (bits && (*bits & kAcceptsConnections) != 0 && path.starts_with('/') &&
        sockets.contains(fmt::format("socket:[{}]", inode)))
      paths.push_back(std::move(path));
  }
}

}  // namespace

ListeningSockets listening_sockets_of(std::string_view command) {
  ListeningSockets found;
  UniqueFd proc_fd = open_directory(AT_FDCWD, "/proc");
  const int fd = proc_fd.get();
  const Directory proc = entries_of(std::move(proc_fd));
  if (!proc) return found;
  while (const dirent* const entry = ::readdir(proc.get())) {
    const auto pid = number_of(entry->d_name);
    if (!pid) continue;
    const UniqueFd process_fd = open_directory(fd, entry->d_name);
    const auto stat = read_process_stat(process_fd.get());
    if (!stat || stat->command != command) continue;
    if (const auto sockets = sockets_of(process_fd.get())) {
      append_listening(*pid, *sockets, found.paths);
    } else {
      ++found.unseen;
    }
  }
  return found;
}

}  // namespace slurper
