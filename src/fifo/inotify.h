// What happens to the FIFO, told by the kernel: inotify(7).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "base/fd.h"
#include "slurper/result.h"

namespace slurper {

// A batch of events. Only the counts of opens and closes bear an order of magnitude; which process it was,
// the kernel does not say.
struct FifoEvents {
  std::uint32_t opens = 0;
  std::uint32_t write_closes = 0;  // of descriptors that could write: O_WRONLY, O_RDWR
  std::uint32_t read_closes = 0;   // of those that could only read
  bool attributes = false;  // mode, owner, or the number of its names (unlinked: IN_ATTRIB) has changed
  bool path = false;        // what stands at the path may be something else now
  bool overflow = false;    // some were lost: look at everything again

  FifoEvents& operator+=(const FifoEvents& other);
  bool operator==(const FifoEvents&) const = default;
};

// What a path leads through, by watch descriptor: folders and symbolic links, and for a folder in which the
// next part is missing or can't be watched, the names that matter in it.
using WatchedSteps = std::map<int, std::set<std::string, std::less<>>>;

// What the watch descriptors of an inotify instance stand for.
struct WatchedNames {
  int inode = -1;
  WatchedSteps steps;
};

// The events in `buffer`, as read(2) gives them. Those of other watches (one that was just removed) and of
// other names do not count.
[[nodiscard]] FifoEvents decode_events(std::span<const char> buffer, const WatchedNames& names);

// An inotify instance for one FIFO. Never asks for IN_MODIFY, which comes with every line. One thread.
// Nothing of it survives a crash, and nothing needs to.
class FifoInotify {
 public:
  // Errors: Io (as inotify_init1(2)).
  static Result<FifoInotify> open();

  // Who opens and closes the inode that `fifo_fd` has open, whatever its path is; instead of the one before.
  Status watch_users(int fifo_fd);
  // What becomes of the inode, and of where `path` leads; instead of those before. Every folder and symbolic
  // link on its way is watched itself, so that what else comes and goes beside them makes no event; if a part
  // is missing, or may not be read, the folder that holds it is watched for its name. Call it again whenever
  // the path may lead elsewhere, and look at the path after the call: what happened before it makes no event.
  // A mount makes none at all (MountWatch). Errors: as inotify_add_watch(2); all that can be watched is
  // watched nevertheless.
  Status watch_path(int fifo_fd, const std::string& path);

  [[nodiscard]] int fd() const { return inotify_fd_.get(); }
  // All there are now; never waits.
  [[nodiscard]] FifoEvents read();

 private:
  explicit FifoInotify(UniqueFd inotify_fd) : inotify_fd_(std::move(inotify_fd)) {}
  Status watch_inode(int fifo_fd, std::uint32_t mask);
  Status watch_steps(const std::string& path, bool inode_is_watched, WatchedSteps& steps) const;
  [[nodiscard]] int add(int fd, std::uint32_t mask) const;
  void remove(int watch) const;

  UniqueFd inotify_fd_;
  WatchedNames names_;
};

// Tells that something was mounted or unmounted anywhere in slurper's mount namespace: it may cover a part of
// the FIFO's path, or uncover it. One thread.
class MountWatch {
 public:
  // Errors: as open(2) of /proc/self/mountinfo.
  static Result<MountWatch> open();

  // Wait for EPOLLPRI (proc_pid_mountinfo(5)). The wait itself takes the event: there is nothing to read.
  [[nodiscard]] int fd() const { return mountinfo_fd_.get(); }

 private:
  explicit MountWatch(UniqueFd mountinfo_fd) : mountinfo_fd_(std::move(mountinfo_fd)) {}

  UniqueFd mountinfo_fd_;
};

}  // namespace slurper
