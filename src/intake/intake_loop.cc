#include "intake/intake_loop.h"

#include <cerrno>
#include <thread>
#include <utility>

#include "base/error.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr std::uint64_t kHotRing = 2 << 20;  // bytes of the ring's memory that are kept for the next burst
constexpr int kLedgerTries = 100;
constexpr auto kRetry = 100ms;  // if no event announces when a retry is worthwhile

// The reason why a read could not take anything.
std::string why_held_up(const Intake::Round& result) {
  if (result.outcome == Intake::Outcome::Full) return "the ring is full";
  if (result.outcome == Intake::Outcome::NoMemory) return "the ring's file system has no memory left";
  if (result.errnum == EFBIG)
    return "the limit on the size of files is smaller than the ring. Raise it (LimitFSIZE=, ulimit -f)";
  return errno_text(result.errnum);
}

}  // namespace

IntakeLoop::IntakeLoop(Ring& ring, Intake& intake, FifoSet& fifos, LogThread& log_thread, std::string path,
                       EventListener& events, std::function<void()> on_short_read)
    : ring_(ring),
      intake_(intake),
      fifos_(fifos),
      log_thread_(log_thread),
      path_(std::move(path)),
      events_(events),
      on_short_read_(std::move(on_short_read)),
      overload_(ring, path_, events),
      coalescer_(fifos.current().pipe_size),
      inherited_(ring.used()),
      dropped_before_(ring.dropped_bytes()) {}

// Returns how long to wait for the FIFO: until it wakes the loop, if that works.
std::optional<nanoseconds> IntakeLoop::wait_for_fifo() {
  const Status listening = fifos_.listen(true);
  if (listening) return std::nullopt;
  events_.report(EventId::FifoNotPolled, {{"error", &listening.error()}});
  return kRetry;
}

// What the kernel reports to be in the pipe is there when slurper reads, unless another reader was faster.
void IntakeLoop::detect_second_reader(const Intake::Round& result) {
  const bool announced = fifos_.take_announced() && fifos_.retired() == 0;
  if (announced && result.outcome == Intake::Outcome::Empty &&
      intake_.short_reads() == short_reads_seen_)  // otherwise this short read is counted already
    intake_.found_nothing();
  if (std::exchange(short_reads_seen_, intake_.short_reads()) != intake_.short_reads()) on_short_read_();
}

// A stall has enlarged the ring: its memory is returned as soon as the log has everything.
void IntakeLoop::release_memory() {
  if (ring_.used() == 0) {
    (void)ring_.give_back(kHotRing);
  } else if (ring_.is_large(kHotRing)) {
    log_thread_.ask_for_room();
  }
}

std::optional<nanoseconds> IntakeLoop::round() {
  const Intake::Round result = fifos_.pull();
  detect_second_reader(result);
  switch (result.outcome) {
    case Intake::Outcome::Took: {
      overload_.took();
      log_thread_.notify();
      const auto pause = coalescer_.after_read(result.bytes, intake_.found_at());
      if (pause == 0us) return wait_for_fifo();
      (void)fifos_.listen(false);  // if it fails, the FIFO ends the pause
      return pause;
    }
    case Intake::Outcome::Dropped:
      overload_.dropping();
      (void)wait_for_fifo();
      return kRetry;
    case Intake::Outcome::Empty:
      coalescer_.nothing_came();
      release_memory();
      return wait_for_fifo();
    case Intake::Outcome::Full:
    case Intake::Outcome::NoMemory:
    case Intake::Outcome::Failed:
      overload_.held_up(why_held_up(result));
      (void)fifos_.listen(false);
      log_thread_.ask_for_room();
      // The log may have made room since the check.
      return kRetry;
  }
  return std::nullopt;  // no other outcome exists
}

std::optional<std::string> IntakeLoop::drain(nanoseconds patience,
                                             const std::function<void(nanoseconds)>& wait) {
  (void)fifos_.listen(false);
  fifos_.begin_last_turns();
  const auto give_up_at = Clock::now() + patience;
  for (;;) {
    const Intake::Round result = fifos_.pull();
    switch (result.outcome) {
      case Intake::Outcome::Took:
      case Intake::Outcome::Dropped:
        log_thread_.notify();
        break;
      case Intake::Outcome::Empty:
        return std::nullopt;
      case Intake::Outcome::Full:
      case Intake::Outcome::NoMemory:
      case Intake::Outcome::Failed:
        if (Clock::now() >= give_up_at) return why_held_up(result);
        log_thread_.ask_for_room();
        wait(kRetry);
        break;
    }
  }
}

IntakeStatus IntakeLoop::status() const {
  return {.head = ring_.head(),
          .tail = ring_.tail(),
          .ring_size = ring_.size(),
          .dropped_lines = ring_.dropped_lines(),
          .dropped_bytes = ring_.dropped_bytes(),
          .times_full = intake_.full_time().times(),
          .time_full = intake_.full_time().total(FullTime::Clock::now()),
          .short_reads = intake_.short_reads(),
          .taken_by_others = intake_.taken_by_others(),
          .most_in_ring = intake_.most_in_ring(),
          .ledger = ledger()};
}

// The log's thread counts what it has written a moment before or after it releases that from the ring: the
// figures are taken anew until they belong to the same moment.
Ledger IntakeLoop::ledger() const {
  Ledger ledger{.received = intake_.received(),
                .inherited = inherited_,
                .dropped = ring_.dropped_bytes() - dropped_before_};
  for (int tries = 0; tries < kLedgerTries; ++tries) {
    ledger.held = ring_.used();
    ledger.logged = log_thread_.bytes();
    if (ledger.is_balanced()) break;
    std::this_thread::yield();
  }
  return ledger;
}

FifoStatus IntakeLoop::fifo_status() const {
  const Fifo& fifo = fifos_.current();
  return {.path = path_,
          .pipe_size = fifo.pipe_size,
          .held = fifos_.held(),
          .most_held = intake_.most_held(),
          .device = fifo.device,
          .inode = fifo.inode,
          .headroom = fifos_.headroom()};
}

}  // namespace slurper
