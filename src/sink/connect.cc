#include "sink/connect.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace slurper {

namespace {

using Clock = std::chrono::steady_clock;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// What a look-up and whoever waits for it share; the last of the two frees it.
struct LookUp {
  Endpoint endpoint;
  int flags = 0;
  int type = 0;
  UniqueFd done_fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::atomic<bool> done = false;
  int error = 0;  // EAI_…
  int errnum = 0;
  std::vector<Address> addresses;

  void run() {
    const addrinfo hints{.ai_flags = flags | AI_NUMERICSERV,
                         .ai_family = AF_UNSPEC,
                         .ai_socktype = type,
                         .ai_protocol = 0,
                         .ai_addrlen = 0,
                         .ai_addr = nullptr,
                         .ai_canonname = nullptr,
                         .ai_next = nullptr};
    addrinfo* found = nullptr;
    error = ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
    errnum = errno;
    for (const addrinfo* info = error == 0 ? found : nullptr; info != nullptr; info = info->ai_next) {
      Address& address = addresses.emplace_back();
      address.size = info->ai_addrlen;
      std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    }
    if (error == 0) ::freeaddrinfo(found);
    done.store(true, std::memory_order_release);
    (void)::eventfd_write(done_fd.get(), 1);  // can't fail: it is the only one
  }
};

Result<std::vector<Address>> look_up(const Endpoint& endpoint, bool is_stream, Deadline deadline,
                                     int stop_fd) {
  const std::string what = fmt::format("find the address of '{}'", printable(endpoint.host));
  const auto look_up = std::make_shared<LookUp>();
  look_up->endpoint = endpoint;
  look_up->type = is_stream ? SOCK_STREAM : SOCK_DGRAM;
  look_up->flags = AI_NUMERICHOST;
  look_up->run();
  if (look_up->error == 0) return std::move(look_up->addresses);

  const auto by_name = std::make_shared<LookUp>();
  by_name->endpoint = endpoint;
  by_name->type = look_up->type;
  try {
    std::thread([by_name] { by_name->run(); }).detach();
  } catch (const std::system_error& error) {
    return fail_errno(error.code().value(), what);
  }
  switch (wait_for(by_name->done_fd.get(), POLLIN, deadline, stop_fd)) {
    case Woken::Stopped:
      return fail_stopped(what);
    case Woken::TimedOut:
      return fail(ErrorKind::Io, what, "the DNS does not answer in time", "Look at /etc/resolv.conf");
    case Woken::Ready:
      break;
  }
  if (!by_name->done.load(std::memory_order_acquire)) return fail(ErrorKind::Internal, what, "no answer");
  if (by_name->error == 0) return std::move(by_name->addresses);
  return fail(ErrorKind::Io, what,
              by_name->error == EAI_SYSTEM ? errno_text(by_name->errnum) : ::gai_strerror(by_name->error),
              "Check the target's spelling, and the DNS");
}

// The errno of connecting, 0 for success, ECANCELED for a stop.
int connect_fd(int fd, const sockaddr* address, socklen_t size, Deadline deadline, int stop_fd) {
  for (;;) {
    if (::connect(fd, address, size) == 0) return 0;
    // A local stream whose backlog is full: there is nothing to poll for (connect(2)).
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

std::string advice_for(int errnum, std::string_view how) {
  if (errnum == ECONNREFUSED) return fmt::format("Nothing listens there by {}: is the server running?", how);
  if (errnum == ETIMEDOUT) return "Nothing answers: is the host up, and no firewall between?";
  if (errnum == ENOENT) return "No such socket: is the syslogd running?";
  return {};
}

std::unexpected<Error> fail_connect(int errnum, std::string what, std::string_view how) {
  if (errnum == ECANCELED) return fail_stopped(std::move(what));
  std::string advice = advice_for(errnum, how);
  auto failed = fail_errno(errnum, std::move(what), std::move(advice));
  if (failed.error().kind == ErrorKind::NoInput) failed.error().kind = ErrorKind::Io;
  return failed;
}

}  // namespace

std::unexpected<Error> fail_stopped(std::string what) {
  return fail(ErrorKind::Busy, std::move(what), "slurper is ending");
}

Result<ConnectedSocket> connect_unix(const std::string& path, Deadline deadline, int stop_fd) {
  const std::string what = fmt::format("connect to the socket '{}'", printable(path));
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
  return fail_connect(error, what, "a socket");
}

Result<ConnectedSocket> connect_inet(const Endpoint& endpoint, bool is_stream, Deadline deadline,
                                     int stop_fd) {
  const std::string_view how = is_stream ? "TCP" : "UDP";
  const std::string what = fmt::format("connect to '{}' by {}", printable(format(endpoint)), how);
  auto addresses = look_up(endpoint, is_stream, deadline, stop_fd);
  if (!addresses) return std::unexpected(std::move(addresses.error()));
  int error = EADDRNOTAVAIL;
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    const Address& address = (*addresses)[i];
    UniqueFd fd = open_socket(address.storage.ss_family, is_stream);
    if (!fd) {
      error = errno;
      continue;
    }
    const auto now = Clock::now();
    const auto share = (deadline - std::min(now, deadline)) / static_cast<int>(addresses->size() - i);
    error = connect_fd(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size,
                       now + share, stop_fd);
    if (error == 0) return ConnectedSocket{.fd = std::move(fd), .is_stream = is_stream};
    if (error == ECANCELED) break;
  }
  return fail_connect(error, what, how);
}

}  // namespace slurper
