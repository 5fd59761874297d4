#include "sink/net/tls.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/os.h"
#include "base/text.h"
#include "sink/net/certificate_text.h"
#include "sink/net/openssl_ptr.h"
#include "sink/net/secret.h"

namespace slurper {

namespace {

using Context = OpensslPtr<SSL_CTX, SSL_CTX_free>;
using Session = OpensslPtr<SSL, SSL_free>;
using Bio = OpensslPtr<BIO, BIO_free_all>;
using PrivateKey = OpensslPtr<EVP_PKEY, EVP_PKEY_free>;

// If the kernel is the cause, its error is the first in OpenSSL's queue; otherwise the last error is the
// most specific.
Phrase openssl_reason() {
  if (const unsigned long first = ERR_peek_error(); ERR_SYSTEM_ERROR(first))
    return {PhraseId::Errno, {{"errno", Errno{ERR_GET_REASON(first)}}}};
  const unsigned long last = ERR_peek_last_error();
  if (const char* const reason = ERR_reason_error_string(last)) return own_words(reason);
  std::array<char, 256> code{};
  ERR_error_string_n(last, code.data(), code.size());
  return own_words(code.data());
}

// The alerts of RFC 8446 section 6 and RFC 7507. OpenSSL 3.0 calls some that it receives "unknown".
std::string alert_text(int alert) {
  switch (alert) {
    case SSL_AD_INAPPROPRIATE_FALLBACK:
      return "inappropriate fallback";
    case SSL_AD_MISSING_EXTENSION:
      return "missing extension";
    case SSL_AD_CERTIFICATE_REQUIRED:
      return "certificate required";
    default:
      break;
  }
  const std::string_view text = SSL_alert_desc_string_long(alert);
  return text == "unknown" ? fmt::format("number {}", alert) : std::string(text);
}

}  // namespace

struct Tls::Parts {
  TlsSettings settings;
  std::string expected_name;
  Phrase what;
  Context context;
  Session session;
  BIO* from_peer = nullptr;  // owned by the session
  BIO* to_peer = nullptr;    // owned by the session
  bool was_asked_for_certificate = false;
  Phrase refusal;  // why the server's certificate was refused
  Phrase refusal_advice;

  [[nodiscard]] std::unexpected<Error> failed() const;
  void refuse(int error, const X509* certificate);
  void refuse_name(const X509* certificate);
  [[nodiscard]] Status load_files();
  [[nodiscard]] Status load_key();
};

namespace {

// What OpenSSL's question for the passphrase of an encrypted key gets. Without an answer of slurper's, it
// would ask at the terminal.
struct PassphraseAnswer {
  std::optional<SecretText> passphrase;
  bool was_asked = false;
};

int answer_passphrase(char* buffer, int size, int, void* own) {
  auto& answer = *static_cast<PassphraseAnswer*>(own);
  answer.was_asked = true;
  if (!answer.passphrase) return -1;
  const std::string_view text = answer.passphrase->text();
  if (text.size() > static_cast<std::size_t>(size)) return -1;
  text.copy(buffer, text.size());
  return static_cast<int>(text.size());
}

// slurper's own words for what is usually wrong with a file: OpenSSL's help only who knows it.
std::unexpected<Error> file_failed(PhraseId what, const std::string& path, PhraseId not_in_pem) {
  const Phrase reason = openssl_reason();
  if (reason.id() == PhraseId::Errno)
    return fail(ErrorKind::Config, about_file(what, path), reason, PhraseId::NeedsPem);
  return fail(ErrorKind::Config, about_file(what, path), {not_in_pem, {{"reason", reason}}});
}

bool key_is_of_other_certificate() {
  const unsigned long last = ERR_peek_last_error();
  const int reason = ERR_GET_REASON(last);
  return ERR_GET_LIB(last) == ERR_LIB_X509 &&
         (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH);
}

}  // namespace

Status Tls::Parts::load_files() {
  ERR_clear_error();
  if (settings.verify && settings.ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context.get()) != 1)
      return fail(ErrorKind::Config, what, {PhraseId::TlsFailed, {{"reason", openssl_reason()}}});
  } else if (settings.verify && SSL_CTX_load_verify_file(context.get(), settings.ca_file.c_str()) != 1) {
    return file_failed(PhraseId::LoadCas, settings.ca_file, PhraseId::NoCertificateInPem);
  }
  if (settings.certificate.empty()) return {};
  if (SSL_CTX_use_certificate_chain_file(context.get(), settings.certificate.c_str()) != 1)
    return file_failed(PhraseId::LoadCertificate, settings.certificate, PhraseId::NoCertificateInPem);
  return load_key();
}

