// ConnectionSettings: the settings of a connection over the network, for every type of sink that has one.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "sink/net/tls_settings.h"
#include "slurper/sink.h"

namespace slurper {

enum class Transport : std::uint8_t { Unix, Udp, Tcp, Tls };

struct ConnectionSettings {
  Transport transport = Transport::Tcp;
  std::chrono::milliseconds connect_timeout{10'000};  // look-up, connect and TLS handshake together
  // A connection on which nothing has moved for this long counts as broken. 0: wait as long as the peer's
  // kernel lives.
  std::chrono::milliseconds write_timeout{0};
  // A peer whose kernel has answered no probe for this long is dead.
  std::chrono::milliseconds dead_after{30'000};
  std::chrono::milliseconds keepalive{60'000};  // how often to probe an idle peer; 0: never
  std::uint64_t send_buffer = 0;                // SO_SNDBUF; 0: the kernel tunes it
  // UDP only, since it has no connection that would break: how long a resolved address stays valid.
  std::chrono::milliseconds resolve_every{60'000};
  TlsSettings tls;

  // The declarations of the timeouts and of the buffer, which a type adds to its own, and their values. A
  // type that offers a choice of transports, or TLS, sets those itself.
  [[nodiscard]] static std::span<const Setting> settings();
  [[nodiscard]] static ConnectionSettings from(SinkOptions& options);
};

}  // namespace slurper
