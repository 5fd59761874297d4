#include "base/message_limit.h"

#include <algorithm>
#include <utility>

namespace slurper {

using namespace std::chrono_literals;

std::optional<std::uint64_t> MessageLimit::admit(Clock::time_point now) {
  if (now >= window_end_) {
    const bool quiet_again = now >= window_end_ + window_;
    if (refused_ == 0 || quiet_again) {
      window_ = first_window_;
      said_ = 0;
    } else {
      window_ = std::min<Clock::duration>(2 * window_, 1h);
      said_ = burst_ - 1;
    }
    window_end_ = now + window_;
  }
  if (said_ == burst_) {
    ++refused_;
    return std::nullopt;
  }
  ++said_;
  return std::exchange(refused_, 0);
}

}  // namespace slurper
