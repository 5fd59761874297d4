// Endpoint: a host and a port, in the notation of the settings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slurper {

struct Endpoint {
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};

// Accepts "logs.example", "logs.example:6514", "192.0.2.1:514", "[::1]:514", "[::1]", "::1". Returns nothing
// for any other text, if it has a blank or a control character, or if the port is not 1 to 65535.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port);

// Returns what parse_endpoint() reads back: "[::1]:514".
[[nodiscard]] std::string format(const Endpoint& endpoint);

}  // namespace slurper
