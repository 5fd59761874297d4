// Connecting to syslog servers, without ever waiting for them any longer than allowed.
#pragma once

#include <string>

#include "base/fd.h"
#include "sink/net/endpoint.h"
#include "sink/net/look_up.h"
#include "sink/net/waiting.h"
#include "slurper/result.h"

namespace slurper {

// Non-blocking, close-on-exec, connected.
struct ConnectedSocket {
  UniqueFd fd;
  bool is_stream = false;
};

// Errors of all: Io where the peer can't be reached before the deadline, Busy where `stop_fd` became
// readable. One thread each.

// To a local socket, a datagram one or, where the path is that, a stream: what syslog(3) does.
[[nodiscard]] Result<ConnectedSocket> connect_unix(const std::string& path, Deadline deadline, int stop_fd);

// To a port by TCP: the addresses of the host one after the other, each with its share of the time.
[[nodiscard]] Result<UniqueFd> connect_stream(const Endpoint& endpoint, Deadline deadline, int stop_fd);

// For datagrams to this address of `endpoint`. That succeeds if there is a way to it, whoever listens there.
[[nodiscard]] Result<UniqueFd> connect_datagrams(const Endpoint& endpoint, const Address& address);

// What a wait ends with when slurper does.
[[nodiscard]] std::unexpected<Error> fail_stopped(std::string what);

}  // namespace slurper
