// IntakeDesk: lets another thread have something done by the intake's thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace slurper {

// The state of the FIFO and the sinks belongs to the intake's thread. It looks at the desk between two reads,
// at the price of one load, so whoever asks neither holds it up nor needs a lock on the path of the data.
class IntakeDesk {
 public:
  // `wake` ends the intake's wait for events.
  explicit IntakeDesk(std::function<void()> wake) : wake_(std::move(wake)) {}

  // Any other thread, one after the other: has `job` run, and waits for its end. Returns false, and the job
  // never runs, if the intake's thread has not begun it within `patience`: it hangs.
  [[nodiscard]] bool run(const std::function<void()>& job, std::chrono::milliseconds patience);

  // The intake's thread: runs the job that waits, if there is one. A job that throws counts as run.
  void serve() {
    if (has_job_.load(std::memory_order_relaxed)) serve_now();
  }
  // From now on it runs no job, and who waits for one is refused at once.
  void close();

 private:
  enum class State { None, Waiting, Running };

  void serve_now();

  const std::function<void()> wake_;
  std::mutex turn_;  // of those who have a job run
  std::atomic<bool> has_job_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* job_ = nullptr;
  State state_ = State::None;
  bool is_closed_ = false;
};

}  // namespace slurper
