#include "sink/net/connect.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"
#include "sink/net/no_network.h"

namespace slurper {

namespace {

using Clock = std::chrono::steady_clock;

// Returns the errno of connecting, 0 for success, or ECANCELED for a stop.
int connect_fd(int fd, const sockaddr* address, socklen_t size, Deadline deadline, int stop_fd) {
  for (;;) {
    if (::connect(fd, address, size) == 0) return 0;
    // The backlog of a local stream is full: there is nothing to poll for (connect(2)).
    if (errno != EAGAIN && errno != EINTR) break;
    const auto soon = Clock::now() + std::chrono::milliseconds(10);
    if (soon >= deadline) return ETIMEDOUT;
    if (wait_for(-1, 0, soon, stop_fd) == Woken::Stopped) return ECANCELED;
  }
  if (errno != EINPROGRESS) return errno;
  switch (wait_for(fd, POLLOUT, deadline, stop_fd)) {
    case Woken::Stopped:
      return ECANCELED;
    case Woken::TimedOut:
      return ETIMEDOUT;
    case Woken::Ready:
      break;
  }
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

UniqueFd open_socket(int family, bool is_stream) {
  return UniqueFd(::socket(family, (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

std::unexpected<Error> fail_connect(int errnum, Phrase what, Phrase advice) {
  if (errnum == ECANCELED) return fail_stopped(std::move(what));
  auto failed = fail_errno(errnum, std::move(what), std::move(advice));
  if (failed.error().kind == ErrorKind::NoInput) failed.error().kind = ErrorKind::Io;
  return failed;
}

Phrase connect_to(const Endpoint& endpoint, std::string_view protocol) {
  return {PhraseId::ConnectTo, {{"target", QuotedText{format(endpoint)}}, {"protocol", protocol}}};
}

}  // namespace

std::unexpected<Error> fail_stopped(Phrase what) {
  return fail(ErrorKind::Busy, std::move(what), PhraseId::SlurperEnds);
}

std::string peer_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  if (::getpeername(fd, address, &size) != 0) return {};
  if (storage.ss_family == AF_UNIX) return reinterpret_cast<const sockaddr_un*>(&storage)->sun_path;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return {};
  const bool is_v6 = storage.ss_family == AF_INET6;
  return std::string(is_v6 ? "[" : "") + host.data() + (is_v6 ? "]:" : ":") + port.data();
}

Result<ConnectedSocket> connect_unix(const std::string& path, Deadline deadline, int stop_fd) {
  const Phrase what = about_file(PhraseId::ConnectToSocket, path);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) return fail_errno(ENAMETOOLONG, what);
  path.copy(address.sun_path, path.size());
  int error = EPROTOTYPE;
  for (const bool is_stream : {false, true}) {
    UniqueFd fd = open_socket(AF_UNIX, is_stream);
    if (!fd) return fail_errno(errno, what);
    error =
        connect_fd(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address, deadline, stop_fd);
    if (error == 0) return ConnectedSocket{.fd = std::move(fd), .is_stream = is_stream};
    if (error != EPROTOTYPE) break;
  }
  return fail_connect(error, what, {});
}

Result<UniqueFd> connect_stream(const Endpoint& endpoint, Deadline deadline, int stop_fd) {
  auto look_up = LookUp::begin(endpoint, true);
  if (!look_up) return std::unexpected(std::move(look_up.error()));
  const auto addresses = look_up->addresses(deadline, stop_fd);
  if (!addresses) return std::unexpected(addresses.error());
  int error = EADDRNOTAVAIL;
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    const Address& address = (*addresses)[i];
    UniqueFd fd = open_socket(address.storage.ss_family, true);
    if (!fd) {
      error = errno;
      continue;
    }
    const auto now = Clock::now();
    const auto share = (deadline - std::min(now, deadline)) / static_cast<int>(addresses->size() - i);
    error = connect_fd(fd.get(), address.get(), address.size, now + share, stop_fd);
    if (error == 0) return fd;
    if (error == ECANCELED) break;
  }
  return fail_connect(error, connect_to(endpoint, "TCP"), network_remedy(error));
}

Result<UniqueFd> connect_datagrams(const Endpoint& endpoint, const Address& address) {
  UniqueFd fd = open_socket(address.storage.ss_family, false);
  if (fd && ::connect(fd.get(), address.get(), address.size) == 0) return fd;
  const int error = errno;
  return fail_connect(error, connect_to(endpoint, "UDP"), network_remedy(error));
}

}  // namespace slurper
