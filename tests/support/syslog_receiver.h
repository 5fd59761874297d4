// SyslogReceiver: a syslog server of which every move is the test's.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace slurper::test {

enum class By { Udp, Tcp, Tls, UnixDatagram, UnixStream };

// How it treats who sends.
enum class Manner {
  Reading,
  Slow,      // a byte a second of each connection; a datagram a second
  Refusing,  // connections are reset, new ones when the first byte has come
};

// Receives on loopback or in a folder, in a thread of its own, and hands out messages cut from their frames:
// octet counting over TCP and TLS, newlines over a local stream. Its address stays the same over up() and
// down(). The other functions are for the test's thread.
class SyslogReceiver {
 public:
  // A message, or what was left of a stream that ended within one.
  struct Message {
    std::uint64_t connection = 0;  // they are counted; of datagrams, the times it was up
    std::string text;
    bool whole = true;
  };

  struct Certificate {
    std::string certificate_file;
    std::string key_file;
  };

  // Not up yet. `folder` is for its socket; the certificate for By::Tls. Small receive buffers show a slow
  // reader at once.
  SyslogReceiver(By by, const std::filesystem::path& folder, const Certificate& certificate = {},
                 int receive_buffer = 0);
  SyslogReceiver(const SyslogReceiver&) = delete;
  SyslogReceiver& operator=(const SyslogReceiver&) = delete;
  ~SyslogReceiver();

  // "syslog+tcp://127.0.0.1:12345", "syslog+unix:/path".
  [[nodiscard]] std::string url() const;

  void up(Manner manner = Manner::Reading);
  void behave(Manner manner) { manner_ = manner; }
  // As a server that dies: nothing listens, and connections are reset with what was not read.
  void down();
  // Dies, but continues to listen: the present connections are reset once another `bytes` have been read.
  void die_after(std::uint64_t bytes) { dies_at_ = bytes_ + bytes; }

  // Without the probe that the sink sends: a line of its own for each connection.
  [[nodiscard]] std::vector<Message> messages() const;
  [[nodiscard]] std::size_t count() const;

 private:
  struct Connection;
  class Tls;

  [[nodiscard]] bool is_stream() const { return by_ != By::Udp && by_ != By::UnixDatagram; }
  void bind();
  void run();
  void take_connection(std::vector<Connection>& connections);
  bool read(Connection& connection, std::size_t most);
  void cut(Connection& connection);
  void read_datagrams(int most);
  void end(Connection& connection, bool with_reset);
  void add(std::uint64_t connection, std::string text, bool whole);

  const By by_;
  const std::string path_;
  const int receive_buffer_;
  std::shared_ptr<SSL_CTX> tls_;
  std::uint16_t port_ = 0;
  UniqueFd reserved_fd_;  // keeps the port while nothing listens
  UniqueFd fd_;
  UniqueFd stop_fd_;
  std::atomic<Manner> manner_ = Manner::Reading;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic<std::uint64_t> dies_at_ = ~std::uint64_t{0};
  std::uint64_t connections_ = 0;
  std::uint64_t welcome_ = 0;  // up to this one they were not refused
  mutable std::mutex mutex_;
  std::vector<Message> messages_;
  std::thread thread_;
};

}  // namespace slurper::test
