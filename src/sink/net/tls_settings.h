// TlsSettings: the settings of TLS, for every type of sink that uses it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "slurper/sink.h"

namespace slurper {

enum class TlsVersion : std::uint8_t { Tls12, Tls13 };

struct TlsSettings {
  std::string ca_file;       // PEM; empty: the system's store
  std::string certificate;   // slurper's own, PEM, followed by its chain; empty: none
  std::string key;           // its private key; empty: in the same file
  std::string key_password;  // where the key's passphrase is, as Secret takes it; empty: the key has none
  std::string server_name;   // expected in the server's certificate; empty: the host that is connected to
  bool verify = true;        // verify the server's certificate and name
  TlsVersion min_version = TlsVersion::Tls12;

  // The declarations, which a type adds to its own, and their values. Rejects in `options` what contradicts
  // another.
  [[nodiscard]] static std::span<const Setting> settings();
  [[nodiscard]] static TlsSettings from(SinkOptions& options);

  // The file that has the private key; empty if there is none.
  [[nodiscard]] const std::string& key_file() const { return key.empty() ? certificate : key; }
  // The setting that names it.
  [[nodiscard]] std::string_view key_setting() const { return key.empty() ? "certificate" : "key"; }
};

struct UnsafeFile {
  std::string_view setting;  // which names it
  Phrase finding;            // completes "the sink …"
};

// Returns what to warn of: a private key that every user may read, or a passphrase that other users may. (The
// group may read the key: Debian has ssl-cert for that.) A file that can't be examined is none of these.
[[nodiscard]] std::vector<UnsafeFile> unsafe_files(const TlsSettings& settings);

}  // namespace slurper
