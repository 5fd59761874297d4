// The FIFOs that are read: the one at the path, and those that stood there before.
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

// A FIFO that has lost its path still has its writers, and they notice nothing. So it is *retired*: read
// until the last of them is gone and it is empty, and closed then. Meanwhile all are read in turns. A turn
// takes what its FIFO held when the turns were dealt, so it ends with a whole line, and a writer that went
// from an old FIFO to the new one finds its lines in order: what the new one held then, is read after all
// that the old one held later.
//
// Belongs to the intake's thread. After a crash the retired ones can't be found again: their path is gone.
class FifoSet {
 public:
  // `os`, `intake` and `loop` outlive it.
  FifoSet(Os& os, Intake& intake, EventLoop& loop, Fifo current);
  FifoSet(const FifoSet&) = delete;
  FifoSet& operator=(const FifoSet&) = delete;
  ~FifoSet();

  [[nodiscard]] const Fifo& current() const { return fifos_.back(); }
  [[nodiscard]] std::size_t retired() const { return fifos_.size() - 1; }
  // Retired ones that have been closed, since the last call.
  [[nodiscard]] std::uint64_t take_closed() { return std::exchange(closed_, 0); }

  // One read at the most.
  Intake::Round pull();

  // Whether something to read ends the loop's wait. Errors are as good as impossible; returned for the caller
  // to report.
  Status listen(bool on);
  // Whether the loop has announced, since the last call, that the current FIFO holds something.
  [[nodiscard]] bool take_announced() { return std::exchange(announced_, false); }

  // `next` stands at the path now.
  void replace(Fifo next);
  // A retired one with this identity stands at the path again. Nothing: there is none.
  std::optional<Status> reinstate(dev_t device, ino_t inode);

  // `former` stood at the path before the current one, and has no keep-alive writer.
  void retire(Fifo former);

  // For the end: from now on pull() takes what they hold at this moment, then nothing.
  void begin_last_turns();
  // What the pipes hold now, in bytes.
  [[nodiscard]] std::uint64_t held() const;

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
  std::list<Fifo> fifos_;  // oldest first, the current one last; a list: turns point into it
  std::deque<Turn> turns_;
  std::uint64_t closed_ = 0;
};

}  // namespace slurper
