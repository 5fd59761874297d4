// Tls: the client side of TLS (RFC 5425), as a state machine that turns bytes into bytes. Only tls.cc and
// certificate_text.cc use OpenSSL.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sink/net/tls_settings.h"
#include "slurper/result.h"

namespace slurper {

// The TLS state of one connection. It touches no socket: the owner carries the bytes, and so knows how many
// of them the peer has. One thread owns it; nothing of it survives a crash. Errors
// are Config if a file of the settings is wrong, else Io; their texts name `peer`.
class Tls {
 public:
  // Reads the files again each time, since certificates and secrets are renewed while slurper runs. `host` is
  // a name or an address; messages call it `peer`.
  static Result<std::unique_ptr<Tls>> make(const TlsSettings& settings, const std::string& host,
                                           const QuotedText& peer);
  // A file or a secret with which no connection can be made, and the setting that names it.
  struct UnusableFile {
    std::string_view setting;
    Error error;
  };
  // Loads the files as make() does, and returns the first that can't be used.
  [[nodiscard]] static std::optional<UnusableFile> find_unusable_file(const TlsSettings& settings);

  // Why a server will refuse slurper's own certificate: it has expired. Empty if it has not, or can't be
  // read.
  [[nodiscard]] static Phrase why_certificate_is_refused(const TlsSettings& settings);

  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;
  ~Tls();

  // Performs a step of the handshake with the bytes that have been received. True: it is done. False: it
  // needs more bytes.
  [[nodiscard]] Result<bool> handshake();
  // Whether slurper has finished the handshake but the server's verdict on slurper's certificate is still
  // due. In TLS 1.3 it arrives later: an alert if the server refuses, usually a session ticket if it
  // accepts.
  [[nodiscard]] bool awaits_verdict() const;

  // Takes bytes from the peer. After the handshake, process() interprets them: it drops the data that a
  // syslog server sends, and returns an error for an alert or the end of the connection.
  void received(std::string_view ciphertext);
  [[nodiscard]] Status process();

  // "TLSv1.3"; after the handshake.
  [[nodiscard]] std::string version() const;

  [[nodiscard]] Status encrypt(std::string_view text);
  void say_goodbye();  // close_notify
  // The bytes to send to the peer, in order; valid until the next call of any function.
  [[nodiscard]] std::string_view outgoing() const;
  void outgoing_taken();

 private:
  struct Parts;
  explicit Tls(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace slurper
