// The values of settings: reads, checks and prints them by the description of each setting. setting_value.cc
// is one file, since reading, printing and naming what is allowed must agree for each type of setting.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "slurper/setting.h"

namespace slurper {

// A value as it was written, without the TOML library's types.
struct Value {
  enum class Kind {
    Bool,
    Integer,
    Octal,  // an integer written 0o640
    String,
    Word,   // from the command line or a sink's table, without quotes: may be of any of these kinds
    Other,  // a value that no setting takes; `text` describes it ("an array")
  };
  Kind kind = Kind::Other;
  bool boolean = false;
  std::int64_t integer = 0;
  std::string text = {};
};

// For messages: '"64MB"', 'true', 'an array'. Without control characters, and always short.
[[nodiscard]] std::string describe(const Value& value);

// `text` as a TOML basic string. Control characters become \uNNNN; all else stays as it is.
[[nodiscard]] std::string quote_toml(std::string_view text);

// Which values `setting` accepts, to follow "must be".
[[nodiscard]] std::string allowed(const Setting& setting);

// Reads `value` for `setting`. The error is advice on what was probably meant, a sentence without its full
// stop; it is often empty. Never called for a List.
[[nodiscard]] std::expected<SettingValue, std::string> read_value(const Setting& setting, const Value& value);

// The value of `setting.initial`.
[[nodiscard]] SettingValue default_value(const Setting& setting);

// Prints the value in TOML; read_value() reads it back unchanged.
[[nodiscard]] std::string print_value(const Setting& setting, const SettingValue& value);

}  // namespace slurper
