// What becomes of the FIFO's path while slurper runs.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/event.h"
#include "base/event_loop.h"
#include "base/os.h"
#include "base/settings.h"
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

// Reports what opening `fifo` has met and gone on in spite of.
void report_opened(const Fifo& fifo, EventListener& events);

// Sees to it that a FIFO stands at the path and is read: one that was removed or renamed is made anew (if
// fifo.create allows it), one that has taken its place is opened; the old one is retired. If that can't be
// done, it says so once, and tries again when something changes at the path or in a folder on its way.
// Changes of mode and owner are reported, never undone.
//
// What the kernel can't report (no inotify instance is left, a folder may not be read) is found by a look
// every second, until it can be watched; nothing else wakes it up by itself.
//
// Belongs to the intake's thread, whose loop it joins; the loop's owner calls check_due() when retry_at() has
// come.
class PathKeeper {
 public:
  using Clock = std::chrono::steady_clock;

  // `replaced` is called when another FIFO has become the current one, but not by start(). All references
  // outlive it.
  PathKeeper(Os& os, const FifoSettings& settings, FifoSet& fifos, EventLoop& loop, EventListener& events,
             std::function<void()> replaced);
  PathKeeper(const PathKeeper&) = delete;
  PathKeeper& operator=(const PathKeeper&) = delete;
  ~PathKeeper();

  // Begins to watch, and checks the path for the first time. Whether another FIFO is the current one now.
  bool start();
  [[nodiscard]] std::optional<Clock::time_point> retry_at() const { return retry_at_; }
  // retry_at() has come, or not: then it does nothing.
  void check_due();
  // Checks the path whatever is known of it: something was mounted, or an operator asks for it.
  void check_now();
  // Reports FIFOs that have been closed.
  void report_closed();

 private:
  void serve_events();
  void check(bool announced);
  bool check_path(bool announced);  // announced: by an event
  void check_access();
  void adopt(Fifo next, const std::string& fate);
  void fail_at_path(const Error& error, const std::string& fate);
  void recovered();
  void note_current();
  void arm();
  Status watch();
  void join_loop(int fd, std::uint32_t events, void (PathKeeper::*handler)());
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
  std::optional<FifoAccess> access_;  // of the current one
  std::string home_;                  // its name when it became that, without symbolic links
  std::string fault_;                 // what was said of it
  std::optional<Clock::time_point> retry_at_;
  std::chrono::seconds backoff_{};
};

}  // namespace slurper
