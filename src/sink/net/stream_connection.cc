#include "sink/net/stream_connection.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace slurper {

namespace {

using namespace std::chrono_literals;

// How often to check a peer on which nothing moves.
constexpr auto kLook = 500ms;

// Best effort: a connection without them still works.
void set_option(int fd, int level, int name, int value) {
  (void)::setsockopt(fd, level, name, &value, sizeof value);
}

void tune(int fd, bool is_tcp, const ConnectionSettings& settings) {
  if (settings.send_buffer != 0)
    set_option(fd, SOL_SOCKET, SO_SNDBUF, static_cast<int>(settings.send_buffer));
  if (!is_tcp) return;
  // Every write is a whole batch, so there is nothing to coalesce.
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (settings.keepalive == 0ms) return;
  const auto seconds = [](std::chrono::milliseconds time) {
    return static_cast<int>(std::max(std::chrono::ceil<std::chrono::seconds>(time), 1s).count());
  };
  constexpr int kProbes = 3;
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds(settings.keepalive));
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds(settings.dead_after / kProbes));
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes);
}

// Whether the kernel has probed the peer's kernel several times since its last answer. TCP_USER_TIMEOUT
// would not do: it also ends a connection whose peer answers and merely reads nothing (tcp_probe_timer() in
// the kernel), and a slow peer is not dead.
bool is_unanswered(int fd, std::chrono::milliseconds dead_after) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  constexpr int kAsked = 2;
  return std::chrono::milliseconds(info.tcpi_last_ack_recv) >= dead_after &&
         (info.tcpi_retransmits >= kAsked || info.tcpi_probes >= kAsked);
}

}  // namespace

StreamConnection::StreamConnection(UniqueFd fd, const Target& target, const ConnectionSettings& settings,
                                   int stop_fd)
    : settings_(settings),
      stop_fd_(stop_fd),
      peer_(target.name()),
      is_tcp_(settings.transport != Transport::Unix),
      fd_(std::move(fd)) {
  tune(fd_.get(), is_tcp_, settings);
}

StreamConnection::~StreamConnection() {
  if (!tls_established_) return;
  tls_->say_goodbye();
  const std::string_view goodbye = tls_->outgoing();
  // A peer that has no room for the close_notify learns of the end from TCP.
  (void)::send(fd_.get(), goodbye.data(), goodbye.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

Phrase StreamConnection::peer() const {
  const QuotedText target{peer_address(fd_.get())};
  if (!tls_) return {PhraseId::ConnectedTo, {{"target", target}}};
  return {PhraseId::ConnectedByTls, {{"target", target}, {"version", tls_->version()}}};
}

std::unexpected<Error> StreamConnection::broken(Phrase why, Phrase advice) const {
  return fail(ErrorKind::Io, sending(), std::move(why), std::move(advice));
}

std::unexpected<Error> StreamConnection::broken_by(int errnum) const {
  return broken({PhraseId::Errno, {{"errno", Errno{errnum}}}});
}

Status StreamConnection::start_tls(const std::string& host, Deadline deadline) {
  auto tls = Tls::make(settings_.tls, host, peer_);
  if (!tls) return std::unexpected(std::move(tls.error()));
  tls_ = std::move(*tls);
  // TLS processes what came before the peer's end of the connection is reported: an alert says why.
  Status last_words;
  const auto receive_by = [&](Deadline by) -> Result<Woken> {
    const Woken woken = wait_for(fd_.get(), POLLIN, by, stop_fd_);
    if (woken == Woken::Stopped) return fail_stopped(talking_tls());
    if (woken == Woken::TimedOut) return woken;
    if (Status received = receive(); !received) last_words = std::move(received);
    return woken;
  };
  for (;;) {
    const Result<bool> done = tls_->handshake();
    // If the handshake has failed, an alert tells the peer why.
    Status flushed = flush_tls(deadline);
    if (!done) return std::unexpected(done.error());
    if (!flushed) return flushed;
    if (*done) break;
    if (!last_words) return last_words;
    const auto woken = receive_by(deadline);
    if (!woken) return std::unexpected(woken.error());
    if (*woken == Woken::TimedOut) return fail(ErrorKind::Io, talking_tls(), PhraseId::TlsSilent);
  }
  tls_established_ = true;
  if (tls_->awaits_verdict()) {
    // Some servers send nothing if they accept the certificate.
    const auto verdict = receive_by(std::min(deadline, Clock::now() + 1s));
    if (!verdict) return std::unexpected(verdict.error());
  }
  if (Status processed = tls_->process(); !processed) return processed;
  return last_words;
}

Result<std::vector<std::size_t>> StreamConnection::send(const Frames& frames) {
  const auto before = drained();
  if (!before) return std::unexpected(before.error());
  if (*before == sent_) moved_at_ = Clock::now();
  Status written;
  if (tls_) {
    written = tls_->encrypt(frames.bytes);
    if (written) written = flush_tls(Deadline::max());
  } else {
    written = write_all(frames.bytes, Deadline::max());
  }
  if (!written) return std::unexpected(std::move(written.error()));
  return std::vector<std::size_t>();
}

Status StreamConnection::flush_tls(Deadline deadline) {
  // While it waits for room, this connection reads from the peer, and TLS may add output. So copy the output
  // that exists now.
  const std::string bytes(tls_->outgoing());
  tls_->outgoing_taken();
  return write_all(bytes, deadline);
}

Status StreamConnection::write_all(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t written = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
      sent_ += static_cast<std::uint64_t>(written);
    } else if (errno == EAGAIN) {
      if (Status waited = wait_writable(deadline); !waited) return waited;
    } else if (errno != EINTR) {
      return broken_by(errno);
    }
  }
  return {};
}

