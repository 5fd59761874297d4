#include "sink/net/tls_settings.h"

#include <sys/stat.h>

#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "sink/net/secret.h"

namespace slurper {

namespace {

constexpr std::array<std::string_view, 2> kVerify = {"full", "none"};
constexpr std::array<std::string_view, 2> kVersions = {"1.2", "1.3"};  // in the order of TlsVersion

Phrase unsafe_key(const std::string& key) {
  struct stat st{};
  if (key.empty() || ::stat(key.c_str(), &st) != 0 || (st.st_mode & S_IROTH) == 0) return {};
  return about_file(PhraseId::KeyIsPublic, key).with({"mode", std::uint64_t{st.st_mode & 07777}});
}

}  // namespace

std::span<const Setting> TlsSettings::settings() {
  using Type = Setting::Type;
  static constexpr std::array kSettings = {
      Setting{.name = "ca_file", .help = "PEM: the CAs that may have issued the server's certificate"},
      Setting{.name = "server_name",
              .help = "the name that the certificate must have; by default the target's host"},
      Setting{.name = "verify",
              .type = Type::Choice,
              .help = "whether the server's certificate is checked",
              .initial = "full",
              .choices = kVerify},
      Setting{.name = "certificate", .help = "PEM: slurper's own certificate"},
      Setting{.name = "key", .help = "PEM: its key; by default in the same file"},
      Setting{.name = "key_password", .type = Type::Secret, .help = "where the key's passphrase is"},
      Setting{.name = "tls_min",
              .type = Type::Choice,
              .help = "the oldest version of TLS that is used",
              .initial = "1.2",
              .choices = kVersions},
  };
  return kSettings;
}

TlsSettings TlsSettings::from(SinkOptions& options) {
  TlsSettings tls;
  tls.ca_file = options.text("ca_file");
  tls.certificate = options.text("certificate");
  tls.key = options.text("key");
  tls.key_password = options.text("key_password");
  tls.server_name = options.text("server_name");
  tls.verify = options.choice("verify") == 0;
  tls.min_version = static_cast<TlsVersion>(options.choice("tls_min"));
  const bool has_key = !tls.key.empty() || !tls.key_password.empty();
  if (has_key && tls.certificate.empty()) options.reject("certificate", PhraseId::NeedsCertificate);
  return tls;
}

std::vector<UnsafeFile> unsafe_files(const TlsSettings& settings) {
  std::vector<UnsafeFile> found = {
      {.setting = settings.key_setting(), .finding = unsafe_key(settings.key_file())},
      {.setting = "key_password", .finding = Secret(settings.key_password).unsafe_file()}};
  std::erase_if(found, [](const UnsafeFile& file) { return file.finding.empty(); });
  return found;
}

}  // namespace slurper
