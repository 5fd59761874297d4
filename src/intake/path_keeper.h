// PathKeeper: reacts to what happens to the FIFO's path while slurper runs.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/backoff.h"
#include "base/event.h"
#include "base/event_loop.h"
#include "base/os.h"
#include "base/settings.h"
#include "fifo/inotify.h"
#include "intake/fifo_set.h"

namespace slurper {

// Which users may open a FIFO.
struct FifoAccess {
  mode_t mode = 0;  // permission bits
  uid_t owner = 0;
  gid_t group = 0;
  bool operator==(const FifoAccess&) const = default;
};

struct AccessChange {
  std::string text;  // "its mode is 0600 now, and was 0660", with the consequence
  bool harmful = false;
};

// Describes a change and its consequence. `permitted`: slurper itself could still open the FIFO for reading
// and writing.
[[nodiscard]] AccessChange describe_change(const FifoAccess& before, const FifoAccess& now, bool permitted);

// Reports the problems that opening `fifo` met and overcame.
void report_opened(const Fifo& fifo, EventListener& events);

// Ensures that a FIFO stands at the path and is read. If the FIFO was removed or renamed, creates a new one
// (if fifo.create permits it). If another FIFO stands at the path, opens that. Retires the old one. If any of
// this fails, reports it once, and retries when something changes at the path or in a folder on the way to
// it. Reports changes of mode and owner, and never undoes them.
//
// If the kernel can't report changes (no inotify instance is left, a folder is unreadable), checks the path
// every second until it can be watched. Nothing else wakes it up without an event.
//
// Belongs to the intake's thread, and joins its loop. The loop's owner calls check_due() when retry_at() is
// reached.
class PathKeeper {
 public:
  using Clock = std::chrono::steady_clock;

  // Calls `replaced` when another FIFO has become the current one, but not during start(). All references
  // outlive it.
  PathKeeper(Os& os, const FifoSettings& settings, FifoSet& fifos, EventLoop& loop, EventListener& events,
             std::function<void()> replaced);
  PathKeeper(const PathKeeper&) = delete;
  PathKeeper& operator=(const PathKeeper&) = delete;
  ~PathKeeper();

  // Starts to watch, and checks the path for the first time. Returns whether another FIFO is the current one
  // now.
  bool start();
  [[nodiscard]] std::optional<Clock::time_point> retry_at() const { return retry_at_; }
  // Call this when retry_at() is reached. Does nothing before that.
  void check_due();
  // Checks the path whatever is known of it: something was mounted, or an operator requests it.
  void check_now();
  // Reports FIFOs that have been closed.
  void report_closed();

 private:
  void serve_events();
  void check(bool announced);
  bool check_path(bool announced);  // announced: an event requests the check
  void check_access();
  void adopt(Fifo next, const std::string& fate);
  void fail_at_path(const Error& error, const std::string& fate);
  void recovered();
  void note_current();
  void arm();
  Status watch();
  Status join_loop(int fd, std::uint32_t events, void (PathKeeper::*handler)());
  [[nodiscard]] std::string fate_of_current() const;
  [[nodiscard]] std::optional<FifoAccess> current_access() const;

  Os& os_;
  FifoSettings settings_;
  FifoSet& fifos_;
  EventLoop& loop_;
  EventListener& events_;
  std::function<void()> replaced_;
  std::optional<FifoInotify> watch_;
  std::optional<MountWatch> mounts_;
  bool is_watched_ = true;
  std::optional<FifoAccess> access_;  // of the current FIFO
  std::string home_;                  // its path when it became the current FIFO, without symbolic links
  std::optional<Error> fault_;        // the last fault that was reported
  std::optional<Clock::time_point> retry_at_;
  Backoff backoff_;
};

}  // namespace slurper
