// Connects to syslog servers within a deadline.
#pragma once

#include <string>

#include "base/fd.h"
#include "sink/net/endpoint.h"
#include "sink/net/look_up.h"
#include "sink/net/waiting.h"
#include "slurper/result.h"

namespace slurper {

// The socket is non-blocking, close-on-exec and connected.
struct ConnectedSocket {
  UniqueFd fd;
  bool is_stream = false;
};

// All of these return Io if they can't reach the peer before the deadline, and Busy if `stop_fd` becomes
// readable. Each call belongs to one thread.

// Connects to a local socket as syslog(3) does: as a datagram socket, or as a stream if the path is one.
[[nodiscard]] Result<ConnectedSocket> connect_unix(const std::string& path, Deadline deadline, int stop_fd);

// Connects by TCP. Tries the host's addresses one after the other and gives each its share of the time.
[[nodiscard]] Result<UniqueFd> connect_stream(const Endpoint& endpoint, Deadline deadline, int stop_fd);

// Connects a datagram socket to this address of `endpoint`. Succeeds if there is a route to it, even if
// nothing listens there.
[[nodiscard]] Result<UniqueFd> connect_datagrams(const Endpoint& endpoint, const Address& address);

// The address that a socket is connected to: "192.0.2.1:514", "[::1]:514", or a path; empty if the kernel
// does not say.
[[nodiscard]] std::string peer_address(int fd);

// The error of a wait that slurper's stop has ended.
[[nodiscard]] std::unexpected<Error> fail_stopped(Phrase what);

}  // namespace slurper
