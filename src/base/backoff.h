// Backoff: how long to wait before a failed operation is tried again.
#pragma once

#include <algorithm>
#include <chrono>

namespace slurper {

// The wait doubles with each failure in a row, from `first` up to `last`. For one thread.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds last) : first_(first), last_(last) {}

  // Call this when the operation has succeeded: the next failure is the first of a row.
  void reset() { wait_ = {}; }
  // Call this when the operation has failed. Returns wait().
  std::chrono::milliseconds failed() {
    return wait_ = std::clamp(2 * wait_, first_, std::max(first_, last_));
  }

  // How long to wait after the last failure; 0 before the first.
  [[nodiscard]] std::chrono::milliseconds wait() const { return wait_; }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds last_;
  std::chrono::milliseconds wait_{0};
};

}  // namespace slurper
