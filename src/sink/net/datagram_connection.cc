#include "sink/net/datagram_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"
#include "sink/net/no_network.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kTogether = 128;  // datagrams per sendmmsg(2)
// How long a look-up may delay sending. If the DNS takes longer, sending continues meanwhile.
constexpr auto kLookUpPatience = 500ms;

// Whether the error concerns one address only, so that the next may work.
bool is_of_address(int errnum) {
  switch (errnum) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case ETIMEDOUT:
    case EPERM:
      return true;
    default:
      return false;
  }
}

std::unexpected<Error> fail_send(int errnum, const Phrase& what, bool is_local) {
  auto failed = fail_errno(errnum, what, is_local ? Phrase() : network_remedy(errnum));
  if (failed.error().kind == ErrorKind::NoInput) failed.error().kind = ErrorKind::Io;
  return failed;
}

}  // namespace

DatagramConnection::DatagramConnection(UniqueFd fd, const Target& target, const ConnectionSettings& settings,
                                       int stop_fd)
    : settings_(settings),
      stop_fd_(stop_fd),
      endpoint_(target.endpoint),
      what_(PhraseId::SendTo, {{"target", target.name()}}) {
  use(std::move(fd));
}

Result<std::unique_ptr<Connection>> DatagramConnection::to_host(const Target& target,
                                                                const ConnectionSettings& settings,
                                                                int stop_fd, Deadline deadline) {
  auto look_up = LookUp::begin(target.endpoint, false);
  if (!look_up) return std::unexpected(std::move(look_up.error()));
  auto addresses = look_up->addresses(deadline, stop_fd);
  if (!addresses) return std::unexpected(std::move(addresses.error()));
  auto connection = std::make_unique<DatagramConnection>(UniqueFd(), target, settings, stop_fd);
  connection->addresses_ = std::move(*addresses);
  connection->is_by_name_ = look_up->is_of_name();
  connection->looked_up_at_ = Clock::now();
  if (Status connected = connection->connect_from(0); !connected)
    return std::unexpected(std::move(connected.error()));
  return connection;
}

void DatagramConnection::use(UniqueFd fd) {
  fd_ = std::move(fd);
  if (!fd_ || settings_.send_buffer == 0) return;
  const int size = static_cast<int>(settings_.send_buffer);
  // Best effort: the kernel has its own limit.
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

Phrase DatagramConnection::peer() const {
  return {PhraseId::ConnectedTo, {{"target", QuotedText{peer_address(fd_.get())}}}};
}

// Connects to the first address with a route, beginning with the one numbered `begin`.
Status DatagramConnection::connect_from(std::size_t begin) {
  Status failed = fail_errno(EADDRNOTAVAIL, what_);
  for (std::size_t i = begin; i < addresses_.size(); ++i) {
    auto fd = connect_datagrams(endpoint_, addresses_[i]);
    if (!fd) {
      failed = std::unexpected(std::move(fd.error()));
      continue;
    }
    use(std::move(*fd));
    at_ = i;
    return {};
  }
  return failed;
}

// Looks the name up again if that is due, and changes to a new address if the current one is no longer among
// the results. A failure changes nothing: the current address may still be good.
Status DatagramConnection::follow_name() {
  if (!is_by_name_) return {};
  if (!looking_) {
    if (Clock::now() - looked_up_at_ < settings_.resolve_every) return {};
    auto begun = LookUp::begin(endpoint_, false);
    looked_up_at_ = Clock::now();
    if (!begun) return {};
    looking_ = std::move(*begun);
    // A look-up usually takes a millisecond; then this batch already goes to the right address.
    if (looking_->wait(Clock::now() + kLookUpPatience, stop_fd_) == Woken::Stopped)
      return fail_stopped(what_);
  }
  if (!looking_->is_done()) return {};
  auto addresses = looking_->addresses(Deadline::min(), stop_fd_);
  looking_.reset();
  looked_up_at_ = Clock::now();
  if (!addresses) return {};
  const Address current = addresses_[at_];
  addresses_ = std::move(*addresses);
  const auto still = std::ranges::find(addresses_, current);
  at_ = static_cast<std::size_t>(still - addresses_.begin());
  return still != addresses_.end() ? Status() : connect_from(0);
}

Result<std::vector<std::size_t>> DatagramConnection::send(const Frames& frames) {
  if (Status followed = follow_name(); !followed) return std::unexpected(std::move(followed.error()));
  // Tries each address once, beginning with the current one.
  const std::size_t tries = std::max<std::size_t>(addresses_.size(), 1);
  for (std::size_t tried = 1;; ++tried) {
    auto sent = send_all(frames);
    if (sent || tried >= tries || !is_of_address(sent.error().errnum)) return sent;
    if (!connect_from(at_ + 1) && !connect_from(0)) return sent;
  }
}

Result<std::vector<std::size_t>> DatagramConnection::send_all(const Frames& frames) {
  std::vector<std::size_t> too_long;
  std::array<iovec, kTogether> pieces{};
  std::array<mmsghdr, kTogether> messages{};
  for (std::size_t next = 0; next < frames.ends.size();) {
    const std::size_t count = std::min(kTogether, frames.ends.size() - next);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t begin = next + i == 0 ? 0 : frames.ends[next + i - 1];
      // sendmsg(2) only reads it.
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
        return fail_send(errno, what_, settings_.transport == Transport::Unix);
      }
      continue;
    }
    for (int i = 0; i < sent; ++i) sent_ += pieces[static_cast<std::size_t>(i)].iov_len;
    next += static_cast<std::size_t>(sent);
  }
  if (Status good = check(); !good) return std::unexpected(std::move(good.error()));
  return too_long;
}

// The kernel reports the ICMP answer to an unwanted datagram with a later call. If the server is near, the
// answer has arrived by now.
Status DatagramConnection::check() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return fail_send(error, what_, settings_.transport == Transport::Unix);
  return {};
}

// EAGAIN: the receiver's queue or our buffer is full. ENOBUFS: the queue of a network interface is full, and
// poll(2) can't wait for that.
Status DatagramConnection::wait(int errnum) {
  const auto since = Clock::now();
  const Deadline deadline =
      settings_.write_timeout == 0ms ? Deadline::max() : since + settings_.write_timeout;
  const Woken woken = errnum == ENOBUFS ? wait_for(-1, 0, since + 1ms, stop_fd_)
                                        : wait_for(fd_.get(), POLLOUT, deadline, stop_fd_);
  if (woken == Woken::Stopped) return fail_stopped(what_);
  if (woken == Woken::TimedOut && errnum == EAGAIN)
    return fail(ErrorKind::Io, what_, {PhraseId::TakesNothingFor, {{"time", settings_.write_timeout}}});
  return {};
}

Result<bool> DatagramConnection::drain(Deadline /*deadline*/) {
  if (Status good = check(); !good) return std::unexpected(std::move(good.error()));
  return true;
}

}  // namespace slurper
