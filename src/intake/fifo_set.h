// The FIFOs that are read: the one at the path, and those that stood there before.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <utility>

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
  FifoSet(Os& os, Intake& intake, int epoll_fd, Fifo current);

  [[nodiscard]] const Fifo& current() const { return fifo_set_.back(); }
  [[nodiscard]] std::size_t retired() const { return fifo_set_.size() - 1; }
  // Retired ones that have been closed, since the last call.
  [[nodiscard]] std::uint64_t take_closed() { return std::exchange(closed_, 0); }

  // One read at the most.
  Intake::Round pull();

  // Whether something to read ends epoll_wait. Errors are as good as impossible; returned for the caller to
  // say.
  Status listen(bool on);

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
  Status set_listening(const Fifo& fifo, bool on) const;

  Os& os_;
  Intake& intake_;
  int epoll_fd_;
  bool listening_ = false;
  bool last_turns_ = false;
  std::list<Fifo> fifo_set_;  // oldest first, the current one last; a list: turns point into it
  std::deque<Turn> turns_;
  std::uint64_t closed_ = 0;
};

}  // namespace slurper
