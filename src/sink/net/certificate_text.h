// The names and dates in an X.509 certificate, as text.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

namespace slurper {

// Each text may come from an untrusted peer: messages quote it, and so escape it. Any thread may call these.

[[nodiscard]] std::string text_of(const X509_NAME* name);
[[nodiscard]] std::string date_of(const ASN1_TIME* time);

// The first common name of the subject; empty if there is none.
[[nodiscard]] std::string common_name_in(const X509* certificate);

// Returns every name that matches this certificate, in quotes, by the rules of do_x509_check() in OpenSSL:
// the names and addresses among its alternative names, and the common name only if there is no alternative
// name. An address in the common name never matches. Returns at most eight names, and then an ellipsis.
[[nodiscard]] std::vector<std::string> names_in(const X509* certificate);

// Whether `host` is an IP address.
[[nodiscard]] bool is_address(const std::string& host);

}  // namespace slurper
