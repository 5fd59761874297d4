// JournalSocket: what journald's socket tells beside what is sent to it.
#pragma once

#include <chrono>

#include "base/fd.h"
#include "slurper/result.h"

namespace slurper {

// journald's datagram socket. libsystemd sends the lines; this says when there is room for the next, so that
// the wait can end with slurper, and when journald has dealt with all that it was sent. One thread.
class JournalSocket {
 public:
  enum class Wake { Ready, Stopped };

  // Errors: journald's socket is not there.
  Status open();
  void close() { socket_.reset(); }

  // Until the socket takes another datagram, or `stop_fd` is readable.
  Wake wait_for_room(int stop_fd) const;

  // Until journald has read and dealt with every datagram that is in its socket by now, whoever sent it:
  // those of a slurper that was killed, too. After slurper's end has begun, `patience` more. Errors: the
  // socket was closed.
  //
  // How: an empty file, locked and nowhere else open, is sent behind them. journald takes datagrams one after
  // the other; it closes that file, for which it has no use and says nothing, when it has done with all
  // before. Then the lock is free.
  Result<Wake> wait_until_read(int stop_fd, std::chrono::milliseconds patience) const;

 private:
  UniqueFd socket_;
};

}  // namespace slurper
