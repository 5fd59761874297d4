// A small HTTP client for 127.0.0.1, which can also do what no client should.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace slurper::test {

// A port of 127.0.0.1 that is free now, and that the kernel gives to no client meanwhile: it is below those
// (ip_local_port_range). Tests that run at the same time hardly ever choose the same one.
inline std::uint16_t free_port() {
  std::random_device random;
  for (;;) {
    const auto port = static_cast<std::uint16_t>(10'240 + random() % 22'000);
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return port;
  }
}

// Returns an empty descriptor if no process listens. With `receive_buffer`, the kernel takes no more for the
// client.
inline UniqueFd connect_to_port(std::uint16_t port, int receive_buffer = 0) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (receive_buffer != 0)
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

// Returns whether the peer took all of it.
inline bool send_bytes(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

// What the peer says until it closes the connection, or until it has said nothing for two minutes.
inline std::string receive_all(int fd) {
  std::string all;
  for (std::array<char, 65536> piece{};;) {
    pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, 120'000) <= 0) return all + "(nothing comes)";
    const ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return all;
    all.append(piece.data(), static_cast<std::size_t>(got));
  }
}

// The whole answer, header and body; empty if no process listens.
inline std::string http_request(std::uint16_t port, std::string_view request) {
  const UniqueFd fd = connect_to_port(port);
  if (!fd || !send_bytes(fd.get(), request)) return {};
  return receive_all(fd.get());
}
inline std::string http_get(std::uint16_t port, const std::string& path) {
  return http_request(port, "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
}
inline std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? std::string() : answer.substr(end + 4);
}

// The value of a series as the text has it: "slurper_healthy{log=\"x\"}"; empty if it has none.
inline std::string value_of(const std::string& text, const std::string& series) {
  const std::size_t at = ('\n' + text).find('\n' + series + ' ');
  if (at == std::string::npos) return {};
  const std::size_t begin = at + series.size() + 1;
  return text.substr(begin, text.find('\n', begin) - begin);
}

}  // namespace slurper::test
