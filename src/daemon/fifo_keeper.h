// What becomes of the FIFO's path while slurper runs.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "base/message_limit.h"
#include "base/os.h"
#include "base/settings.h"
#include "daemon/fifos.h"
#include "fifo/watch.h"

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

// Sees to it that a FIFO stands at the path and is read: one that was removed or renamed is made anew (where
// fifo.create allows it), one that has taken its place is opened; the old one is retired. Where that can't
// be, says so once, and tries again when something changes at the path. Changes of mode and owner are told,
// never undone.
//
// Belongs to the intake's thread: wait for fd() to be readable, or for retry_at(), then call look().
class FifoKeeper {
 public:
  using Clock = std::chrono::steady_clock;

  FifoKeeper(Os& os, const FifoSettings& settings, Fifos& fifos);

  // Begins to watch, and looks for the first time: true as for look().
  bool start();
  // -1: there is nothing to wait for.
  [[nodiscard]] int fd() const { return watch_ ? watch_->fd() : -1; }
  [[nodiscard]] std::optional<Clock::time_point> retry_at() const { return retry_at_; }
  // Whether another FIFO is the current one now.
  bool look();
  // Closed FIFOs are told.
  void report_closed();
  // The path leads to no FIFO that is read.
  [[nodiscard]] bool path_is_lost() const { return !fault_.empty(); }

 private:
  bool look_at_path(bool told);  // told: by an event
  void look_at_access();
  void take(Fifo next, const std::string& how_lost);
  void fail_at_path(const Error& error, const std::string& how_lost);
  void recovered();
  void arm();
  [[nodiscard]] std::string how_lost() const;
  [[nodiscard]] std::optional<FifoAccess> current_access() const;

  Os& os_;
  FifoSettings settings_;
  Fifos& fifos_;
  std::optional<FifoWatch> watch_;
  bool watch_failing_ = false;
  std::optional<FifoAccess> access_;
  std::string fault_;  // what was said of it
  std::optional<Clock::time_point> retry_at_;
  std::chrono::seconds backoff_{};
  MessageLimit path_changes_{5, std::chrono::minutes(1)};
  MessageLimit faults_{5, std::chrono::minutes(1)};
  MessageLimit access_changes_{5, std::chrono::minutes(1)};
  MessageLimit closings_{5, std::chrono::minutes(1)};
};

}  // namespace slurper
