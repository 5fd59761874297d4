#include "intake/fifo_set.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.h"

namespace slurper {

FifoSet::FifoSet(Os& os, Intake& intake, int epoll_fd, Fifo current)
    : os_(os), intake_(intake), epoll_fd_(epoll_fd) {
  fifo_set_.push_back(std::move(current));
}

Intake::Round FifoSet::pull() {
  if (fifo_set_.size() == 1 && !last_turns_) return intake_.pull(current());
  return pull_in_turn();
}

Intake::Round FifoSet::pull_in_turn() {
  if (turns_.empty() && !last_turns_) deal_turns();
  while (!turns_.empty()) {
    Turn& turn = turns_.front();
    const Intake::Round round = intake_.pull(*turn.fifo, turn.left);
    const bool moved = round.outcome == Intake::Outcome::Took || round.outcome == Intake::Outcome::Dropped;
    if (moved) turn.left -= std::min(turn.left, round.bytes);
    // Empty: another reader has taken what it held.
    if (turn.left == 0 || round.outcome == Intake::Outcome::Empty) turns_.pop_front();
    if (round.outcome != Intake::Outcome::Empty) return round;
  }
  return {Intake::Outcome::Empty};
}

// The current one is looked at first and read last: see the order of a writer's lines above.
void FifoSet::deal_turns() {
  close_abandoned();
  for (auto fifo = fifo_set_.rbegin(); fifo != fifo_set_.rend(); ++fifo) {
    const int held = os_.fionread(fifo->read_fd.get());
    if (held > 0) turns_.push_front({&*fifo, static_cast<std::uint64_t>(held)});
  }
}

void FifoSet::close_abandoned() {
  for (auto fifo = fifo_set_.begin(); fifo != std::prev(fifo_set_.end());) {
    // In this order: what the last writer wrote was there before it left.
    if (writers_are_gone(*fifo) && os_.fionread(fifo->read_fd.get()) == 0) {
      fifo = fifo_set_.erase(fifo);  // close(2) takes it out of the epoll set
      ++closed_;
    } else {
      ++fifo;
    }
  }
}

Status FifoSet::set_listening(const Fifo& fifo, bool on) const {
  const int fd = fifo.read_fd.get();
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(epoll_fd_, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event) != 0)
    return fail_errno(errno, "wait for the FIFO");
  return {};
}

// While lines are gathered the FIFO is out of the epoll set: each write(2) to a pipe that is polled costs its
// writer a callback.
Status FifoSet::listen(bool on) {
  Status status;
  if (std::exchange(listening_, on) == on) return status;
  for (const Fifo& fifo : fifo_set_) {
    if (Status set = set_listening(fifo, on); !set) status = std::move(set);
  }
  return status;
}

void FifoSet::replace(Fifo next) {
  // Its last writer's going is an end of file from here on, which is how it is noticed.
  fifo_set_.back().keep_alive_fd.reset();
  fifo_set_.push_back(std::move(next));
  if (listening_) (void)set_listening(current(), true);  // as impossible as in listen()
}

void FifoSet::retire(Fifo former) {
  fifo_set_.push_front(std::move(former));
  if (listening_) (void)set_listening(fifo_set_.front(), true);  // as impossible as in listen()
}

std::optional<Status> FifoSet::reinstate(dev_t device, ino_t inode) {
  const auto found = std::ranges::find_if(
      fifo_set_, [&](const Fifo& fifo) { return fifo.device == device && fifo.inode == inode; });
  if (found == fifo_set_.end()) return std::nullopt;
  if (Status reopened = reopen_keep_alive(os_, *found); !reopened) return reopened;
  if (&*found != &fifo_set_.back()) {
    fifo_set_.back().keep_alive_fd.reset();
    fifo_set_.splice(fifo_set_.end(), fifo_set_, found);
  }
  return Status{};
}

std::uint64_t FifoSet::held() const {
  std::uint64_t bytes = 0;
  for (const Fifo& fifo : fifo_set_)
    bytes += static_cast<std::uint64_t>(std::max(0, os_.fionread(fifo.read_fd.get())));
  return bytes;
}

void FifoSet::begin_last_turns() {
  turns_.clear();
  deal_turns();
  last_turns_ = true;
}

}  // namespace slurper
