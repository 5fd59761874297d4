// What an operator has a sink do: pause, resume, rewind. The rest of SinkRunner is in runner.cc.
#include <sys/eventfd.h>

#include <utility>

#include "base/error.h"
#include "base/phrase_id.h"
#include "sink/rewind_place.h"
#include "sink/runner.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

// How long a sink that is paused waits for the acknowledgement of what is in flight.
constexpr auto kPausePatience = 3s;
// How long the place of a rewind is searched: a line may be as long as the log.
constexpr auto kSearchPatience = 5s;

}  // namespace

Status SinkRunner::give(std::shared_ptr<SinkOrder> order) {
  const std::lock_guard lock(order_mutex_);
  if (!takes_orders_) return fail(ErrorKind::Busy, {}, PhraseId::SinkHasEnded);
  if (order_ && order_->is_pending()) return fail(ErrorKind::Busy, {}, PhraseId::SinkRequestPending);
  order_ = std::move(order);
  has_order_ = true;
  (void)::eventfd_write(wake_fd_.get(), 1);
  return {};
}

void SinkRunner::serve_order() {
  if (!has_order_.exchange(false)) return;
  std::shared_ptr<SinkOrder> order;
  {
    const std::lock_guard lock(order_mutex_);
    order = order_;
  }
  if (!order || !order->begin()) return;
  try {
    switch (order->verb()) {
      case SinkOrder::Verb::Pause:
        return pause(std::move(order));
      case SinkOrder::Verb::Resume:
        return finish_order(*order, resume_now());
      case SinkOrder::Verb::Rewind:
        return finish_order(*order, rewind(order->to()));
    }
  } catch (...) {
    order->abandon();
    throw;
  }
}

// What is in flight is waited for, since a destination that works will have it in a moment.
void SinkRunner::pause(std::shared_ptr<SinkOrder> order) {
  if (paused_.exchange(true)) {
    SinkOrder::Done done = place();
    done.changed = false;
    return finish_order(*order, done);
  }
  given_back_ = 0;
  pause_due_ = Clock::now() + kPausePatience;
  pausing_ = std::move(order);
}

// Gives back what has not been acknowledged: it is delivered again later. No acknowledgement that comes after
// this moves the cursor.
Status SinkRunner::leave_off() {
  given_back_ += window_.records();
  close_sink();
  return {};
}

// A sink that has never run gets its cursor: what comes from now on is not skipped if it resumes after a
// restart. If that fails, it is reported when the sink resumes.
void SinkRunner::rest() {
  if (!std::exchange(is_resting_, true)) {
    is_stopped_ = false;
    (void)progress_.open(options_.start);
    if (const Status saved = progress_.sync_at_end(); !saved)
      say(Level::Warning, as_phrase(saved.error(), PhraseId::MayRepeatLines));
    health_.rests();
  }
  if (!pausing_) return;
  SinkOrder::Done done = place();
  done.given_back = given_back_;
  finish_order(*pausing_, done);
  pausing_.reset();
}

SinkOrder::Done SinkRunner::resume_now() {
  SinkOrder::Done done = place();
  done.changed = paused_ || is_stopped_;
  done.was_stopped = is_stopped_;
  paused_ = is_resting_ = false;
  if (is_stopped_) resumed_ = true;
  return done;
}

Result<SinkOrder::Done> SinkRunner::rewind(const RewindTo& to) {
  if (Status opened = progress_.open(options_.start); !opened)
    return std::unexpected(std::move(opened.error()));
  const auto give_up_at = Clock::now() + kSearchPatience;
  const Result<StreamOffset> found =
      find_rewind_place(log_, source_, to, [&] { return stopping_ || Clock::now() > give_up_at; });
  if (!found) return std::unexpected(found.error());
  // What is acknowledged or refused by now is settled first: a refused line must not be forgotten.
  if (is_open_) (void)take_acks();
  given_back_ = 0;
  (void)leave_off();
  const Result<std::uint64_t> skipped = progress_.move_to(*found);
  if (!skipped) return std::unexpected(skipped.error());
  SinkOrder::Done done = place();
  done.given_back = given_back_;
  done.skipped = *skipped;
  return done;
}

SinkOrder::Done SinkRunner::place() const {
  const StreamOffset at{progress_.acked()};
  const StreamOffset end = log_.feed.end();
  return {.offset = at, .behind = end > at ? end - at : 0};
}

void SinkRunner::finish_order(SinkOrder& order, Result<SinkOrder::Done> outcome) {
  order.finish(std::move(outcome));
  const std::lock_guard lock(order_mutex_);
  if (order_.get() == &order) order_.reset();
}

// The sink ends.
void SinkRunner::abandon_orders() noexcept {
  const std::lock_guard lock(order_mutex_);
  takes_orders_ = false;
  if (order_) order_->abandon();
  order_.reset();
}

}  // namespace slurper
