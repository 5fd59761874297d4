#include "trace/engine/socket_values.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "trace/engine/flags.h"
#include "trace/scap/scap_writer.h"

namespace slurper {

namespace {

struct InetEnd {
  std::string ip;  // 4 or 16 bytes
  std::uint16_t port = 0;
};

template <typename Number>
void put(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

std::uint16_t family_of(std::string_view address) {
  std::uint16_t family = AF_UNSPEC;
  if (address.size() >= sizeof family) std::memcpy(&family, address.data(), sizeof family);
  return family;
}

InetEnd end_of(std::string_view address) {
  const bool is_ipv6 = family_of(address) == AF_INET6;
  const std::size_t ip_at = is_ipv6 ? offsetof(sockaddr_in6, sin6_addr) : offsetof(sockaddr_in, sin_addr);
  const std::size_t ip_size = is_ipv6 ? 16 : 4;
  InetEnd end{.ip = std::string(ip_size, '\0')};
  if (address.size() < ip_at + ip_size) return end;
  std::uint16_t port = 0;
  std::memcpy(&port, address.data() + 2, sizeof port);
  end.port = ntohs(port);
  end.ip = address.substr(ip_at, ip_size);
  return end;
}

void put_end(std::string& out, const InetEnd& end) {
  out += end.ip;
  put(out, end.port);
}

std::string unix_tuple(const UnixConnection* connection, std::string_view address) {
  std::string value(1, static_cast<char>(AF_UNIX));
  put(value, connection == nullptr ? std::uint64_t{0} : as_hexadecimal_digits(connection->server));
  put(value, connection == nullptr ? std::uint64_t{0} : as_hexadecimal_digits(connection->client));
  std::string path = connection == nullptr ? std::string() : connection->path;
  if (path.empty() && address.size() > 2) path = unix_path_text(address.substr(2));
  value += path;
  value.push_back('\0');
  return value;
}

bool is_zero(const InetEnd& end) {
  return end.port == 0 && std::ranges::all_of(end.ip, [](char byte) { return byte == 0; });
}

std::string inet_tuple(const TraceObject& object, std::string_view address, bool inbound) {
  const bool is_ipv6 = object.kind == ObjectIpv6;
  const std::size_t size = is_ipv6 ? 16 : 4;
  const InetEnd local{std::string(reinterpret_cast<const char*>(object.inet.local_ip), size),
                      object.inet.local_port};
  InetEnd remote{std::string(reinterpret_cast<const char*>(object.inet.remote_ip), size),
                 object.inet.remote_port};
  if (is_zero(remote) && family_of(address) == (is_ipv6 ? AF_INET6 : AF_INET)) remote = end_of(address);
  if (is_zero(remote)) return {};
  std::string value(1, static_cast<char>(is_ipv6 ? AF_INET6 : AF_INET));
  put_end(value, inbound ? remote : local);
  put_end(value, inbound ? local : remote);
  return value;
}

}  // namespace

std::string socket_address_value(std::string_view address) {
  const std::uint16_t family = family_of(address);
  std::string value(1, static_cast<char>(family));
  if (family == AF_UNIX) {
    value += address.size() > 2 ? unix_path_text(address.substr(2)) : std::string();
    value.push_back('\0');
    return value;
  }
  if (family != AF_INET && family != AF_INET6) return {};
  put_end(value, end_of(address));
  return value;
}

std::string tuple_value(const TraceObject& object, const UnixConnection* connection, std::string_view address,
                        bool inbound) {
  switch (object.kind) {
    case ObjectUnix:
      return connection == nullptr && address.size() <= 2 ? std::string() : unix_tuple(connection, address);
    case ObjectIpv4:
    case ObjectIpv6:
      return inet_tuple(object, address, inbound);
    default:
      return {};
  }
}

std::string poll_value(std::string_view fds, bool ready) {
  std::uint16_t count = 0;
  std::string entries;
  for (; fds.size() >= sizeof(pollfd); fds.remove_prefix(sizeof(pollfd))) {
    pollfd one{};
    std::memcpy(&one, fds.data(), sizeof one);
    if (ready && one.revents == 0) continue;
    put(entries, std::int64_t{one.fd});
    put(entries, scap_poll_flags(static_cast<std::uint16_t>(ready ? one.revents : one.events)));
    ++count;
  }
  std::string value;
  put(value, count);
  return value + entries;
}

}  // namespace slurper
