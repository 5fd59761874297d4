#include "sink/net/connection.h"

#include "sink/net/datagram_connection.h"
#include "sink/net/stream_connection.h"

namespace slurper {

QuotedText Target::name() const {
  return {path.empty() ? format(endpoint) : path};
}

Result<std::unique_ptr<Connection>> connect_to(const Target& target, const ConnectionSettings& settings,
                                               int stop_fd) {
  const Deadline deadline = std::chrono::steady_clock::now() + settings.connect_timeout;
  const Transport transport = settings.transport;
  if (transport == Transport::Udp) return DatagramConnection::to_host(target, settings, stop_fd, deadline);
  ConnectedSocket socket{.fd = {}, .is_stream = true};
  if (transport == Transport::Unix) {
    auto local = connect_unix(target.path, deadline, stop_fd);
    if (!local) return std::unexpected(std::move(local.error()));
    socket = std::move(*local);
  } else {
    auto remote = connect_stream(target.endpoint, deadline, stop_fd);
    if (!remote) return std::unexpected(std::move(remote.error()));
    socket.fd = std::move(*remote);
  }
  if (!socket.is_stream)
    return std::make_unique<DatagramConnection>(std::move(socket.fd), target, settings, stop_fd);
  auto stream = std::make_unique<StreamConnection>(std::move(socket.fd), target, settings, stop_fd);
  if (transport == Transport::Tls) {
    if (Status started = stream->start_tls(target.endpoint.host, deadline); !started)
      return std::unexpected(std::move(started.error()));
  }
  return stream;
}

}  // namespace slurper