Status StreamConnection::wait_writable(Deadline deadline) {
  for (;;) {
    const Deadline next_look = std::min(deadline, Clock::now() + kLook);
    const Woken woken = wait_for(fd_.get(), POLLOUT | POLLIN | POLLRDHUP, next_look, stop_fd_);
    if (woken == Woken::Stopped) return fail_stopped(sending());
    if (Status alive = check_progress(); !alive) return alive;
    if (woken == Woken::Ready) return {};
    if (Clock::now() >= deadline)
      return broken({PhraseId::TakesNothingFor, {{"time", settings_.connect_timeout}}});
  }
}

// Reads what the peer has sent.
Status StreamConnection::receive() {
  std::array<char, 4096> said{};
  // Bounded, so that a peer that sends without pause can't keep lines from being sent.
  for (int rounds = 0; rounds < 16; ++rounds) {
    const ssize_t size = ::recv(fd_.get(), said.data(), said.size(), MSG_DONTWAIT);
    if (size > 0) {
      if (tls_) tls_->received({said.data(), static_cast<std::size_t>(size)});
      continue;
    }
    if (size == 0) return broken(PhraseId::ServerClosed);
    if (errno == EAGAIN) break;
    if (errno != EINTR) return broken_by(errno);
  }
  return {};
}

// The peer's end of the connection, or its alert, must be seen before more is written: TCP would accept
// those bytes and discard them.
Status StreamConnection::look() {
  const Status received = receive();
  if (!tls_established_) return received;
  // An alert is more informative than the end that follows it.
  Status processed = tls_->process();
  return processed ? received : processed;
}

// Query the queue first, then check for the end: the queue of a peer that has gone is empty, too.
Result<std::uint64_t> StreamConnection::drained() {
  int queued = 0;
  // tcp(7): bytes that are not acknowledged. For a local stream: bytes that the peer has not read, with the
  // kernel's overhead, so the number is never too small.
  if (::ioctl(fd_.get(), SIOCOUTQ, &queued) != 0) return broken_by(errno);
  if (Status alive = look(); !alive) return std::unexpected(std::move(alive.error()));
  const std::uint64_t drained = sent_ - std::min(sent_, static_cast<std::uint64_t>(std::max(queued, 0)));
  if (drained > drained_) {
    drained_ = drained;
    moved_at_ = Clock::now();
  }
  return drained_;
}

Status StreamConnection::check_progress() {
  const auto has = drained();
  if (!has) return std::unexpected(has.error());
  const auto still = Clock::now() - moved_at_;
  if (*has == sent_) return {};
  if (settings_.write_timeout != 0ms && still >= settings_.write_timeout)
    return broken({PhraseId::TakesNothingFor, {{"time", settings_.write_timeout}}});
  if (is_tcp_ && still >= settings_.dead_after && is_unanswered(fd_.get(), settings_.dead_after))
    return broken({PhraseId::NotAnsweredFor, {{"time", settings_.dead_after}}}, PhraseId::CheckTheHost);
  return {};
}

Result<bool> StreamConnection::drain(Deadline deadline) {
  // The kernel has no event for this. On a local network it takes microseconds; a pause is never longer than
  // the wait so far.
  constexpr std::chrono::microseconds kFirst = 100us;
  constexpr auto kGrace = 500ms;
  int stop_fd = stop_fd_;
  for (std::chrono::microseconds pause = kFirst;;
       pause = std::min<std::chrono::microseconds>(2 * pause, kLook)) {
    if (Status alive = check_progress(); !alive) return std::unexpected(std::move(alive.error()));
    if (drained_ == sent_) return true;
    if (Clock::now() >= deadline) return false;
    if (wait_for(-1, 0, std::min(deadline, Clock::now() + pause), stop_fd) == Woken::Stopped) {
      deadline = std::min(deadline, Clock::now() + kGrace);
      stop_fd = -1;
      pause = kFirst;
    }
  }
}

}  // namespace slurper
