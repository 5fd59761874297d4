// Asserts what a header says of threads: which of them may call an object.
#pragma once

#include <pthread.h>

#include <atomic>

#include "base/contract.h"

namespace slurper {

// Only one thread may call: the first that called. Costs a compare, and no fence.
class ThreadOwner {
 public:
  ThreadOwner() = default;
  // A moved object has no owner yet: objects are moved before they are used.
  ThreadOwner(ThreadOwner&& /*other*/) noexcept {}
  ThreadOwner& operator=(ThreadOwner&& /*other*/) noexcept {
    owner_.store(0, std::memory_order_relaxed);
    return *this;
  }
  ~ThreadOwner() = default;

  void assert_is_caller() {
    const pthread_t self = ::pthread_self();
    pthread_t owner = owner_.load(std::memory_order_relaxed);
    if (owner == 0 && owner_.compare_exchange_strong(owner, self, std::memory_order_relaxed)) return;
    SLURPER_ASSERT(owner == self);
  }

 private:
  std::atomic<pthread_t> owner_{0};  // 0: undecided; on Linux a pthread_t is an address
};

// Threads may take turns, but only one may be inside at a time. While an object of this class lives, its
// thread is inside. It uses no atomic exchange, which would cost too much, so it may miss two threads that
// enter at the same instant; over a few calls it detects them.
class OneAtATime {
 public:
  explicit OneAtATime(std::atomic<bool>& occupied) : occupied_(occupied) {
    SLURPER_ASSERT(!occupied_.load(std::memory_order_relaxed));
    occupied_.store(true, std::memory_order_relaxed);
  }
  OneAtATime(const OneAtATime&) = delete;
  OneAtATime& operator=(const OneAtATime&) = delete;
  ~OneAtATime() { occupied_.store(false, std::memory_order_relaxed); }

 private:
  std::atomic<bool>& occupied_;
};

}  // namespace slurper
