#include "recorder/socket_book.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace slurper {

namespace {

// The key of the socket that accept(2) gives out for a client's: it has no inode before.
constexpr std::uint64_t kAcceptedFrom = std::uint64_t{1} << 63;

struct Request {
  nlmsghdr header;
  unix_diag_req body;
};

UnixSocket parse(const unix_diag_msg* message, std::size_t size) {
  UnixSocket socket;
  const auto* attribute = reinterpret_cast<const rtattr*>(message + 1);
  for (auto left = static_cast<int>(size - sizeof *message); RTA_OK(attribute, left);
       attribute = RTA_NEXT(attribute, left)) {
    const auto* const value = static_cast<const char*>(RTA_DATA(attribute));
    if (attribute->rta_type == UNIX_DIAG_NAME) socket.name.assign(value, RTA_PAYLOAD(attribute));
    if (attribute->rta_type != UNIX_DIAG_PEER) continue;
    socket.has_peer = true;
    std::memcpy(&socket.peer, value, sizeof socket.peer);
  }
  return socket;
}

void set_end(const sockaddr_storage& address, u8* ip, u16& port) {
  if (address.ss_family == AF_INET) {
    sockaddr_in end{};
    std::memcpy(&end, &address, sizeof end);
    std::memcpy(ip, &end.sin_addr, sizeof end.sin_addr);
    port = ntohs(end.sin_port);
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 end{};
    std::memcpy(&end, &address, sizeof end);
    std::memcpy(ip, &end.sin6_addr, sizeof end.sin6_addr);
    port = ntohs(end.sin6_port);
  }
}

}  // namespace

std::optional<UnixSocket> SocketBook::ask(std::uint64_t ino) {
  if (!netlink_) netlink_.reset(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = ~0U;
  request.body.udiag_ino = static_cast<std::uint32_t>(ino);
  request.body.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER;
  std::ranges::fill(request.body.udiag_cookie, ~0U);  // any
  if (::send(netlink_.get(), &request, sizeof request, 0) != sizeof request) return std::nullopt;
  alignas(nlmsghdr) std::array<char, 1024> answer{};
  const ssize_t size = ::recv(netlink_.get(), answer.data(), answer.size(), 0);
  const auto* const header = reinterpret_cast<const nlmsghdr*>(answer.data());
  if (size <= 0 || !NLMSG_OK(header, static_cast<std::size_t>(size)) ||
      header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
    return std::nullopt;
  return parse(static_cast<const unix_diag_msg*>(NLMSG_DATA(header)), header->nlmsg_len - NLMSG_HDRLEN);
}

void SocketBook::describe(pid_t pid, int fd, Made made, TraceObject& object) {
  const auto known = connected_.find(object.ino);
  if (known != connected_.end() && made == Made::Nothing) {
    object = known->second;
    return;
  }
  if (const auto socket = ask(object.ino)) {
    describe_unix(*socket, made, object);
  } else {
    describe_by_copy(pid, fd, object);
  }
  const bool is_connected =
      object.kind == ObjectUnix ? object.local.peer_key != 0 : object.inet.remote_port != 0;
  const bool has_ends = object.kind == ObjectUnix || object.kind == ObjectIpv4 || object.kind == ObjectIpv6;
  if (has_ends && is_connected) connected_[object.ino] = object;
}

// Both ends must come to the same keys, whichever is seen first.
void SocketBook::describe_unix(const UnixSocket& socket, Made made, TraceObject& object) {
  object.kind = ObjectUnix;
  LocalEnds& ends = object.local;
  ends = {.key = object.ino, .peer_key = socket.peer, .peer_ino = socket.peer};
  if (!socket.has_peer) return;
  const auto peer = connected_.find(socket.peer);
  if (made == Made::ByAccept && socket.peer != 0) {
    ends.key = kAcceptedFrom | socket.peer;
  } else if (made == Made::ByConnect) {
    ends.peer_key = kAcceptedFrom | object.ino;
  } else if (peer != connected_.end() && peer->second.kind == ObjectUnix) {
    ends.key = peer->second.local.peer_key;
    ends.peer_key = peer->second.local.key;
  }
}

std::string SocketBook::bound(const TraceObject& object) {
  if (const auto found = names_.find(object.ino); found != names_.end()) return found->second;
  std::string name;
  for (const std::uint64_t ino : {object.ino, object.local.peer_ino}) {
    const auto socket = ino == 0 || !name.empty() ? std::nullopt : ask(ino);
    if (socket) name = socket->name;
  }
  // The other end may get an inode, or this one a name.
  if (!name.empty() || object.local.peer_ino != 0) names_[object.ino] = name;
  return name;
}

// pidfd_getfd(2) gives a second descriptor of the socket itself, which is closed at once.
void SocketBook::describe_by_copy(pid_t pid, int fd, TraceObject& object) {
  object.kind = ObjectSocket;
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const UniqueFd copy(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), fd, 0)));
  struct stat file{};
  // A thread may have descriptors of its own, other than its process.
  if (!copy || ::fstat(copy.get(), &file) != 0 || file.st_ino != object.ino) return;
  int family = 0;
  int protocol = 0;
  socklen_t size = sizeof family;
  if (::getsockopt(copy.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) return;
  (void)::getsockopt(copy.get(), SOL_SOCKET, SO_PROTOCOL, &protocol, &size);  // else it stays unknown
  if (family == AF_UNIX) object.kind = ObjectUnix;
  if (family != AF_INET && family != AF_INET6) return;
  object.kind = family == AF_INET ? ObjectIpv4 : ObjectIpv6;
  object.protocol = static_cast<u8>(protocol);
  sockaddr_storage address{};
  size = sizeof address;
  if (::getsockname(copy.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0)
    set_end(address, object.inet.local_ip, object.inet.local_port);
  size = sizeof address;
  if (::getpeername(copy.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0)
    set_end(address, object.inet.remote_ip, object.inet.remote_port);
}

}  // namespace slurper
