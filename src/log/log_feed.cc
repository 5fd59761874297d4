#include "log/log_feed.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>

namespace slurper {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

void LogFeed::publish(const ActiveSegment& active, StreamOffset end) {
  SLURPER_ASSERT(end.value >= end_.load());
  if (open_ && active == active_) {
    if (end.value == end_.load(std::memory_order_relaxed)) return;
    end_.store(end.value);
  } else {
    // Together: no reader sees an end that is not of the segment it comes with, or of one before it.
    const std::lock_guard lock(active_mutex_);
    active_ = active;
    open_ = true;
    end_.store(end.value);
  }
  if (end.value >= wanted_.load()) wake_up_to(end.value);
}

void LogFeed::leave() {
  const std::lock_guard lock(active_mutex_);
  open_ = false;
}

void LogFeed::cut() {
  const std::lock_guard lock(active_mutex_);
  open_ = false;
  ++cuts_;
}

LogFeed::Snapshot LogFeed::snapshot() const {
  const std::lock_guard lock(active_mutex_);
  return {.active = active_, .open = open_, .cuts = cuts_, .end = end()};
}

void LogFeed::renew() {
  ++renewals_;
  const std::lock_guard lock(waiting_mutex_);
  for (const Listener* listener : waiting_) (void)::eventfd_write(listener->wake_fd_, 1);
}

void LogFeed::set_wanted() {
  std::uint64_t least = kNothing;
  for (const Listener* listener : waiting_) least = std::min(least, listener->wanted_);
  wanted_.store(least);
}

void LogFeed::expect_one_more() {
  const std::lock_guard lock(waiting_mutex_);
  waiting_.reserve(listeners_ + 1);
  ++listeners_;
}

void LogFeed::expect_one_less(Listener& listener) {
  remove(listener);
  const std::lock_guard lock(waiting_mutex_);
  --listeners_;
}

void LogFeed::add(Listener& listener, StreamOffset wanted) {
  const std::lock_guard lock(waiting_mutex_);
  listener.wanted_ = wanted.value;
  waiting_.push_back(&listener);
  set_wanted();
}

void LogFeed::remove(Listener& listener) {
  const std::lock_guard lock(waiting_mutex_);
  if (std::erase(waiting_, &listener) > 0) set_wanted();
}

// Each is rung once: it is off the list before it hears it, and needs no lock to continue.
void LogFeed::wake_up_to(std::uint64_t end) {
  const std::lock_guard lock(waiting_mutex_);
  std::erase_if(waiting_, [&](Listener* listener) {
    if (listener->wanted_ > end) return false;
    (void)::eventfd_write(listener->wake_fd_, 1);
    return true;
  });
  set_wanted();
}

bool LogFeed::Listener::wait_until(StreamOffset wanted, Clock::time_point deadline) {
  if (feed_.end() >= wanted) return true;
  feed_.add(*this, wanted);
  while (feed_.end() < wanted) {
    timespec left{};
    if (deadline != Clock::time_point::max()) {
      const auto nanoseconds = std::chrono::nanoseconds(deadline - Clock::now()).count();
      if (nanoseconds <= 0) break;
      left = {.tv_sec = nanoseconds / kSecond, .tv_nsec = nanoseconds % kSecond};
    }
    pollfd woken = {.fd = wake_fd_, .events = POLLIN, .revents = 0};
    const bool has_deadline = deadline != Clock::time_point::max();
    if (::ppoll(&woken, 1, has_deadline ? &left : nullptr, nullptr) < 1) continue;  // the loop checks again
    eventfd_t count = 0;
    (void)::eventfd_read(wake_fd_, &count);
    break;
  }
  feed_.remove(*this);
  return feed_.end() >= wanted;
}

}  // namespace slurper
