#include "sink/net/no_network.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/fd.h"
#include "base/phrase_id.h"

namespace slurper {

namespace {

bool may_use_ip() {
  const UniqueFd socket_fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return socket_fd || (errno != EAFNOSUPPORT && errno != EPERM && errno != EACCES);
}

// Also true on a machine whose network is down, so only a service gets this advice. netlink(7) knows more,
// but is a socket family of its own, which the sandbox may refuse.
bool has_loopback_only() {
  std::ifstream devices("/proc/self/net/dev");
  std::string line;
  for (int heading = 0; heading < 2; ++heading) std::getline(devices, line);
  bool any = false;
  while (std::getline(devices, line)) {
    any = true;
    if (line.compare(line.find_first_not_of(' '), 3, "lo:") != 0) return false;
  }
  return any;
}

}  // namespace

Phrase network_remedy(int errnum) {
  const bool is_service = std::getenv("INVOCATION_ID") != nullptr;  // systemd.exec(5); nothing here sets it
  const bool is_denied = !may_use_ip() || (is_service && (errnum == EPERM || has_loopback_only()));
  if (!is_denied) return {};
  return PhraseId::SandboxWithoutNetwork;
}

}  // namespace slurper
