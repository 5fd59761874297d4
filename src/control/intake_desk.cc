#include "control/intake_desk.h"

#include <new>

namespace slurper {

bool IntakeDesk::run(const std::function<void()>& job, std::chrono::milliseconds patience) {
  const std::lock_guard turn(turn_);
  std::unique_lock lock(mutex_);
  if (is_closed_) return false;
  job_ = &job;
  state_ = State::Waiting;
  has_job_ = true;
  wake_();
  const auto has_begun = [this] { return state_ != State::Waiting; };
  (void)changed_.wait_for(lock, patience, [&] { return has_begun() || is_closed_; });
  if (!has_begun()) {
    has_job_ = false;
    state_ = State::None;
    return false;
  }
  changed_.wait(lock, [this] { return state_ == State::None; });
  return true;
}

void IntakeDesk::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  changed_.notify_one();
}

void IntakeDesk::serve_now() {
  const std::function<void()>* job = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::Waiting) return;
    has_job_ = false;
    state_ = State::Running;
    job = job_;
    changed_.notify_one();
  }
  try {
    (*job)();
  } catch (const std::bad_alloc&) {
    // Whoever asked gets no answer; lines are read all the same.
  }
  const std::lock_guard lock(mutex_);
  state_ = State::None;
  changed_.notify_one();
}

}  // namespace slurper
