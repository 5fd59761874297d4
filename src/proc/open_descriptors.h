// Finds the processes that have a file open: lsof(8) for one inode.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstddef>
#include <cstdint>
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

// One open descriptor.
struct OpenDescriptor {
  ProcessId process;
  pid_t parent = 0;
  std::string command;  // as in proc_pid_comm(5): up to 15 bytes, chosen by the process
  int fd = -1;
  Access access = Access::None;
};

struct OpenDescriptors {
  std::vector<OpenDescriptor> open;  // sorted by process, then by descriptor
  // Processes that may have it open, too: they are another user's, and slurper may not see their descriptors.
  std::size_t unseen = 0;
  // /proc is mounted with hidepid= (ProtectProc= in a unit): it does not even list other users' processes.
  bool others_hidden = false;

  [[nodiscard]] bool complete() const { return unseen == 0 && !others_hidden; }
};

// Searches /proc for open descriptors of the inode, and leaves out those of the calling process. Compares
// device and inode, never a link's text. Opens none of the files it finds, and does not wait for network file
// systems. Takes a few microseconds for each descriptor on the machine, so the intake's thread must not call
// it. Ends early if `stop` requests it. A process that ends meanwhile is no error. Any thread may call it.
[[nodiscard]] OpenDescriptors find_open_descriptors(dev_t device, ino_t inode,
                                                    const std::stop_token& stop = {});

}  // namespace slurper
