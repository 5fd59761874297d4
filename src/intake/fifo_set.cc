#include "intake/fifo_set.h"

#include <algorithm>
#include <utility>

namespace slurper {

FifoSet::FifoSet(Os& os, Intake& intake, EventLoop& loop, Fifo current)
    : os_(os), intake_(intake), loop_(loop) {
  fifos_.push_back(std::move(current));
  join_loop(fifos_.back());
}

FifoSet::~FifoSet() {
  for (const Fifo& fifo : fifos_) loop_.remove(fifo.read_fd.get());
}

void FifoSet::join_loop(const Fifo& fifo) {
  const int fd = fifo.read_fd.get();
  loop_.add(fd, [this, fd](std::uint32_t events) {
    if (fd == current().read_fd.get()) announced_ = (events & EPOLLIN) != 0;
  });
  listening_ = listening_ && loop_.listen(fd, EPOLLIN);  // if it fails, the next listen() tries it again
}

Intake::Round FifoSet::pull() {
  if (fifos_.size() == 1 && !last_turns_) return intake_.pull(current());
  return pull_in_turn();
}

Intake::Round FifoSet::pull_in_turn() {
  if (turns_.empty() && !last_turns_) deal_turns();
  while (!turns_.empty()) {
    Turn& turn = turns_.front();
    const Intake::Round round = intake_.pull(*turn.fifo, turn.left);
    const bool moved = round.outcome == Intake::Outcome::Took || round.outcome == Intake::Outcome::Dropped;
    if (moved) turn.left -= std::min(turn.left, round.bytes);
    // Empty: another reader has taken what the FIFO held.
    if (turn.left == 0 || round.outcome == Intake::Outcome::Empty) turns_.pop_front();
    if (round.outcome != Intake::Outcome::Empty) return round;
  }
  return {Intake::Outcome::Empty};
}

// The current FIFO is measured first and read last, for the order of a writer's lines (see the header).
void FifoSet::deal_turns() {
  close_abandoned();
  for (auto fifo = fifos_.rbegin(); fifo != fifos_.rend(); ++fifo) {
    const int held = os_.fionread(fifo->read_fd.get());
    if (held > 0) turns_.push_front({&*fifo, static_cast<std::uint64_t>(held)});
  }
}

void FifoSet::close_abandoned() {
  for (auto fifo = fifos_.begin(); fifo != std::prev(fifos_.end());) {
    // The order of the two checks matters: the last writer's bytes were in the pipe before it left.
    if (writers_are_gone(*fifo) && os_.fionread(fifo->read_fd.get()) == 0) {
      loop_.remove(fifo->read_fd.get());
      fifo = fifos_.erase(fifo);
      ++closed_;
    } else {
      ++fifo;
    }
  }
}

// While lines gather, the FIFO is out of the epoll set: each write(2) to a polled pipe costs its writer a
// callback.
Status FifoSet::listen(bool on) {
  Status status;
  if (listening_ == on) return status;
  for (const Fifo& fifo : fifos_) {
    if (Status set = loop_.listen(fifo.read_fd.get(), on ? std::uint32_t{EPOLLIN} : 0); !set)
      status = std::move(set);
  }
  listening_ = on && status;
  return status;
}

void FifoSet::replace(Fifo next) {
  // From here on, the departure of its last writer causes an end of file, by which slurper detects it.
  fifos_.back().keep_alive_fd.reset();
  fifos_.push_back(std::move(next));
  join_loop(fifos_.back());
}

void FifoSet::retire(Fifo former) {
  fifos_.push_front(std::move(former));
  join_loop(fifos_.front());
}

std::optional<Status> FifoSet::reinstate(dev_t device, ino_t inode) {
  const auto found = std::ranges::find_if(
      fifos_, [&](const Fifo& fifo) { return fifo.device == device && fifo.inode == inode; });
  if (found == fifos_.end()) return std::nullopt;
  if (Status reopened = reopen_keep_alive(os_, *found); !reopened) return reopened;
  if (&*found != &fifos_.back()) {
    fifos_.back().keep_alive_fd.reset();
    fifos_.splice(fifos_.end(), fifos_, found);
  }
  return Status{};
}

std::uint64_t FifoSet::held() const {
  std::uint64_t bytes = 0;
  for (const Fifo& fifo : fifos_)
    bytes += static_cast<std::uint64_t>(std::max(0, os_.fionread(fifo.read_fd.get())));
  return bytes;
}

void FifoSet::begin_last_turns() {
  turns_.clear();
  deal_turns();
  last_turns_ = true;
}

}  // namespace slurper
