// Receiver: a syslog server on loopback of which every move is the test's.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace slurper::test {

// Listens on a port of 127.0.0.1 (of the kernel's choice, or that of the one before it). Nothing is accepted
// or read unless the test says so.
class TcpServer {
 public:
  explicit TcpServer(std::uint16_t port = 0, int receive_buffer = 0, int backlog = 16)
      : listen_fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    EXPECT_EQ(::setsockopt(listen_fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    if (receive_buffer != 0) {
      EXPECT_EQ(::setsockopt(listen_fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer),
                0);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listen_fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0) << errno;
    EXPECT_EQ(::listen(listen_fd_.get(), backlog), 0);
    EXPECT_EQ(::getsockname(listen_fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string target() const { return "127.0.0.1:" + std::to_string(port_); }
  void stop_listening() { listen_fd_.reset(); }

  // Waits for a connection, until the deadline of a test.
  [[nodiscard]] UniqueFd accept() const {
    pollfd waits{.fd = listen_fd_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waits, 1, 30'000) != 1) return UniqueFd();
    return UniqueFd(::accept4(listen_fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

 private:
  UniqueFd listen_fd_;
  std::uint16_t port_ = 0;
};

// Reads until `size` bytes are there, or the end, or 30 s without a byte.
inline std::string read_some(int fd, std::size_t size) {
  std::string text;
  while (text.size() < size) {
    pollfd waits{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&waits, 1, 30'000) != 1) break;
    std::string piece(std::min<std::size_t>(size - text.size(), 1 << 16), '\0');
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got <= 0) break;
    text.append(piece, 0, static_cast<std::size_t>(got));
  }
  return text;
}

inline std::string read_all(int fd) {
  return read_some(fd, std::string::npos);
}

// Cuts RFC 6587's octet-counted frames. What is left at the end, a frame that was cut short, is `rest`.
struct OctetFrames {
  std::vector<std::string> messages;
  std::string rest;
};
inline OctetFrames cut_octet_frames(std::string_view stream) {
  OctetFrames frames;
  while (!stream.empty()) {
    std::size_t size = 0;
    const auto [digits_end, error] = std::from_chars(stream.begin(), stream.end(), size);
    const auto header = static_cast<std::size_t>(digits_end - stream.begin()) + 1;
    if (header > stream.size() || stream.size() - header < size) break;
    if (error != std::errc() || *digits_end != ' ') {
      ADD_FAILURE() << "no frame: " << stream.substr(0, 60);
      break;
    }
    frames.messages.emplace_back(stream.substr(header, size));
    stream.remove_prefix(header + size);
  }
  frames.rest = stream;
  return frames;
}

// RST instead of FIN at the close.
inline void reset_connection(UniqueFd& fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
  fd.reset();
}

}  // namespace slurper::test
