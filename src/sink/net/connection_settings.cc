#include "sink/net/connection_settings.h"

#include <array>

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kDay = in_milliseconds(24h);
constexpr std::uint64_t kGiB = 1U << 30;

}  // namespace

std::span<const Setting> ConnectionSettings::settings() {
  using Type = Setting::Type;
  static constexpr std::array kSettings = {
      Setting{.name = "connect_timeout",
              .type = Type::Duration,
              .help = "for look-up, connection and TLS handshake together",
              .initial = "10s",
              .min = in_milliseconds(100ms),
              .max = kDay},
      Setting{.name = "dead_after",
              .type = Type::Duration,
              .help = "a server whose kernel answers nothing for so long is dead",
              .initial = "30s",
              .min = in_milliseconds(1s),
              .max = kDay},
      Setting{.name = "write_timeout",
              .type = Type::Duration,
              .help = "a server that takes nothing for so long is given up; 0: never",
              .initial = "0",
              .max = kDay},
      Setting{.name = "keepalive",
              .type = Type::Duration,
              .help = "how often an idle connection is checked; 0: never",
              .initial = "60s",
              .max = in_milliseconds(8h)},
      Setting{.name = "send_buffer",
              .type = Type::Size,
              .help = "what slurper's kernel may hold of a connection; 0: as it likes",
              .initial = "0",
              .max = kGiB},
  };
  return kSettings;
}

ConnectionSettings ConnectionSettings::from(SinkOptions& options) {
  ConnectionSettings settings;
  settings.connect_timeout = options.duration("connect_timeout");
  settings.write_timeout = options.duration("write_timeout");
  settings.dead_after = options.duration("dead_after");
  settings.keepalive = options.duration("keepalive");
  settings.send_buffer = options.number("send_buffer");
  return settings;
}

}  // namespace slurper
