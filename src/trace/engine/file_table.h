// From the kernel's open files to the entries of a capture's tables.
#pragma once

#include <cstdint>
#include <set>

#include "trace/engine/param_plan.h"
#include "trace/engine/unix_connections.h"
#include "trace/scap/scap_writer.h"

namespace slurper {

// Ports on which TCP sockets listen: the other ends of their connections are the clients.
using ListeningPorts = std::set<std::uint16_t>;

// Adds the port if the file is a TCP socket that listens.
void note_listening(const RecordView& file, ListeningPorts& ports);

[[nodiscard]] ScapFd fd_entry(const RecordView& file, UnixConnections& connections,
                              const ListeningPorts& ports);

}  // namespace slurper
