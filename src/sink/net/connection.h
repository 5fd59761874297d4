// Connection: a way to a syslog server, that knows what the other side has of what was sent.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sink/net/connect.h"
#include "sink/net/tls.h"
#include "slurper/result.h"

namespace slurper {

enum class Transport : std::uint8_t { Unix, Udp, Tcp, Tls };

struct ConnectionSettings {
  Transport transport = Transport::Tcp;
  std::chrono::milliseconds connect_timeout{10'000};  // look-up, connect and TLS handshake together
  // A connection on which nothing has moved for so long is broken; 0: wait for ever, as long as the peer's
  // kernel lives.
  std::chrono::milliseconds write_timeout{0};
  // A peer whose kernel has answered nothing for so long, though it was asked, is dead.
  std::chrono::milliseconds dead_after{30'000};
  std::chrono::milliseconds keepalive{60'000};  // asks an idle peer; 0: never
  std::uint64_t send_buffer = 0;                // SO_SNDBUF; 0: as the kernel tunes it
  // Of UDP, which has no connection that would break: how long an address that was looked up is good for.
  std::chrono::milliseconds resolve_every{60'000};
  TlsSettings tls;
};

// Where to: a host's port, or the path of a local socket.
struct Target {
  Endpoint endpoint;
  std::string path;
  [[nodiscard]] std::string name() const;  // in quotes, for messages
};

// Messages one behind the other, in their frames.
struct Frames {
  std::string bytes;
  std::vector<std::size_t> ends;
  void clear() {
    bytes.clear();
    ends.clear();
  }
};

// Bytes are counted as they are on the wire: with TLS, the ciphertext's. Owned by one thread, which every
// call may hold up; `stop_fd` ends each wait with an error (Busy). After any error (Io) the connection is
// broken. What it knew dies with the process.
class Connection {
 public:
  virtual ~Connection() = default;

  // Or else datagrams, each of them one frame.
  [[nodiscard]] virtual bool is_stream() const = 0;

  // Hands all over, for as long as that takes. The places of those that are too long for the transport, and
  // were not sent.
  [[nodiscard]] virtual Result<std::vector<std::size_t>> send(const Frames& frames) = 0;

  // How many bytes have been handed to the kernel, and how many of them have left it: those that the peer's
  // kernel has acknowledged (a stream over the network), that the peer has read (a local stream), all of them
  // (datagrams). An error where the peer has gone.
  [[nodiscard]] virtual std::uint64_t sent() const = 0;
  [[nodiscard]] virtual Result<std::uint64_t> drained() = 0;
  // Waits until all of them have; false where `deadline` came first. A stop leaves it half a second, since a
  // server that is well needs less, and what it has need not be sent again.
  [[nodiscard]] virtual Result<bool> drain(Deadline deadline) = 0;
};

[[nodiscard]] Result<std::unique_ptr<Connection>> connect_to(const Target& target,
                                                             const ConnectionSettings& settings, int stop_fd);

}  // namespace slurper
