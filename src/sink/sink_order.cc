#include "sink/sink_order.h"

#include <utility>

#include "base/phrase_id.h"

namespace slurper {

std::optional<Result<SinkOrder::Done>> SinkOrder::outcome() const {
  const std::lock_guard lock(mutex_);
  if (state_ == State::Abandoned) return fail(ErrorKind::Busy, {}, PhraseId::SinkHasEnded);
  return outcome_;
}

bool SinkOrder::is_pending() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::Waiting || state_ == State::Begun;
}

bool SinkOrder::withdraw() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::Waiting) state_ = State::Withdrawn;
  return state_ == State::Withdrawn;
}

bool SinkOrder::begin() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::Waiting) state_ = State::Begun;
  return state_ == State::Begun;
}

void SinkOrder::finish(Result<Done> outcome) {
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  state_ = State::Finished;
}

void SinkOrder::abandon() noexcept {
  const std::lock_guard lock(mutex_);
  if (state_ != State::Finished) state_ = State::Abandoned;
}

}  // namespace slurper