Status Tls::Parts::load_key() {
  const std::string& file = settings.key_file();
  PassphraseAnswer answer;
  if (const Secret secret(settings.key_password); !secret.empty()) {
    Result<SecretText> read = secret.read(kernel());
    if (!read) return std::unexpected(std::move(read.error()));
    answer.passphrase.emplace(std::move(*read));
  }
  const Bio pem(BIO_new_file(file.c_str(), "r"));
  const PrivateKey key(pem ? PEM_read_bio_PrivateKey(pem.get(), nullptr, &answer_passphrase, &answer)
                           : nullptr);
  if (!key && answer.was_asked) {
    Phrase loading = about_file(PhraseId::LoadKey, file);
    if (!answer.passphrase) return fail(ErrorKind::Config, std::move(loading), PhraseId::KeyIsEncrypted);
    return fail(ErrorKind::Config, std::move(loading),
                {PhraseId::WrongPassphrase, {{"place", QuotedText{settings.key_password}}}});
  }
  // SSL_CTX_use_PrivateKey() accepts a key of another type than the certificate's.
  const X509* const own = SSL_CTX_get0_certificate(context.get());
  if (key && X509_check_private_key(own, key.get()) == 1 &&
      SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1)
    return {};
  if (key_is_of_other_certificate()) {
    return fail(ErrorKind::Config, about_file(PhraseId::LoadKey, file),
                {PhraseId::KeyOfOtherCertificate,
                 {{"certificate", QuotedText{settings.certificate}}, {"reason", openssl_reason()}}});
  }
  return file_failed(PhraseId::LoadKey, file, PhraseId::NoKeyInPem);
}

// Explains the refusal to the operator.
void Tls::Parts::refuse(int error, const X509* certificate) {
  const auto name_of = [&](const X509_NAME* (*get)(const X509*)) {
    return QuotedText{certificate == nullptr ? "unknown" : text_of(get(certificate))};
  };
  const QuotedText subject =
      name_of([](const X509* one) -> const X509_NAME* { return X509_get_subject_name(one); });
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      refusal = {PhraseId::CertificateExpired,
                 {{"subject", subject}, {"date", date_of(X509_get0_notAfter(certificate))}}};
      return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      refusal = {PhraseId::CertificateNotYetValid,
                 {{"subject", subject}, {"date", date_of(X509_get0_notBefore(certificate))}}};
      return;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      refuse_name(certificate);
      return;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      refusal = {
          settings.ca_file.empty() ? PhraseId::CertificateOfNoSystemCa : PhraseId::CertificateOfOtherCa,
          {{"subject", subject},
           {"issuer", name_of([](const X509* one) -> const X509_NAME* { return X509_get_issuer_name(one); })},
           {"file", QuotedText{settings.ca_file}}}};
      return;
    default:
      refusal = {PhraseId::CertificateRefused,
                 {{"subject", subject}, {"reason", X509_verify_cert_error_string(error)}}};
  }
}

void Tls::Parts::refuse_name(const X509* certificate) {
  const QuotedText wanted{expected_name};
  if (const std::vector<std::string> names = names_in(certificate); !names.empty()) {
    refusal = {PhraseId::CertificateForOtherName,
               {{"names", fmt::format("{}", fmt::join(names, ", "))}, {"wanted", wanted}}};
    refusal_advice = names.size() == 1 ? PhraseId::UseThatName : PhraseId::UseOneOfTheseNames;
    return;
  }
  // No value of the setting would match.
  const std::string common_name = common_name_in(certificate);
  refusal = common_name.empty()
                ? Phrase(PhraseId::CertificateWithoutName, {{"wanted", wanted}})
                : Phrase(PhraseId::AddressAsCommonName, {{"address", QuotedText{common_name}}});
  refusal_advice = {PhraseId::IssueForName,
                    {{"kind", is_address(expected_name) ? "IP" : "DNS"}, {"name", printable(expected_name)}}};
}

