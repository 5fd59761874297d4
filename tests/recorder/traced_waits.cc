// Tasks in which a process waits for another one.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>
#include <vector>

#include "recorder/traced_tasks.h"

namespace slurper::test {

namespace {

constexpr std::size_t kStreamBytes = 16'000'000;  // more than the buffers of both ends
constexpr std::size_t kDatagrams = 2000;          // more than net.unix.max_dgram_qlen
constexpr std::size_t kDatagramBytes = 1000;

struct Server {
  int socket = -1;
  sockaddr_storage address{};
  socklen_t size = 0;
};

Server make_server(const char* path, std::string_view kind) {
  const bool is_tcp = kind.starts_with("tcp");
  const int type = kind.starts_with("datagrams") ? SOCK_DGRAM : SOCK_STREAM;
  Server server{.socket = must(::socket(is_tcp ? AF_INET : AF_UNIX, type | SOCK_CLOEXEC, 0), "socket")};
  if (is_tcp) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(&server.address, &address, sizeof address);
    server.size = sizeof address;
  } else {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    std::memcpy(&server.address, &address, sizeof address);
    server.size = sizeof address;
  }
  auto* const address = reinterpret_cast<sockaddr*>(&server.address);
  must(::bind(server.socket, address, server.size), "bind");
  must(::getsockname(server.socket, address, &server.size), "getsockname");
  if (type == SOCK_STREAM) must(::listen(server.socket, 1), "listen");
  return server;
}

void send_all(const Server& server, int type) {
  const int client = must(::socket(server.address.ss_family, type | SOCK_CLOEXEC, 0), "socket");
  must(::connect(client, reinterpret_cast<const sockaddr*>(&server.address), server.size), "connect");
  const std::vector<char> bytes(type == SOCK_DGRAM ? kDatagramBytes : kStreamBytes, 'x');
  const std::size_t times = type == SOCK_DGRAM ? kDatagrams : 1;
  for (std::size_t i = 0; i < times; ++i) must(::write(client, bytes.data(), bytes.size()), "write");
  std::_Exit(0);
}

}  // namespace

int receive_late(const char* path, const char* kind) {
  const std::string_view kind_text = kind;
  const bool is_datagram = kind_text.starts_with("datagrams");
  const Server server = make_server(path, kind_text);
  const pid_t child = must(::fork(), "fork");
  if (child == 0) {
    Server there = server;
    send_all(there, is_datagram ? SOCK_DGRAM : SOCK_STREAM);
  }
  const int receiver =
      is_datagram ? server.socket : must(::accept(server.socket, nullptr, nullptr), "accept");
  const timespec late{.tv_sec = 1, .tv_nsec = 200'000'000};
  if (!kind_text.ends_with("-at-once")) ::nanosleep(&late, nullptr);
  std::vector<char> bytes(std::size_t{1} << 20);
  std::size_t left = is_datagram ? kDatagrams * kDatagramBytes : kStreamBytes;
  while (left > 0)
    left -= static_cast<std::size_t>(must(::read(receiver, bytes.data(), bytes.size()), "read"));
  return must(::waitpid(child, nullptr, 0), "waitpid") > 0 ? 0 : 99;
}

}  // namespace slurper::test
