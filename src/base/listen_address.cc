#include "base/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>

namespace slurper {

namespace {

constexpr std::uint32_t kLoopbackNet = 127;  // 127.0.0.0/8

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [rest, error] = std::from_chars(text.begin(), text.end(), port);
  if (error != std::errc() || rest != text.end() || port == 0) return std::nullopt;
  return port;
}

template <typename Address>
ListenAddress with(const Address& address, bool is_loopback) {
  ListenAddress listen{.address = {}, .size = sizeof address, .is_loopback = is_loopback};
  static_assert(sizeof address <= sizeof listen.address);
  std::memcpy(&listen.address, &address, sizeof address);
  return listen;
}

}  // namespace

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::nullopt;
  std::string host(text.substr(0, colon));
  if (host.find('\0') != std::string::npos) return std::nullopt;
  if (!host.starts_with('[')) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(*port);
    if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return std::nullopt;
    return with(address, ntohl(address.sin_addr.s_addr) >> 24 == kLoopbackNet);
  }
  if (!host.ends_with(']')) return std::nullopt;
  host = host.substr(1, host.size() - 2);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(*port);
  if (::inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) != 1) return std::nullopt;
  return with(address, IN6_IS_ADDR_LOOPBACK(&address.sin6_addr));
}

}  // namespace slurper
