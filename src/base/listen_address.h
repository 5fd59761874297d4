// ListenAddress: an IP address and a port to listen at, in the notation of the settings.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string_view>

namespace slurper {

struct ListenAddress {
  sockaddr_storage address{};  // sockaddr_in or sockaddr_in6
  socklen_t size = 0;
  bool is_loopback = false;  // only this machine reaches it
};

// Accepts "127.0.0.1:9127" and "[::1]:9127": numbers only, since a name would have to be looked up, which may
// take minutes. Port 0 is not accepted. Empty for any other text.
[[nodiscard]] std::optional<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace slurper