std::unexpected<Error> Tls::Parts::failed() const {
  if (!refusal.empty()) return fail(ErrorKind::Io, what, refusal, refusal_advice);
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET) {
    const int alert = reason - SSL_AD_REASON_OFFSET;
    const bool is_about_certificate =
        was_asked_for_certificate && (alert == SSL_AD_HANDSHAKE_FAILURE ||
                                      (alert >= SSL_AD_BAD_CERTIFICATE && alert <= SSL_AD_UNKNOWN_CA) ||
                                      alert == SSL_AD_ACCESS_DENIED || alert == SSL_AD_CERTIFICATE_REQUIRED);
    const PhraseId why = !is_about_certificate          ? PhraseId::TlsAlert
                         : settings.certificate.empty() ? PhraseId::TlsAlertNoCertificate
                                                        : PhraseId::TlsAlertOwnCertificate;
    return fail(ErrorKind::Io, what, {why, {{"alert", QuotedText{alert_text(alert)}}}});
  }
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason == SSL_R_WRONG_VERSION_NUMBER)
    return fail(ErrorKind::Io, what, PhraseId::DoesNotSpeakTls);
  return fail(ErrorKind::Io, what, {PhraseId::TlsFailed, {{"reason", openssl_reason()}}});
}

Tls::Tls(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Tls::~Tls() = default;

Result<std::unique_ptr<Tls>> Tls::make(const TlsSettings& settings, const std::string& host,
                                       const QuotedText& peer) {
  auto owned = std::make_unique<Parts>();
  Parts& parts = *owned;
  parts.settings = settings;
  parts.expected_name = settings.server_name.empty() ? host : settings.server_name;
  parts.what = {PhraseId::TalkTls, {{"target", peer}}};
  parts.context.reset(SSL_CTX_new(TLS_client_method()));
  const int min_version = settings.min_version == TlsVersion::Tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (!parts.context || SSL_CTX_set_min_proto_version(parts.context.get(), min_version) != 1)
    return fail(ErrorKind::Internal, parts.what, {PhraseId::TlsFailed, {{"reason", openssl_reason()}}});
  SSL_CTX_set_options(parts.context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  if (Status loaded = parts.load_files(); !loaded) return std::unexpected(loaded.error());
  // OpenSSL calls this when the server asks for a certificate, and uses the one that is loaded.
  SSL_CTX_set_cert_cb(
      parts.context.get(),
      [](SSL*, void* own) {
        static_cast<Parts*>(own)->was_asked_for_certificate = true;
        return 1;
      },
      &parts);

  parts.session.reset(SSL_new(parts.context.get()));
  SSL* const ssl = parts.session.get();
  parts.from_peer = BIO_new(BIO_s_mem());
  parts.to_peer = BIO_new(BIO_s_mem());
  if (ssl == nullptr || parts.from_peer == nullptr || parts.to_peer == nullptr)
    return fail(ErrorKind::Internal, parts.what, {PhraseId::TlsFailed, {{"reason", openssl_reason()}}});
  SSL_set_bio(ssl, parts.from_peer, parts.to_peer);
  SSL_set_app_data(ssl, &parts);
  const bool by_address = is_address(parts.expected_name);
  bool set = true;
  if (settings.verify) {
    set = by_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), parts.expected_name.c_str()) == 1
                     : SSL_set1_host(ssl, parts.expected_name.c_str()) == 1;
    SSL_set_verify(ssl, SSL_VERIFY_PEER, [](int good, X509_STORE_CTX* store) {
      if (good == 1) return 1;
      const auto* const session =
          static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
      static_cast<Parts*>(SSL_get_app_data(session))
          ->refuse(X509_STORE_CTX_get_error(store), X509_STORE_CTX_get_current_cert(store));
      return 0;
    });
  }
  // RFC 6066 allows names only.
  if (!by_address) set = SSL_set_tlsext_host_name(ssl, parts.expected_name.c_str()) == 1 && set;
  if (!set) return fail(ErrorKind::Config, parts.what, PhraseId::CannotCheckName);
  SSL_set_connect_state(ssl);
  return std::unique_ptr<Tls>(new Tls(std::move(owned)));
}

