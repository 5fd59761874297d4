// Where a secret is: settings name the place of a secret and never contain one.
#pragma once

#include <string_view>

namespace slurper {

inline constexpr std::string_view kCredentialPrefix = "credential:";

// Whether `value` names a place: "/etc/slurper/key.pass", or "credential:NAME". Anything else may be a secret
// that was written there by mistake, so no message may contain it.
[[nodiscard]] bool is_secret_place(std::string_view value);

// Whether a setting of this name is for a secret: the name ends with "password", "passwd", "passphrase",
// "secret" or "token". This is known before the type of the sink is.
[[nodiscard]] bool is_name_of_secret(std::string_view setting);

// Whether it may be such a name, misspelt: messages do not show its value either.
[[nodiscard]] bool resembles_name_of_secret(std::string_view setting);

// What messages show instead of a secret.
inline constexpr std::string_view kNotShown = "(not shown)";

}  // namespace slurper
