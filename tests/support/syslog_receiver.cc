#include "support/syslog_receiver.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <utility>

namespace slurper::test {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kPiece = 1 << 16;

UniqueFd make_socket(int family, int type) {
  UniqueFd fd(::socket(family, type | SOCK_CLOEXEC, 0));
  EXPECT_TRUE(fd) << errno;
  return fd;
}

// On `port`, or, if that is 0, on one that the kernel chooses. The process that has bound it may bind it
// again.
UniqueFd bind_port(int type, std::uint16_t& port, int receive_buffer) {
  UniqueFd fd = make_socket(AF_INET, type);
  const int on = 1;
  if (type == SOCK_STREAM) {
    EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
  }
  if (receive_buffer != 0) {
    EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer), 0);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0) << errno;
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  port = ntohs(address.sin_port);
  return fd;
}

UniqueFd bind_path(int type, const std::string& path) {
  std::filesystem::remove(path);
  UniqueFd fd = make_socket(AF_UNIX, type);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << errno;
  return fd;
}

}  // namespace

// One connection's, over memory: who reads the socket says how much of it.
class SyslogReceiver::Tls {
 public:
  explicit Tls(SSL_CTX* context) : ssl_(SSL_new(context), &SSL_free) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_.get());
  }
  // What it means; its answers go to `fd`.
  std::string decrypt(std::string_view bytes, int fd) {
    std::string plain;
    (void)BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    std::array<char, 16384> piece{};
    for (int size = 1; size > 0;) {
      size = SSL_read(ssl_.get(), piece.data(), piece.size());  // shakes hands first
      if (size > 0) plain.append(piece.data(), static_cast<std::size_t>(size));
    }
    for (int size = 1; size > 0;) {
      size = BIO_read(SSL_get_wbio(ssl_.get()), piece.data(), piece.size());
      if (size > 0) (void)::send(fd, piece.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
    }
    return plain;
  }

 private:
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

struct SyslogReceiver::Connection {
  UniqueFd fd;
  std::uint64_t number = 0;
  std::unique_ptr<Tls> tls = nullptr;
  std::string text = {};  // not cut yet
};

SyslogReceiver::SyslogReceiver(By by, const std::filesystem::path& folder, const Certificate& certificate,
                               int receive_buffer)
    : by_(by),
      path_(folder / (by == By::UnixStream ? "stream" : "datagram")),
      receive_buffer_(receive_buffer),
      stop_fd_(::eventfd(0, EFD_CLOEXEC)) {
  if (by == By::Tcp || by == By::Tls) reserved_fd_ = bind_port(SOCK_STREAM, port_, 0);
  if (by == By::Udp) (void)bind_port(SOCK_DGRAM, port_, 0);
  if (by != By::Tls) return;
  tls_.reset(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  EXPECT_EQ(SSL_CTX_use_certificate_chain_file(tls_.get(), certificate.certificate_file.c_str()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey_file(tls_.get(), certificate.key_file.c_str(), SSL_FILETYPE_PEM), 1);
}

SyslogReceiver::~SyslogReceiver() {
  down();
}

std::string SyslogReceiver::url() const {
  switch (by_) {
    case By::Udp:
      return fmt::format("syslog+udp://127.0.0.1:{}", port_);
    case By::Tcp:
      return fmt::format("syslog+tcp://127.0.0.1:{}", port_);
    case By::Tls:
      return fmt::format("syslog+tls://127.0.0.1:{}", port_);
    case By::UnixDatagram:
    case By::UnixStream:
      break;
  }
  return "syslog+unix:" + path_;
}

void SyslogReceiver::bind() {
  const int type = is_stream() ? SOCK_STREAM : SOCK_DGRAM;
  const bool is_local = by_ == By::UnixDatagram || by_ == By::UnixStream;
  fd_ = is_local ? bind_path(type, path_) : bind_port(type, port_, receive_buffer_);
  if (is_stream()) {
    EXPECT_EQ(::listen(fd_.get(), 16), 0) << errno;
  }
}

void SyslogReceiver::up(Manner manner) {
  manner_ = manner;
  if (thread_.joinable()) return;
  bind();
  thread_ = std::thread([this] { run(); });
}

void SyslogReceiver::down() {
  if (!thread_.joinable()) return;
  (void)::eventfd_write(stop_fd_.get(), 1);
  thread_.join();
  eventfd_t ignored = 0;
  (void)::eventfd_read(stop_fd_.get(), &ignored);
  fd_.reset();
  if (by_ == By::UnixDatagram || by_ == By::UnixStream) std::filesystem::remove(path_);
}

void SyslogReceiver::run() {
  std::vector<Connection> connections;
  if (!is_stream()) ++connections_;
  for (;;) {
    std::vector<pollfd> fds = {{.fd = stop_fd_.get(), .events = POLLIN, .revents = 0},
                               {.fd = fd_.get(), .events = POLLIN, .revents = 0}};
    for (const Connection& connection : connections)
      fds.push_back({.fd = connection.fd.get(), .events = POLLIN, .revents = 0});
    const bool slow = manner_ == Manner::Slow;
    // A slow one looks only at its orders, for a second; then at everything.
    if (slow && ::poll(fds.data(), 1, 1000) > 0) break;
    if (::poll(fds.data(), fds.size(), slow ? 0 : 20) < 0) continue;
    if (fds[0].revents != 0) break;
    for (std::size_t i = 0; i < connections.size(); ++i) {
      const bool refuses = manner_ == Manner::Refusing;
      const bool has_bytes = fds[i + 2].revents != 0;
      if (refuses && (has_bytes || connections[i].number <= welcome_)) {
        end(connections[i], true);
        continue;
      }
      if (!refuses) welcome_ = connections_;
      if (!has_bytes) continue;
      const bool goes_on = read(connections[i], slow ? 1 : kPiece);
      const bool dies = bytes_ >= dies_at_;
      if (dies) dies_at_ = ~std::uint64_t{0};
      if (!goes_on || dies) end(connections[i], dies);
    }
    std::erase_if(connections, [](const Connection& connection) { return !connection.fd; });
    if (fds[1].revents == 0) continue;
    if (is_stream()) {
      take_connection(connections);
    } else {
      read_datagrams(slow ? 1 : 1000);
    }
  }
  for (Connection& connection : connections) end(connection, true);
}

void SyslogReceiver::take_connection(std::vector<Connection>& connections) {
  Connection connection{.fd = UniqueFd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)),
                        .number = ++connections_};
  if (!connection.fd) return;
  if (tls_) connection.tls = std::make_unique<Tls>(tls_.get());
  connections.push_back(std::move(connection));
}

// Whether more will come.
bool SyslogReceiver::read(Connection& connection, std::size_t most) {
  std::array<char, kPiece> piece;
  const ssize_t size = ::recv(connection.fd.get(), piece.data(), most, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (size <= 0) return false;
  bytes_ += static_cast<std::uint64_t>(size);
  const std::string_view bytes(piece.data(), static_cast<std::size_t>(size));
  connection.text += connection.tls ? connection.tls->decrypt(bytes, connection.fd.get()) : bytes;
  cut(connection);
  return true;
}

void SyslogReceiver::cut(Connection& connection) {
  std::string_view rest = connection.text;
  while (!rest.empty()) {
    std::size_t header = 0;
    std::size_t size = 0;
    if (by_ == By::UnixStream) {
      size = rest.find('\n');
      if (size == std::string_view::npos) break;
    } else {
      const auto [digits_end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
      header = static_cast<std::size_t>(digits_end - rest.data()) + 1;
      if (header > rest.size() && header < 10) break;
      if (error != std::errc() || *digits_end != ' ') {
        ADD_FAILURE() << "no frame: " << rest.substr(0, 80);
        rest = {};
        break;
      }
      if (rest.size() - header < size) break;
    }
    add(connection.number, std::string(rest.substr(header, size)), true);
    rest.remove_prefix(header + size + (by_ == By::UnixStream ? 1 : 0));
  }
  connection.text.erase(0, connection.text.size() - rest.size());
}

void SyslogReceiver::read_datagrams(int most) {
  std::string text(1 << 18, '\0');
  for (; most > 0; --most) {
    const ssize_t size = ::recv(fd_.get(), text.data(), text.size(), MSG_DONTWAIT);
    if (size < 0) return;
    add(connections_, text.substr(0, static_cast<std::size_t>(size)), true);
  }
}

void SyslogReceiver::end(Connection& connection, bool with_reset) {
  if (!connection.text.empty()) add(connection.number, std::move(connection.text), false);
  const linger now{.l_onoff = 1, .l_linger = 0};
  if (with_reset) (void)::setsockopt(connection.fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  connection.fd.reset();
}

void SyslogReceiver::add(std::uint64_t connection, std::string text, bool whole) {
  if (text.find(" slurper-probe") != std::string::npos) return;
  const std::lock_guard lock(mutex_);
  messages_.push_back({.connection = connection, .text = std::move(text), .whole = whole});
}

std::vector<SyslogReceiver::Message> SyslogReceiver::messages() const {
  const std::lock_guard lock(mutex_);
  return messages_;
}

std::size_t SyslogReceiver::count() const {
  const std::lock_guard lock(mutex_);
  return messages_.size();
}

}  // namespace slurper::test
