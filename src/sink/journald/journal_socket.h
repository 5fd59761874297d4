// JournalSocket: observes journald's socket.
#pragma once

#include <chrono>

#include "base/fd.h"
#include "slurper/result.h"

namespace slurper {

// libsystemd sends the lines. This class reports when the socket has room for the next line, so that
// slurper's stop can end the wait. It also reports when journald has processed everything that it was sent.
// One thread uses it.
class JournalSocket {
 public:
  enum class Wake { Ready, Stopped };

  // Fails if journald's socket does not exist.
  Status open();
  void close() { socket_.reset(); }

  // Waits until the socket accepts another datagram, or `stop_fd` is readable.
  Wake wait_for_room(int stop_fd) const;

  // Waits until journald has read and processed every datagram that is in its socket now, including those of
  // a slurper that was killed. After slurper's stop has begun, it waits at most `patience` more. Fails if
  // the socket was closed.
  //
  // It sends an empty file after them, which is locked and open nowhere else. journald takes datagrams one
  // after the other. It has no use for that file and closes it silently when it has processed everything
  // before. Then the lock is free.
  Result<Wake> wait_until_read(int stop_fd, std::chrono::milliseconds patience) const;

 private:
  UniqueFd socket_;
};

}  // namespace slurper