Phrase Tls::why_certificate_is_refused(const TlsSettings& settings) {
  const Bio pem(settings.certificate.empty() ? nullptr : BIO_new_file(settings.certificate.c_str(), "r"));
  // Without a function of ours, OpenSSL would ask on the terminal for the passphrase of an encrypted file.
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  const OpensslPtr<X509, X509_free> certificate(
      pem ? PEM_read_bio_X509(pem.get(), nullptr, no_passphrase, nullptr) : nullptr);
  ERR_clear_error();
  if (!certificate || X509_cmp_current_time(X509_get0_notAfter(certificate.get())) >= 0) return {};
  return {PhraseId::OwnCertificateExpired, {{"date", date_of(X509_get0_notAfter(certificate.get()))}}};
}

std::optional<Tls::UnusableFile> Tls::find_unusable_file(const TlsSettings& settings) {
  Parts parts;
  parts.settings = settings;
  parts.context.reset(SSL_CTX_new(TLS_client_method()));
  if (!parts.context) return std::nullopt;  // memory has run out: no file's fault
  Status loaded = parts.load_files();
  if (loaded) return std::nullopt;
  std::string_view setting = "ca_file";
  switch (loaded.error().what.id()) {
    case PhraseId::LoadCertificate:
      setting = "certificate";
      break;
    case PhraseId::LoadKey: {
      const PhraseId why = loaded.error().why.id();
      const bool is_locked = why == PhraseId::KeyIsEncrypted || why == PhraseId::WrongPassphrase;
      setting = is_locked ? "key_password" : settings.key_setting();
      break;
    }
    case PhraseId::ReadSecret:
    case PhraseId::ReadCredential:
      setting = "key_password";
      break;
    default:
      break;
  }
  return UnusableFile{.setting = setting, .error = std::move(loaded.error())};
}

Result<bool> Tls::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(parts_->session.get());
  if (result == 1) return true;
  if (SSL_get_error(parts_->session.get(), result) == SSL_ERROR_WANT_READ) return false;
  return parts_->failed();
}

bool Tls::awaits_verdict() const {
  return parts_->was_asked_for_certificate && SSL_version(parts_->session.get()) >= TLS1_3_VERSION;
}

void Tls::received(std::string_view ciphertext) {
  // A memory BIO grows as needed, so it takes everything.
  BIO_write(parts_->from_peer, ciphertext.data(), static_cast<int>(ciphertext.size()));
}

Status Tls::process() {
  ERR_clear_error();
  std::array<char, 4096> dropped{};
  int result = 0;
  do {
    result = SSL_read(parts_->session.get(), dropped.data(), dropped.size());
  } while (result > 0);
  switch (SSL_get_error(parts_->session.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {};
    case SSL_ERROR_ZERO_RETURN:
      return fail(ErrorKind::Io, parts_->what, PhraseId::ServerClosed);
    default:
      return parts_->failed();
  }
}

std::string Tls::version() const {
  return ::SSL_get_version(parts_->session.get());
}

Status Tls::encrypt(std::string_view text) {
  ERR_clear_error();
  std::size_t written = 0;
  if (text.empty() || SSL_write_ex(parts_->session.get(), text.data(), text.size(), &written) == 1) return {};
  return parts_->failed();
}

void Tls::say_goodbye() {
  ERR_clear_error();
  (void)SSL_shutdown(parts_->session.get());  // does not wait for the peer's answer
}

std::string_view Tls::outgoing() const {
  char* data = nullptr;
  const long size = BIO_get_mem_data(parts_->to_peer, &data);
  return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

void Tls::outgoing_taken() {
  (void)BIO_reset(parts_->to_peer);  // a memory BIO: can't fail
}

}  // namespace slurper
