#include "sink/datagram_connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"
#include "base/text.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kTogether = 128;  // datagrams in one sendmmsg(2)

std::unexpected<Error> fail_send(int errnum, const std::string& what) {
  std::string advice = errnum == ECONNREFUSED ? "Nothing listens there: is the server running?" : "";
  auto failed = fail_errno(errnum, what, std::move(advice));
  if (failed.error().kind == ErrorKind::NoInput) failed.error().kind = ErrorKind::Io;
  return failed;
}

}  // namespace

DatagramConnection::DatagramConnection(UniqueFd fd, const Target& target, const ConnectionSettings& settings,
                                       int stop_fd)
    : settings_(settings),
      stop_fd_(stop_fd),
      what_(fmt::format("send to {}", target.name())),
      fd_(std::move(fd)) {
  if (settings.send_buffer == 0) return;
  const int size = static_cast<int>(settings.send_buffer);
  // Best effort: the kernel has a limit of its own.
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

Result<std::vector<std::size_t>> DatagramConnection::send(const Frames& frames) {
  std::vector<std::size_t> too_long;
  std::array<iovec, kTogether> pieces{};
  std::array<mmsghdr, kTogether> messages{};
  for (std::size_t next = 0; next < frames.ends.size();) {
    const std::size_t count = std::min(kTogether, frames.ends.size() - next);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t begin = next + i == 0 ? 0 : frames.ends[next + i - 1];
      // sendmsg(2) only reads.
      pieces[i] = {.iov_base = const_cast<char*>(frames.bytes.data()) + begin,
                   .iov_len = frames.ends[next + i] - begin};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent =
        ::sendmmsg(fd_.get(), messages.data(), static_cast<unsigned>(count), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EMSGSIZE) {
        too_long.push_back(next++);
      } else if (errno == EAGAIN || errno == ENOBUFS) {
        if (Status waited = wait(errno); !waited) return std::unexpected(std::move(waited.error()));
      } else if (errno != EINTR) {
        return fail_send(errno, what_);
      }
      continue;
    }
    for (int i = 0; i < sent; ++i) sent_ += pieces[static_cast<std::size_t>(i)].iov_len;
    next += static_cast<std::size_t>(sent);
  }
  if (Status good = check(); !good) return std::unexpected(std::move(good.error()));
  return too_long;
}

// The answer to a datagram that nobody wanted (ICMP) comes behind it, to the next call: by now, where the
// server is near.
Status DatagramConnection::check() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return fail_send(error, what_);
  return {};
}

// EAGAIN: the receiver's queue or the own buffer is full. ENOBUFS: a network interface's, which nobody can
// poll.
Status DatagramConnection::wait(int errnum) {
  const auto since = Clock::now();
  const Deadline deadline =
      settings_.write_timeout == 0ms ? Deadline::max() : since + settings_.write_timeout;
  const Woken woken = errnum == ENOBUFS ? wait_for(-1, 0, since + 1ms, stop_fd_)
                                        : wait_for(fd_.get(), POLLOUT, deadline, stop_fd_);
  if (woken == Woken::Stopped) return fail_stopped(what_);
  if (woken == Woken::TimedOut && errnum == EAGAIN)
    return fail(ErrorKind::Io, what_,
                fmt::format("it has taken nothing for {}", format(settings_.write_timeout)));
  return {};
}

Result<bool> DatagramConnection::drain(Deadline /*deadline*/) {
  if (Status good = check(); !good) return std::unexpected(std::move(good.error()));
  return true;
}

}  // namespace slurper
