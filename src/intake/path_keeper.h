// What becomes of the FIFO's path while slurper runs.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/message_limit.h"
#include "base/os.h"
#include "base/settings.h"
#include "base/troubles.h"
#include "fifo/inotify.h"
#include "intake/fifo_set.h"

namespace slurper {

// Who may open a FIFO.
struct FifoAccess {
  mode_t mode = 0;  // permission bits
  uid_t owner = 0;
  gid_t group = 0;
  bool operator==(const FifoAccess&) const = default;
};

struct AccessChange {
  std::string text;  // "its mode is 0600 now, and was 0660"; with what follows from it
  bool harmful = false;
};

// What a change means. `permitted`: slurper itself could still open it for reading and writing.
[[nodiscard]] AccessChange describe_change(const FifoAccess& before, const FifoAccess& now, bool permitted);

// Sees to it that a FIFO stands at the path and is read: one that was removed or renamed is made anew (if
// fifo.create allows it), one that has taken its place is opened; the old one is retired. If that can't be
// done, it says so once, and tries again when something changes at the path or in a folder on its way.
// Changes of mode and owner are reported, never undone.
//
// What the kernel can't report (no inotify instance is left, a folder may not be read) is found by a look
// every second, until it can be watched; nothing else wakes it up by itself.
//
// Belongs to the intake's thread: wait for fd() and mounts_fd() in `epoll_fd`, where they are put when they
// can be had, and for retry_at(); then call look().
class PathKeeper {
 public:
  using Clock = std::chrono::steady_clock;

  PathKeeper(Os& os, const FifoSettings& settings, FifoSet& fifos, int epoll_fd, Troubles& troubles);

  // Begins to watch, and looks for the first time: true as for look().
  bool start();
  // -1: there is none.
  [[nodiscard]] int fd() const { return watch_ ? watch_->fd() : -1; }
  [[nodiscard]] int mounts_fd() const { return mounts_ ? mounts_->fd() : -1; }
  [[nodiscard]] std::optional<Clock::time_point> retry_at() const { return retry_at_; }
  // fd() is readable, or it is time. Whether another FIFO is the current one now.
  bool look();
  // Looks at the path whatever is known of it: mounts_fd() has told of a mount, or an operator asks for it.
  bool check_now() { return check_path(false); }
  // Closed FIFOs are told.
  void report_closed();

 private:
  bool check_path(bool told);  // told: by an event
  void check_access();
  void take(Fifo next, const std::string& how_lost);
  void fail_at_path(const Error& error, const std::string& how_lost);
  void recovered();
  void note_current();
  void arm();
  Status watch();
  void wait_for(int fd, std::uint32_t events) const;
  [[nodiscard]] std::string how_lost() const;
  [[nodiscard]] std::optional<FifoAccess> current_access() const;

  Os& os_;
  FifoSettings settings_;
  FifoSet& fifo_set_;
  int epoll_fd_;
  Troubles& troubles_;
  std::optional<FifoInotify> watch_;
  std::optional<MountWatch> mounts_;
  std::string unwatched_;             // why changes of the path can't be watched
  std::optional<FifoAccess> access_;  // of the current one
  std::string home_;                  // its name when it became that, without symbolic links
  std::string fault_;                 // what was said of it
  std::optional<Clock::time_point> retry_at_;
  std::chrono::seconds backoff_{};
  MessageLimit path_changes_{5, std::chrono::minutes(1)};
  MessageLimit watch_changes_{5, std::chrono::minutes(1)};
  MessageLimit faults_{5, std::chrono::minutes(1)};
  MessageLimit access_changes_{5, std::chrono::minutes(1)};
  MessageLimit closings_{5, std::chrono::minutes(1)};
};

}  // namespace slurper
