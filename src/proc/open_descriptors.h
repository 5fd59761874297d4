// Finds the processes that have a file open: lsof(8) for one inode.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace slurper {

// What a descriptor lets its process do. None: opened with O_PATH, it can neither read nor write.
enum class Access { None, Read, Write, ReadWrite };

// Identifies a process for as long as the machine runs: the kernel reuses pids, but with another start time.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot (proc_pid_stat(5))
  auto operator<=>(const ProcessId&) const = default;
};

// Identifies a file for as long as it exists.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  auto operator<=>(const FileId&) const = default;
};

// One open descriptor.
struct OpenDescriptor {
  ProcessId process;
  pid_t parent = 0;
  std::string command;  // as in proc_pid_comm(5): up to 15 bytes, chosen by the process
  int fd = -1;
  Access access = Access::None;
  FileId file = {};
  int flags = 0;  // as in open(2): O_NONBLOCK, O_CLOEXEC
};

struct OpenDescriptors {
  std::vector<OpenDescriptor> open;  // sorted by process, then by descriptor
  // Processes that may have it open, too: this process may not list their descriptors (those of another
  // user), or not follow them (as root without CAP_SYS_PTRACE).
  std::vector<pid_t> unseen = {};
  // /proc is mounted with hidepid= (ProtectProc= in a unit): it does not even list other users' processes.
  bool others_hidden = false;

  [[nodiscard]] bool complete() const { return unseen.empty() && !others_hidden; }
};

// An open file, before it is known whether the search is for it.
struct FoundFile {
  pid_t pid = 0;
  FileId id;
  mode_t mode = 0;                    // its type alone
  std::function<std::string()> path;  // what its link in /proc/PID/fd says
};

// What the flags of open(2) let a descriptor do.
[[nodiscard]] Access access_of(int flags);

// The file at a path that a process is using at this moment, without waiting for a file server: the kernel
// has such a path at hand, and RESOLVE_CACHED finds it. Where a process waits for a server that does not
// answer, it has not, and this is empty, as with a path that has a symbolic link.
[[nodiscard]] std::optional<FileId> file_at_hand(const char* path);

// Fills in the process's name, parent and start, by its pid. False if the process has ended.
bool identify(OpenDescriptor& descriptor);

// Whether a flock(2) was acquired by way of its open file. False if this process may not see that.
[[nodiscard]] bool has_flock(const OpenDescriptor& descriptor);

// Searches /proc for open descriptors of the files that `is_wanted` picks. Opens none of the files it finds,
// and does not wait for network file systems. Takes a few microseconds for each descriptor on the machine, so
// the intake's thread must not call it. Ends early if `stop` requests it. A process that ends meanwhile is no
// error. Any thread may call it.
[[nodiscard]] OpenDescriptors find_open_files(const std::function<bool(const FoundFile&)>& is_wanted,
                                              const std::stop_token& stop = {});

// The same for one inode, without the descriptors of the calling process. Compares device and inode, never a
// link's text.
[[nodiscard]] OpenDescriptors find_open_descriptors(dev_t device, ino_t inode,
                                                    const std::stop_token& stop = {});

}  // namespace slurper
