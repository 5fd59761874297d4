#include "service/watchdog.h"

#include <fmt/format.h>
#include <sys/syscall.h>

#include <charconv>
#include <fstream>
#include <string>

namespace slurper {

ThreadState thread_state(pid_t tid) {
  // "running", or the number of the system call (-1: none, it waits for a page) and its arguments: proc(5).
  std::ifstream file(fmt::format("/proc/self/task/{}/syscall", tid));
  std::string first;
  if (!(file >> first)) return ThreadState::WaitsForTheKernel;
  if (first == "running") return ThreadState::Running;
  return first == std::to_string(SYS_futex) ? ThreadState::WaitsForAThread : ThreadState::WaitsForTheKernel;
}

StallDetector::Verdict StallDetector::judge(std::uint64_t steps, bool has_work, Clock::time_point now) {
  const bool moved = steps != steps_ || !had_work_;
  steps_ = steps;
  had_work_ = has_work;
  if (moved || !has_work) {
    since_ = now;
    at_the_disk_ = now;
    return Verdict::Lives;
  }
  if (now - since_ < kLongestStep) return Verdict::Lives;
  if (look_() == ThreadState::WaitsForTheKernel) {
    at_the_disk_ = now;
    return Verdict::WaitsForTheDisk;
  }
  // The disk may have answered just now: the step that follows gets its time.
  return now - at_the_disk_ < kLongestStep ? Verdict::Lives : Verdict::Hangs;
}

}  // namespace slurper
