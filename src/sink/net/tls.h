// Tls: the client's side of TLS (RFC 5425), as a machine that turns bytes into bytes. The only place that
// knows OpenSSL.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "slurper/result.h"

namespace slurper {

struct TlsSettings {
  std::string ca_file;      // PEM; empty: the system's store
  std::string certificate;  // slurper's own, PEM, with the chain behind it; empty: none
  std::string key;          // its private key; empty: in the same file
  std::string server_name;  // to be found in the server's certificate; empty: the host that is connected to
  bool verify = true;       // the server's certificate and its name
};

// What is unsafe about the files of `settings`, for a warning: a private key that every user may read. (A
// group may: Debian has ssl-cert for that.) Empty: nothing, or it can't be looked at.
[[nodiscard]] std::string unsafe_key(const TlsSettings& settings);

// One connection's. It touches no socket: the owner carries the bytes, and so knows how many of them the peer
// has. TLS 1.2 at least. Owned by one thread; nothing of it survives a crash. Errors are of the kind Config
// where a file of the settings is wrong, else Io, and say `peer`.
class Tls {
 public:
  // Reads the files anew: certificates are renewed while slurper runs. `host` is a name or an address, `peer`
  // what messages call it.
  static Result<std::unique_ptr<Tls>> make(const TlsSettings& settings, const std::string& host,
                                           const std::string& peer);
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;
  ~Tls();

  // A step of the handshake, with what has been received. True when it is done, or else it needs more.
  [[nodiscard]] Result<bool> handshake();
  // The handshake is done for slurper, but the server is still to say what it thinks of slurper's
  // certificate: in TLS 1.3 that comes later, an alert where it refuses, mostly a session ticket where not.
  [[nodiscard]] bool awaits_verdict() const;

  // From the peer. process() looks at what it is, once the handshake is done: what a syslog server says is
  // dropped; an alert, or its end of the connection, is an error.
  void received(std::string_view ciphertext);
  [[nodiscard]] Status process();

  [[nodiscard]] Status encrypt(std::string_view text);
  void say_goodbye();  // close_notify
  // What is to be sent to the peer, in order; valid until the next call of anything.
  [[nodiscard]] std::string_view outgoing() const;
  void outgoing_taken();

 private:
  struct Parts;
  explicit Tls(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace slurper
