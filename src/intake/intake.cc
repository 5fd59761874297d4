#include "intake/intake.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace slurper {

namespace {

constexpr std::uint64_t kMaxRead = 1 << 20;  // what a pipe can hold without CAP_SYS_RESOURCE

}  // namespace

void FullTime::found_full(Clock::time_point now) {
  if (since_) return;
  since_ = now;
  ++times_;
}

void FullTime::found_room(Clock::time_point now) {
  if (since_) total_ += now - *since_;
  since_.reset();
}

FullTime::Clock::duration FullTime::total(Clock::time_point now) const {
  return total_ + (since_ ? now - *since_ : Clock::duration{});
}

Intake::Intake(Os& os, Ring& ring, WhenFull when_full, TimeIndex* times)
    : os_(os),
      ring_(ring),
      when_full_(when_full),
      times_(times),
      max_read_(std::min(kMaxRead, ring.size() / 8)),
      reserve_(2 * max_read_) {}

Intake::Round Intake::finish(ssize_t got, std::uint64_t asked, Outcome outcome) {
  // The pipe held something. -EPIPE: its last writer has left, too.
  if (got == -EAGAIN || got == -EPIPE) {
    ++short_reads_;
    taken_by_others_ += asked;
    return {Outcome::Empty};
  }
  if (got == -ENOSPC) return {Outcome::NoMemory};
  if (got < 0) return {Outcome::Failed, 0, static_cast<int>(-got)};
  const auto bytes = static_cast<std::uint64_t>(got);
  if (bytes < asked && !ring_.stopped_by_limit()) {
    ++short_reads_;
    taken_by_others_ += asked - bytes;
  }
  received_ += bytes;
  most_in_ring_ = std::max(most_in_ring_, ring_.used());
  if (full_time_.is_full()) full_time_.found_room(FullTime::Clock::now());
  return {outcome, bytes};
}

Intake::Round Intake::pull(const Fifo& fifo, std::uint64_t limit) {
  const int fd = fifo.read_fd.get();
  const int held = os_.fionread(fd);
  if (held < 0) return {Outcome::Failed, 0, -held};
  if (held == 0) return {Outcome::Empty};
  // The round's only look at the clock: latencies and the pauses between reads are measured from here.
  found_at_ = FullTime::Clock::now();
  most_held_ = std::max(most_held_, static_cast<std::uint64_t>(held));
  // A pipe is full when its slots are, and then each page-sized slot holds more than half a page. So below
  // half of the bytes the pipe can't be full.
  if (static_cast<std::uint64_t>(held) > fifo.pipe_size / 2 && fifo.keep_alive_fd)
    has_room(fifo) ? full_time_.found_room(found_at_) : full_time_.found_full(found_at_);
  const std::uint64_t room = ring_.room();
  std::uint64_t size = std::min({static_cast<std::uint64_t>(held), max_read_, limit});
  if (when_full_ == WhenFull::Drop && (room < reserve_ || ring_.dropping()))
    return pull_line_by_line(fd, size);
  size = std::min(size, room);
  if (size == 0) return {Outcome::Full};
  return finish(take(fd, size), size, Outcome::Took);
}

// The time comes first: the log's thread may have the bytes before Ring::take() returns.
ssize_t Intake::take(int fd, std::uint64_t size) {
  if (times_ != nullptr) times_->coming(ring_.head(), found_at_);
  return ring_.take(fd, size);
}

// Called if the ring is full, or a line whose beginning was dropped has not ended. The intake must know what
// a read will bring before it declares that read, so that it drops whole lines, whenever the process dies.
Intake::Round Intake::pull_line_by_line(int fd, std::uint64_t available) {
  const ssize_t seen = ring_.peek(fd, available);
  if (seen <= 0) return finish(seen == 0 ? -EAGAIN : seen, 0, Outcome::Empty);
  const auto size = static_cast<std::uint64_t>(seen);
  const char* const begin = ring_.peeked();
  const void* const newline = std::memchr(begin, '\n', size);
  const std::uint64_t first_line =
      newline == nullptr ? size : static_cast<std::uint64_t>(static_cast<const char*>(newline) - begin) + 1;

  if (ring_.dropping()) return finish(ring_.drop(fd, first_line), first_line, Outcome::Dropped);
  // The byte before head stays readable if the log has emptied the ring since its room was determined.
  if (!ring_.head_is_at_line_start()) {
    // This is the rest of a line whose beginning was kept. If it is longer than the reserve, it waits, so
    // that no line is torn.
    const std::uint64_t fitting = std::min(first_line, ring_.room());
    if (fitting == 0) return {Outcome::Full};
    return finish(take(fd, fitting), fitting, Outcome::Took);
  }
  return finish(ring_.drop(fd, size), size, Outcome::Dropped);
}

}  // namespace slurper
