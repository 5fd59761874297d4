// What happens to the FIFO, as the kernel reports it: inotify(7).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "base/fd.h"
#include "base/thread_owner.h"
#include "slurper/result.h"

namespace slurper {

// A batch of events. Only the counts of opens and closes have a size that matters. The kernel does not report
// which process caused an event.
struct FifoEvents {
  std::uint32_t opens = 0;
  std::uint32_t write_closes = 0;  // of descriptors that could write: O_WRONLY, O_RDWR
  std::uint32_t read_closes = 0;   // of descriptors that could only read
  bool attributes = false;         // mode, owner, or the number of its names (unlinked: IN_ATTRIB) changed
  bool path = false;               // the path may lead to something else now
  bool overflow = false;           // the kernel dropped some events: check everything again

  FifoEvents& operator+=(const FifoEvents& other);
  bool operator==(const FifoEvents&) const = default;
};

// The steps of a path, by watch descriptor: folders and symbolic links. If the next part is missing in a
// folder or can't be watched, the folder has the names that matter in it.
using WatchedSteps = std::map<int, std::set<std::string, std::less<>>>;

// What the watch descriptors of an inotify instance stand for.
struct WatchedNames {
  int inode = -1;
  WatchedSteps steps;
};

// Decodes the events in `buffer`, as read(2) returns them. Ignores those of other watches (such as one that
// was just removed) and of other names.
[[nodiscard]] FifoEvents decode_events(std::span<const char> buffer, const WatchedNames& names);

// An inotify instance for one FIFO. Never requests IN_MODIFY, which comes with every line. Used by one
// thread. A crash loses it; the next start needs nothing of it.
class FifoInotify {
 public:
  // Errors: Io (from inotify_init1(2)).
  static Result<FifoInotify> open();

  // Watches opens and closes of the inode that `fifo_fd` has open, whatever its path is. Replaces the inode
  // watched before.
  Status watch_users(int fifo_fd);
  // Watches changes to the inode, and to where `path` leads. Replaces those watched before. Every folder and
  // symbolic link on the path has its own watch, so that changes beside them make no event. If a part is
  // missing or unreadable, the folder that holds it is watched for its name. Call this again whenever the
  // path may lead elsewhere, and check the path after the call: earlier changes make no event. A mount makes
  // no event at all (see MountWatch). Errors: from inotify_add_watch(2); everything that can be watched is
  // watched even then.
  Status watch_path(int fifo_fd, const std::string& path);

  [[nodiscard]] int fd() const { return inotify_fd_.get(); }
  // All events that are pending; never waits.
  [[nodiscard]] FifoEvents read();

 private:
  explicit FifoInotify(UniqueFd inotify_fd) : inotify_fd_(std::move(inotify_fd)) {}
  Status watch_inode(int fifo_fd, std::uint32_t mask);
  Status watch_steps(const std::string& path, bool inode_is_watched, WatchedSteps& steps) const;
  [[nodiscard]] int add(int fd, std::uint32_t mask) const;
  void remove(int watch) const;

  ThreadOwner reader_;
  UniqueFd inotify_fd_;
  WatchedNames names_;
};

// Reports a mount or unmount anywhere in slurper's mount namespace: it may cover or uncover a part of the
// FIFO's path. Used by one thread.
class MountWatch {
 public:
  // Errors: from open(2) of /proc/self/mountinfo.
  static Result<MountWatch> open();

  // Wait for EPOLLPRI (proc_pid_mountinfo(5)). The wait itself consumes the event: there is nothing to read.
  [[nodiscard]] int fd() const { return mountinfo_fd_.get(); }

 private:
  explicit MountWatch(UniqueFd mountinfo_fd) : mountinfo_fd_(std::move(mountinfo_fd)) {}

  UniqueFd mountinfo_fd_;
};

}  // namespace slurper
