// Who has a file open: lsof(8) for one inode.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace slurper {

// What a descriptor lets its process do. None: one opened with O_PATH, which neither reads nor writes.
enum class Access { None, Read, Write, ReadWrite };

// A process's name for as long as the machine runs: pids are used again, with another start time.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot (proc_pid_stat(5))
  auto operator<=>(const ProcessId&) const = default;
};

// One open descriptor.
struct OpenDescriptor {
  ProcessId process;
  pid_t parent = 0;
  std::string command;  // as proc_pid_comm(5) has it: up to 15 bytes, of the process's own choosing
  int fd = -1;
  Access access = Access::None;
};

struct OpenDescriptors {
  std::vector<OpenDescriptor> open;  // by process, then descriptor
  // Processes that may hold it, too: another user's, whose descriptors slurper may not see.
  std::size_t unseen = 0;
  // /proc is mounted with hidepid= (ProtectProc= in a unit): it does not even tell which others there are.
  bool others_hidden = false;

  [[nodiscard]] bool complete() const { return unseen == 0 && !others_hidden; }
};

// Looks through /proc for descriptors of the inode; the calling process's own are left out. Compares device
// and inode, never a link's text, and opens none of what it finds; it does not wait for network file systems.
// Takes a few microseconds for each descriptor on the machine, so it is nothing for the intake's thread; ends
// early where `stop` says so. A process that ends meanwhile is no error. Any thread may call it.
[[nodiscard]] OpenDescriptors find_open_descriptors(dev_t device, ino_t inode,
                                                    const std::stop_token& stop = {});

}  // namespace slurper
