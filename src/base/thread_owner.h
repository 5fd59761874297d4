// Who may call an object, asserted: what its header says of threads.
#pragma once

#include <pthread.h>

#include <atomic>

#include "base/contract.h"

namespace slurper {

// One thread alone may call: the one that called first. Costs a compare, and no fence.
class ThreadOwner {
 public:
  ThreadOwner() = default;
  // An object that moves is anyone's again: it is moved before it is used.
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
  std::atomic<pthread_t> owner_{0};  // 0: not decided yet; on Linux a pthread_t is an address
};

// Threads may take turns, and no two may be in at a time. While one of these lives, its thread is in. It uses
// no atomic exchange, which would cost more than it is worth, so two threads that come in at the same instant
// may go unnoticed; over a few calls they do not.
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
