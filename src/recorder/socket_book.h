// SocketBook: what a socket is, as seen from outside of the kernel.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/fd.h"
#include "trace/engine/event.h"

namespace slurper {

// What sock_diag(7) says of an AF_UNIX socket.
struct UnixSocket {
  std::string name;  // as it is bound, without the family
  bool has_peer = false;
  std::uint32_t peer = 0;  // inode; 0 before accept(2), and after the peer's close
};

// Remembers connections, whose ends do not change. For one thread.
class SocketBook {
 public:
  // Which side of a connection the call has just made.
  enum class Made : std::uint8_t { Nothing, ByConnect, ByAccept };

  // Fills in what lies behind the process's descriptor, a socket with that inode. The keys of AF_UNIX sockets
  // are made up here: ptrace shows no addresses of the kernel.
  void describe(pid_t pid, int fd, Made made, TraceObject& object);
  // The path to which the socket is bound, else the other end's: it names the connection.
  [[nodiscard]] std::string bound(const TraceObject& object);

 private:
  [[nodiscard]] std::optional<UnixSocket> ask(std::uint64_t ino);
  void describe_unix(const UnixSocket& socket, Made made, TraceObject& object);
  static void describe_by_copy(pid_t pid, int fd, TraceObject& object);

  UniqueFd netlink_;
  std::unordered_map<std::uint64_t, TraceObject> connected_;
  std::unordered_map<std::uint64_t, std::string> names_;
};

}  // namespace slurper
