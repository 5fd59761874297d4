// What happens to the FIFO, told by the kernel: inotify(7).
#pragma once

#include <cstdint>
#include <span>
#include <string>

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

// What the watch descriptors of an inotify instance stand for.
struct WatchedNames {
  int inode = -1;
  int folder = -1;
  std::string name;  // in the folder
};

// The events in `buffer`, as read(2) gives them. Those of other watches (one that was just removed) and of
// other names do not count.
[[nodiscard]] FifoEvents decode_events(std::span<const char> buffer, const WatchedNames& names);

// An inotify instance for one FIFO. Never asks for IN_MODIFY, which comes with every line. One thread.
// Nothing of it survives a crash, and nothing needs to.
class FifoWatch {
 public:
  // Errors: Io (as inotify_init1(2)).
  static Result<FifoWatch> open();

  // Who opens and closes the inode that `fifo_fd` has open, whatever its path is; instead of the one before.
  Status watch_visitors(int fifo_fd);
  // What becomes of the inode, and of the path where something else is there; instead of those before. Where
  // the path's folder is missing, the nearest one above it is watched until it comes: then call this again,
  // and so whenever the path has become another's. Look at the path after the call: what happened before it
  // makes no event. That a folder above the FIFO is renamed makes none either. Errors: as
  // inotify_add_watch(2); the inode may be watched nevertheless.
  Status watch_path(int fifo_fd, const std::string& path);

  [[nodiscard]] int fd() const { return inotify_fd_.get(); }
  // All there are now; never waits.
  [[nodiscard]] FifoEvents read();

 private:
  explicit FifoWatch(UniqueFd inotify_fd) : inotify_fd_(std::move(inotify_fd)) {}
  Status watch_inode(int fifo_fd, std::uint32_t mask);
  void replace(int& watch, int by) const;

  UniqueFd inotify_fd_;
  WatchedNames names_;
};

}  // namespace slurper
