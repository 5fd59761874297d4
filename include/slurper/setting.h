// Setting: which values one key of the configuration accepts. Part of the plug-in API: uses standard headers
// only.
//
// A sink declares its settings as data. slurper uses them to read and check the configuration, to report each
// error with its place, to suggest the nearest key for an unknown one, and to document the settings.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slurper {

struct Setting {
  enum class Type : std::uint8_t {
    Text,        // one string
    List,        // any number of strings; one string is a list of one
    Flag,        // true or false
    Number,      // from min to max
    Size,        // in bytes, from min to max: "64KiB", "10MB", 4096
    Duration,    // in milliseconds, from min to max: "500ms", "1h"; or one of `choices`
    Choice,      // one of `choices`
    FilePath,    // a file to write, with a name of at most max bytes; no other setting may name it
    FolderPath,  // for any folder
    Mode,        // octal permissions: "0640"
    User,        // a name or a number
    Group,
    // Where a secret is, never the secret: the absolute path of a file, or "credential:NAME", a credential of
    // the service. The setting's name ends with "password", "passphrase", "secret" or "token": then no
    // message shows the secret if a user writes it there by mistake.
    Secret,
  };

  std::string_view name;
  Type type = Type::Text;
  std::string_view help;  // a few words: what it is, or does
  // The default, as it stands in a configuration, without quotes. If it is empty, the setting has no default,
  // or the default depends on other settings.
  std::string_view initial = {};
  bool required = false;  // has no default
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
  std::span<const std::string_view> choices = {};
  // What 0 means: "no limit". If this is set, 0 is allowed even if it is below min.
  std::string_view zero = {};
  // For messages, with the quotes: "such as …". If it is empty, the type's example is used.
  std::string_view example = {};
};

// For the bounds of a Duration.
constexpr std::uint64_t in_milliseconds(std::chrono::milliseconds time) {
  return static_cast<std::uint64_t>(time.count());
}

// What a setting's value means.
struct SettingValue {
  std::uint64_t number = 0;  // a Flag's 0 or 1, a Number, bytes, milliseconds, or the bits of a Mode
  // The position among `choices`. For a Duration that is none of them, the number of choices.
  std::size_t choice = 0;
  std::vector<std::string> texts = {};  // a List's texts; for each other type with a text, one. Paths are
                                        // absolute.
  bool operator==(const SettingValue&) const = default;
};

}  // namespace slurper
