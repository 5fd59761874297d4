// The FIFOs that slurper reads: the one at the path, and those that stood there before.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <utility>

#include "base/event_loop.h"
#include "base/os.h"
#include "fifo/fifo.h"
#include "intake/intake.h"
#include "slurper/result.h"

namespace slurper {

// A FIFO that loses its path keeps its writers, and they notice nothing. So it is *retired*: slurper reads it
// until its last writer has left and it is empty, and then closes it. Meanwhile all FIFOs are read in turns.
// A turn takes what its FIFO held when the turns were dealt, so it ends with a whole line. The current FIFO
// is measured first and read last: a writer that moves from an old FIFO to the current one finds its lines in
// order.
//
// Belongs to the intake's thread. After a crash, the retired FIFOs can't be found again: their path is gone.
class FifoSet {
 public:
  // `os`, `intake` and `loop` outlive it.
  FifoSet(Os& os, Intake& intake, EventLoop& loop, Fifo current);
  FifoSet(const FifoSet&) = delete;
  FifoSet& operator=(const FifoSet&) = delete;
  ~FifoSet();

  [[nodiscard]] const Fifo& current() const { return fifos_.back(); }
  [[nodiscard]] std::size_t retired() const { return fifos_.size() - 1; }
  // The number of retired FIFOs that were closed since the last call.
  [[nodiscard]] std::uint64_t take_closed() { return std::exchange(closed_, 0); }

  // Does at most one read.
  Intake::Round pull();

  // Sets whether data in a FIFO end the loop's wait. After an error (epoll(7) has a limit, and needs memory)
  // some FIFOs may not end it: call it again.
  Status listen(bool on);
  // Whether the loop has reported, since the last call, that the current FIFO holds something.
  [[nodiscard]] bool take_announced() { return std::exchange(announced_, false); }

  // `next` stands at the path now.
  void replace(Fifo next);
  // A retired FIFO with this identity stands at the path again. Returns nothing if there is no such FIFO.
  std::optional<Status> reinstate(dev_t device, ino_t inode);

  // `former` stood at the path before the current one, and has no keep-alive writer.
  void retire(Fifo former);

  // For the end: from now on pull() takes what the FIFOs hold at this moment, then nothing.
  void begin_last_turns();
  // The number of bytes that the pipes hold now.
  [[nodiscard]] std::uint64_t held() const;
  // See slurper::headroom(): of the current FIFO.
  [[nodiscard]] std::uint64_t headroom() const { return slurper::headroom(os_, current()); }

 private:
  struct Turn {
    const Fifo* fifo;
    std::uint64_t left;  // bytes
  };

  Intake::Round pull_in_turn();
  void deal_turns();
  void close_abandoned();
  void join_loop(const Fifo& fifo);

  Os& os_;
  Intake& intake_;
  EventLoop& loop_;
  bool listening_ = false;
  bool announced_ = false;
  bool last_turns_ = false;
  std::list<Fifo> fifos_;  // oldest first, the current one last; a list, because turns point into it
  std::deque<Turn> turns_;
  std::uint64_t closed_ = 0;
};

}  // namespace slurper
