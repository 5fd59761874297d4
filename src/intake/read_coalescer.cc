#include "intake/read_coalescer.h"

#include <algorithm>

namespace slurper {

namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

// No line waits in the pipe for longer than 2 ms: the pause, and what the kernel's timer adds to it.
constexpr microseconds kLongestPause = 1500us;
constexpr microseconds kShortestPause = 300us;
// The fastest rate at which a writer was seen to fill a pipe with lines of 150 bytes, plus a margin. At this
// rate, a pause never fills more than half of the pipe.
constexpr std::uint64_t kFastestWriterBytesPerMs = 350'000;
// Wake-ups that are closer together than this are worth a pause: a timed sleep costs about four of them.
constexpr microseconds kQuickWake = 300us;
constexpr int kQuickWakes = 3;
constexpr std::uint64_t kWorthAPause = 3;         // times the bytes of a wake-up
constexpr std::uint64_t kLongestUsualWake = 512;  // one wake-up may find more than one line
constexpr std::uint64_t kBurst = 16384;           // a wake-up that finds this much is in the middle of a
                                                  // burst

}  // namespace

ReadCoalescer::ReadCoalescer(std::uint64_t pipe_size) : target_(pipe_size / 4) {
  const microseconds until_half_full(pipe_size / 2 * 1000 / kFastestWriterBytesPerMs);
  max_pause_ = std::min(kLongestPause, until_half_full);
  if (max_pause_ < kShortestPause) max_pause_ = 0us;
}

microseconds ReadCoalescer::after_read(std::uint64_t bytes, Clock::time_point now) {
  const auto elapsed = std::max(std::chrono::duration_cast<microseconds>(now - last_read_), 1us);
  last_read_ = now;
  if (max_pause_ == 0us) return 0us;
  if (!gathering_) {
    quick_wakes_ = elapsed < kQuickWake ? quick_wakes_ + 1 : 0;
    usual_wake_ = std::min(bytes, kLongestUsualWake);
    if (quick_wakes_ < kQuickWakes && bytes < kBurst) return 0us;
    gathering_ = true;
    quick_wakes_ = 0;
    return kShortestPause;
  }
  if (bytes < kWorthAPause * usual_wake_) {
    gathering_ = false;
    return 0us;
  }
  const microseconds until_target(target_ * static_cast<std::uint64_t>(elapsed.count()) / bytes);
  return std::clamp(until_target, kShortestPause, max_pause_);
}

}  // namespace slurper
