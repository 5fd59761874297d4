// The one table of all settings: names, what a value may be, how it is read and printed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/settings.h"

namespace slurper {

// A value as it was written, free of the TOML library's types.
struct Value {
  enum class Kind {
    Bool,
    Integer,
    Octal,  // an integer written 0o640
    String,
    Word,   // from the command line, without quotes: could be any of these
    Other,  // what no setting takes; `text` says what it is ("an array")
  };
  Kind kind = Kind::Other;
  bool boolean = false;
  std::int64_t integer = 0;
  std::string text = {};
};

// For messages: '"64MB"', 'true', 'an array'. Without control characters, and never long.
[[nodiscard]] std::string describe(const Value& value);

// `text` as a TOML basic string: what is not printable ASCII as \uNNNN, UTF-8 as it is.
[[nodiscard]] std::string quote_toml(std::string_view text);
// As a TOML key: bare where it may be.
[[nodiscard]] std::string quote_toml_key(std::string_view key);

struct Key {
  std::string_view table;
  std::string_view name;
  std::string_view help;  // one line; the example file and --help print it
  // What a value must be, to follow "must be".
  std::string (*allowed)();
  // Takes `value` over into the settings. False where it is not what `allowed` says; then nothing has
  // changed.
  bool (*read)(const Value& value, Settings& settings);
  // The setting's value in TOML, which `read` takes again.
  std::string (*print)(const Settings& settings);

  [[nodiscard]] std::string full_name() const { return std::string(table) + '.' + std::string(name); }
};

// All keys, those of one table together, in the order in which people should meet them.
[[nodiscard]] std::span<const Key> keys();

[[nodiscard]] bool is_table_name(std::string_view name);

// The key of that name, or nullptr.
[[nodiscard]] const Key* find_key(std::string_view table, std::string_view name);

// Advice on a table or on a key that does not exist: "Did you mean 'log.sync'?", or what there is.
[[nodiscard]] std::string suggest_table(std::string_view table);
[[nodiscard]] std::string suggest_key(std::string_view table, std::string_view name);

}  // namespace slurper
