// Connection: sends to a syslog server, and knows how much of what was sent the other side has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sink/net/connect.h"
#include "sink/net/connection_settings.h"
#include "slurper/result.h"

namespace slurper {

// The destination: a host's port, or the path of a local socket.
struct Target {
  Endpoint endpoint;
  std::string path;
  [[nodiscard]] QuotedText name() const;  // for messages
};

// Messages one after the other, in their frames.
struct Frames {
  std::string bytes;
  std::vector<std::size_t> ends;
  void clear() {
    bytes.clear();
    ends.clear();
  }
};

// Counts bytes as they are on the wire: for TLS, those of the ciphertext. One thread owns a connection, and
// every call may block it; `stop_fd` ends each wait with an error (Busy). After any other error (Io) the
// connection is broken. What it knows is lost if the process ends.
class Connection {
 public:
  virtual ~Connection() = default;

  // False for datagrams, each of which carries one frame.
  [[nodiscard]] virtual bool is_stream() const = 0;

  // What the status shows of it: PhraseId::ConnectedTo or ConnectedByTls.
  [[nodiscard]] virtual Phrase peer() const = 0;

  // Sends all frames, however long that takes. Returns the indexes of the frames that were too long for the
  // transport and were not sent.
  [[nodiscard]] virtual Result<std::vector<std::size_t>> send(const Frames& frames) = 0;

  // sent() is the number of bytes handed to the kernel. drained() is how many of them have left it: those
  // that the peer's kernel has acknowledged (a stream over the network), those that the peer has read (a
  // local stream), or all of them (datagrams). drained() fails if the peer has gone.
  [[nodiscard]] virtual std::uint64_t sent() const = 0;
  [[nodiscard]] virtual Result<std::uint64_t> drained() = 0;
  // Waits until all bytes have drained; false if `deadline` comes first. A stop leaves this half a second: a
  // healthy server needs less, and what it has acknowledged need not be sent again.
  [[nodiscard]] virtual Result<bool> drain(Deadline deadline) = 0;
};

[[nodiscard]] Result<std::unique_ptr<Connection>> connect_to(const Target& target,
                                                             const ConnectionSettings& settings, int stop_fd);

}  // namespace slurper
