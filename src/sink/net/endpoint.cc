#include "sink/net/endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace slurper {

namespace {

// The DNS's limit, and the form that getaddrinfo(3) accepts; a '%' begins the zone of a link-local address.
constexpr std::size_t kMaxHost = 255;

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= kMaxHost && std::ranges::all_of(text, [](char c) {
    return c > 0x20 && c < 0x7f && c != '[' && c != ']' && c != '/' && c != '@';
  });
}

}  // namespace

std::optional<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    if (!rest.empty()) port = rest.substr(1);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos && colon == text.rfind(':')) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (!is_host(host)) return std::nullopt;
  Endpoint endpoint{.host = std::string(host), .port = default_port};
  if (!port) return endpoint;
  const auto [rest, error] = std::from_chars(port->begin(), port->end(), endpoint.port);
  if (error != std::errc() || rest != port->end() || endpoint.port == 0) return std::nullopt;
  return endpoint;
}

std::string format(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", endpoint.host, is_ipv6 ? "]" : "", endpoint.port);
}

}  // namespace slurper
