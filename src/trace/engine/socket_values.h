// Addresses, tuples and poll sets as the capture format has them.
#pragma once

#include <string>
#include <string_view>

#include "trace/engine/event.h"
#include "trace/engine/unix_connections.h"

namespace slurper {

// From a struct sockaddr. Empty for families that the format lacks.
[[nodiscard]] std::string socket_address_value(std::string_view address);

// Both ends of the socket, or those of a datagram, whose other end is `address`. `inbound`: the other end is
// the source.
[[nodiscard]] std::string tuple_value(const TraceObject& object, const UnixConnection* connection,
                                      std::string_view address, bool inbound);

// From an array of struct pollfd: what is waited for, or `ready`, those descriptors for which something has
// come.
[[nodiscard]] std::string poll_value(std::string_view fds, bool ready);

}  // namespace slurper
