#include "base/secret_place.h"

#include <algorithm>
#include <array>
#include <string>

namespace slurper {

namespace {

// As systemd allows: a file name.
bool is_credential_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@";
  constexpr std::size_t kMax = 255;
  return !name.empty() && name.size() <= kMax && name != "." && name != ".." &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

}  // namespace

bool is_secret_place(std::string_view value) {
  if (value.starts_with(kCredentialPrefix)) return is_credential_name(value.substr(kCredentialPrefix.size()));
  return value.size() > 1 && value.starts_with('/') && !value.contains('\0');
}

bool is_name_of_secret(std::string_view setting) {
  constexpr std::array<std::string_view, 5> kEnds = {"password", "passwd", "passphrase", "secret", "token"};
  return std::ranges::any_of(kEnds, [&](std::string_view end) { return setting.ends_with(end); });
}

bool resembles_name_of_secret(std::string_view setting) {
  constexpr std::array<std::string_view, 4> kParts = {"pas", "pwd", "secret", "token"};
  std::string lower(setting);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::ranges::any_of(kParts, [&](std::string_view part) { return lower.contains(part); });
}

}  // namespace slurper
