#include "sink/journald/journal_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/phrase_id.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr const char* kSocket = "/run/systemd/journal/socket";
// journald usually takes a millisecond.
constexpr std::chrono::microseconds kFirstLook = 100us;
constexpr std::chrono::microseconds kLastLook = 20ms;

struct Marker {
  UniqueFd sent;   // the lock ends when journald closes the last descriptor of this open file
  UniqueFd looks;  // another open file description of the same file
};

// From a user other than root, journald accepts a file only if it is a sealed memfd.
Result<Marker> make_marker() {
  Marker marker;
  marker.sent.reset(::memfd_create("slurper", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!marker.sent) return fail_errno(errno, PhraseId::WatchJournald);
  const std::string path = fmt::format("/proc/self/fd/{}", marker.sent.get());
  marker.looks.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!marker.looks) return fail_errno(errno, PhraseId::WatchJournald);
  if (::fcntl(marker.sent.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    return fail_errno(errno, PhraseId::WatchJournald);
  if (::flock(marker.sent.get(), LOCK_EX | LOCK_NB) != 0) return fail_errno(errno, PhraseId::WatchJournald);
  return marker;
}

ssize_t send_fd(int socket, int fd) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL);
}

}  // namespace

Status JournalSocket::open() {
  socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, kSocket, sizeof address.sun_path - 1);
  if (!socket_ || ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno(errno, about_file(PhraseId::ReachJournald, kSocket));
  return {};
}

JournalSocket::Wake JournalSocket::wait_for_room(int stop_fd) const {
  std::array<pollfd, 2> fds = {{{.fd = socket_.get(), .events = POLLOUT, .revents = 0},
                                {.fd = stop_fd, .events = POLLIN, .revents = 0}}};
  while (::poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
  }
  return fds[1].revents != 0 ? Wake::Stopped : Wake::Ready;
}

Result<JournalSocket::Wake> JournalSocket::wait_until_read(int stop_fd,
                                                           std::chrono::milliseconds patience) const {
  auto marker = make_marker();
  if (!marker) return std::unexpected(marker.error());
  while (send_fd(socket_.get(), marker->sent.get()) < 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return fail_errno(errno, about_file(PhraseId::ReachJournald, kSocket));
    if (wait_for_room(stop_fd) == Wake::Stopped) return Wake::Stopped;
  }
  marker->sent.reset();

  std::optional<Clock::time_point> last_chance;
  std::chrono::microseconds pause = kFirstLook;
  while (::flock(marker->looks.get(), LOCK_EX | LOCK_NB) != 0) {
    pollfd stop = {.fd = last_chance ? -1 : stop_fd, .events = POLLIN, .revents = 0};
    const timespec time = {.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(pause).count()};
    (void)::ppoll(&stop, 1, &time, nullptr);  // EINTR: checks again
    if (stop.revents != 0) last_chance = Clock::now() + patience;
    if (last_chance && Clock::now() >= *last_chance) return Wake::Stopped;
    pause = std::min(2 * pause, kLastLook);
  }
  return Wake::Ready;
}

}  // namespace slurper
