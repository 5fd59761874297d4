#include "sink/ack_queue.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <utility>

namespace slurper {

// One wake-up is enough for all that is reported until the runner takes it.
template <typename Note>
void AckQueue::note(Note note) {
  const std::lock_guard lock(mutex_);
  if (wake_fd_ < 0) return;
  note();
  if (!std::exchange(any_, true) && std::this_thread::get_id() != owner_) (void)::eventfd_write(wake_fd_, 1);
}

void AckQueue::up_to(std::uint64_t offset) {
  note([&] { up_to_ = std::max(up_to_, offset); });
}

void AckQueue::one(std::uint64_t offset) {
  note([&] { ones_.push_back({offset}); });
}

void AckQueue::reject(std::uint64_t offset, Phrase reason) {
  note([&] { rejections_.push_back({.offset = {offset}, .reason = std::move(reason)}); });
}

void AckQueue::release(std::uint64_t offset) {
  note([&] { release_ = std::max(release_, offset); });
}

void AckQueue::fail(Error error) {
  note([&] {
    if (!error_) error_ = std::move(error);
  });
}

// Refusals come before an up_to() that covers them, which acknowledges all others.
Status AckQueue::take(DeliveryWindow& window) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(any_, false)) return {};
  for (Rejection& rejection : rejections_) window.reject(rejection.offset, std::move(rejection.reason));
  for (const StreamOffset offset : ones_) window.one(offset);
  rejections_.clear();
  ones_.clear();
  // Each once: what is delivered later is not acknowledged by them.
  window.up_to({std::exchange(up_to_, 0)});
  window.release({std::exchange(release_, 0)});
  if (error_) return std::unexpected(*error_);
  return {};
}

void AckQueue::detach() {
  const std::lock_guard lock(mutex_);
  wake_fd_ = -1;
}

}  // namespace slurper
