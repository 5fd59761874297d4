#include "sink/net/certificate_text.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sink/net/openssl_ptr.h"

namespace slurper {

namespace {

using Bio = OpensslPtr<BIO, BIO_free_all>;
using Names = OpensslPtr<GENERAL_NAMES, GENERAL_NAMES_free>;

std::string text_of(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

std::string text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

}  // namespace

std::string text_of(const X509_NAME* name) {
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  return text_of(bio);
}

std::string date_of(const ASN1_TIME* time) {
  const Bio bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  return text_of(bio);
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

std::string common_name_in(const X509* certificate) {
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  return text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

std::vector<std::string> names_in(const X509* certificate) {
  std::vector<std::string> names;
  bool has_name = false;
  const Names found(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; found && i < sk_GENERAL_NAME_num(found.get()); ++i) {
    int type = 0;
    const void* const value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(found.get(), i), &type);
    if (type == GEN_DNS) {
      names.push_back(in_quotes(text_of(static_cast<const ASN1_STRING*>(value))));
      has_name = true;
    }
    if (type != GEN_IPADD) continue;
    const auto* const address = static_cast<const ASN1_STRING*>(value);
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
    if (family == AF_INET6 && ASN1_STRING_length(address) != 16) continue;
    if (::inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), text.size()) != nullptr)
      names.push_back(in_quotes(text.data()));
  }
  constexpr std::size_t kMaxNames = 8;
  if (names.size() > kMaxNames) {
    names.resize(kMaxNames);
    names.emplace_back("…");
  }
  const std::string common_name = common_name_in(certificate);
  if (!has_name && !common_name.empty() && !is_address(common_name)) names.push_back(in_quotes(common_name));
  return names;
}

}  // namespace slurper
