#include "base/setting_value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "base/accounts.h"
#include "base/path_text.h"
#include "base/secret_place.h"
#include "base/text.h"

namespace slurper {

namespace {

using std::chrono::milliseconds;
using Kind = Value::Kind;
using Type = Setting::Type;

constexpr std::int64_t kMaxMode = 07777;

bool is_text(const Value& value) {
  return value.kind == Kind::String || value.kind == Kind::Word;
}

bool is_integer(const Value& value) {
  return value.kind == Kind::Integer || value.kind == Kind::Octal;
}

bool is_path(Type type) {
  return type == Type::FilePath || type == Type::FolderPath;
}

// Parses all of `text` in that base.
std::optional<std::int64_t> parse_integer(std::string_view text, int base) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, base);
  return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

std::optional<SettingValue> number_value(std::optional<std::uint64_t> number) {
  if (!number) return std::nullopt;
  return SettingValue{.number = *number};
}

SettingValue text_value(std::string text) {
  SettingValue value;
  value.texts.push_back(std::move(text));
  return value;
}

// `is_zero`: 0 itself was written, not a fraction that rounds down to 0.
std::optional<std::uint64_t> within(const Setting& setting, std::optional<std::uint64_t> number,
                                    bool is_zero) {
  if (!number || *number > setting.max) return std::nullopt;
  if (!setting.zero.empty() && is_zero && *number == 0) return number;
  return *number >= setting.min ? number : std::nullopt;
}

std::optional<SettingValue> read_flag(const Value& value) {
  const bool is_word = value.kind == Kind::Word && (value.text == "true" || value.text == "false");
  if (value.kind != Kind::Bool && !is_word) return std::nullopt;
  return number_value(is_word ? value.text == "true" : value.boolean);
}

std::optional<SettingValue> read_number(const Setting& setting, const Value& value) {
  const auto number = value.kind == Kind::Word ? parse_integer(value.text, 10)
                      : is_integer(value)      ? std::optional(value.integer)
                                               : std::nullopt;
  if (!number || *number < 0) return std::nullopt;
  return number_value(within(setting, static_cast<std::uint64_t>(*number), true));
}

std::optional<SettingValue> read_size(const Setting& setting, const Value& value) {
  std::optional<std::uint64_t> bytes;
  if (is_text(value)) {
    if (const auto size = parse_byte_size(value.text)) bytes = size->bytes;
  } else if (is_integer(value) && value.integer >= 0) {
    bytes = static_cast<std::uint64_t>(value.integer);
  }
  return number_value(within(setting, bytes, true));
}

std::optional<SettingValue> read_choice(const Setting& setting, const Value& value) {
  const auto choice = std::ranges::find(setting.choices, value.text);
  if (!is_text(value) || choice == setting.choices.end()) return std::nullopt;
  return SettingValue{.choice = static_cast<std::size_t>(choice - setting.choices.begin())};
}

std::optional<SettingValue> read_duration(const Setting& setting, const Value& value) {
  if (auto choice = read_choice(setting, value)) return choice;
  const bool is_integer_zero = is_integer(value) && value.integer == 0 && !setting.zero.empty();
  const auto time = is_integer_zero  ? milliseconds(0)
                    : is_text(value) ? parse_duration(value.text)
                                     : std::nullopt;
  if (!time) return std::nullopt;
  auto read = number_value(
      within(setting, static_cast<std::uint64_t>(time->count()), is_integer_zero || value.text == "0"));
  if (read) read->choice = setting.choices.size();
  return read;
}

// Rejects a decimal integer: 640 is meant as 0640, and TOML reads it as another number.
std::optional<SettingValue> read_mode(const Value& value) {
  std::optional<std::int64_t> bits;
  if (is_text(value)) {
    std::string_view digits = value.text;
    if (digits.starts_with("0o")) digits.remove_prefix(2);
    bits = parse_integer(digits, 8);
  } else if (value.kind == Kind::Octal) {
    bits = value.integer;
  }
  if (!bits || *bits < 0 || *bits > kMaxMode) return std::nullopt;
  return number_value(static_cast<std::uint64_t>(*bits));
}

// Absolute and without "." and ".."; empty if there is no working directory.
std::filesystem::path normal_path(const std::string& text) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(text, error);
  return error ? std::filesystem::path() : path.lexically_normal();
}

std::optional<SettingValue> read_path(const Setting& setting, const Value& value) {
  if (value.text.empty()) {
    if (setting.required) return std::nullopt;
    return text_value({});
  }
  if (!path_mistake(value.text).empty()) return std::nullopt;
  const std::filesystem::path normal = normal_path(value.text);
  std::string path = normal.string();
  if (setting.type == Type::FilePath) {
    const std::string name = normal.filename().string();
    if (name.empty() || name.size() > setting.max) return std::nullopt;
  } else {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    if (path.empty()) return std::nullopt;
  }
  return text_value(std::move(path));
}

bool is_c_string(const Value& value) {
  return is_text(value) && !value.text.contains('\0') && is_utf8(value.text);
}

std::optional<SettingValue> read_account(const Setting& setting, const Value& value) {
  const bool is_number = value.kind == Kind::Integer;
  if (!is_number && !is_c_string(value)) return std::nullopt;
  std::string name = is_number ? std::to_string(value.integer) : value.text;
  const bool exists = name.empty() || (setting.type == Type::User ? find_user(name).has_value()
                                                                  : find_group(name).has_value());
  if (!exists) return std::nullopt;
  return text_value(std::move(name));
}

std::optional<SettingValue> read_secret(const Setting& setting, const Value& value) {
  const bool is_good =
      is_c_string(value) && (is_secret_place(value.text) || (value.text.empty() && !setting.required));
  return is_good ? std::optional(text_value(value.text)) : std::nullopt;
}

std::optional<SettingValue> read(const Setting& setting, const Value& value) {
  switch (setting.type) {
    case Type::Text:
    case Type::List:
      return is_text(value) ? std::optional(text_value(value.text)) : std::nullopt;
    case Type::Flag:
      return read_flag(value);
    case Type::Number:
      return read_number(setting, value);
    case Type::Size:
      return read_size(setting, value);
    case Type::Duration:
      return read_duration(setting, value);
    case Type::Choice:
      return read_choice(setting, value);
    case Type::FilePath:
    case Type::FolderPath:
      return is_c_string(value) ? read_path(setting, value) : std::nullopt;
    case Type::Mode:
      return read_mode(value);
    case Type::User:
    case Type::Group:
      return read_account(setting, value);
    case Type::Secret:
      return read_secret(setting, value);
  }
  return std::nullopt;
}

std::string size_text(std::uint64_t bytes) {
  return format(ByteSize{bytes});
}

std::string time_text(std::uint64_t count) {
  return format(milliseconds(count));
}

std::string allowed_size(const Setting& setting) {
  const std::string_view example = setting.example.empty() ? "\"64KiB\"" : setting.example;
  if (!setting.zero.empty())
    return fmt::format("0 ({}) or a size of {} and more, such as {}", setting.zero, size_text(setting.min),
                       example);
  return fmt::format("a size from {} to {}, such as {}", size_text(setting.min), size_text(setting.max),
                     example);
}

std::string quoted_choices(const Setting& setting, std::string_view between) {
  std::vector<std::string> names;
  for (const std::string_view choice : setting.choices) names.push_back(quote_toml(choice));
  return fmt::format("{}", fmt::join(names, between));
}

std::string allowed_duration(const Setting& setting) {
  const std::string_view example = setting.example.empty() ? "\"1s\"" : setting.example;
  const std::string min = time_text(setting.min);
  if (!setting.zero.empty())
    return fmt::format("0 ({}) or a time of {} and more, such as {}", setting.zero, min, example);
  const std::string range = fmt::format("from {} to {}, such as {}", min, time_text(setting.max), example);
  if (!setting.choices.empty())
    return fmt::format("{}, or a period {}", quoted_choices(setting, ", "), range);
  return "a time " + range;
}

std::string allowed_number(const Setting& setting) {
  if (!setting.zero.empty()) return fmt::format("0 ({}) or a number up to {}", setting.zero, setting.max);
  return fmt::format("a number from {} to {}", setting.min, setting.max);
}

}  // namespace

std::string quote_toml(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string describe(const Value& value) {
  switch (value.kind) {
    case Kind::Bool:
      return value.boolean ? "true" : "false";
    case Kind::Integer:
      return std::to_string(value.integer);
    case Kind::Octal:
      return fmt::format("0o{:o}", value.integer);
    case Kind::String:
    case Kind::Word:
      return '"' + printable(shortened(value.text)) + '"';
    case Kind::Other:
      return value.text;
  }
  return value.text;
}

std::string allowed(const Setting& setting) {
  switch (setting.type) {
    case Type::Text:
      return "one string";
    case Type::List:
      return "a string, or a list of strings";
    case Type::Flag:
      return "true or false";
    case Type::Number:
      return allowed_number(setting);
    case Type::Size:
      return allowed_size(setting);
    case Type::Duration:
      return allowed_duration(setting);
    case Type::Choice:
      if (setting.choices.size() <= 2) return quoted_choices(setting, " or ");
      return fmt::format("one of {}", fmt::join(setting.choices, ", "));
    case Type::FilePath:
      return fmt::format("the path of a file (UTF-8, and a name of at most {} bytes){}", setting.max,
                         setting.required ? "" : ", or \"\" for the default");
    case Type::FolderPath:
      return fmt::format("the path of a folder (UTF-8){}",
                         setting.required ? "" : ", or \"\" for the default");
    case Type::Mode:
      return "an octal mode from \"0000\" to \"7777\", such as \"0640\"";
    case Type::User:
    case Type::Group:
      return fmt::format("the name of a {} that exists, a number, or \"\" for slurper's own",
                         setting.type == Type::User ? "user" : "group");
    case Type::Secret:
      return "the absolute path of a file that contains the secret, or \"credential:NAME\"";
  }
  return "";
}

std::expected<SettingValue, std::string> read_value(const Setting& setting, const Value& value) {
  if (auto good = read(setting, value)) return *good;
  if (!is_text(value)) return std::unexpected(std::string());
  std::string mistake = is_path(setting.type) ? path_mistake(value.text) : std::string();
  if (mistake.empty() && has_typographic_quotes(value.text)) mistake = kPlainQuotes;
  return std::unexpected(std::move(mistake));
}

SettingValue default_value(const Setting& setting) {
  if (setting.initial.empty()) return setting.type == Type::List ? SettingValue{} : text_value({});
  const auto value = read_value(setting, {.kind = Kind::Word, .text = std::string(setting.initial)});
  assert(value.has_value());  // a mistake in the declaration
  return value.value_or(SettingValue{});
}

std::string print_value(const Setting& setting, const SettingValue& value) {
  const auto text = [&] { return value.texts.empty() ? std::string() : value.texts.front(); };
  switch (setting.type) {
    case Type::Flag:
      return value.number != 0 ? "true" : "false";
    case Type::Number:
      return std::to_string(value.number);
    case Type::Size:
      if (value.number == 0) return "0";
      return quote_toml(size_text(value.number));
    case Type::Duration:
      if (value.choice < setting.choices.size()) return quote_toml(setting.choices[value.choice]);
      if (value.number == 0) return "0";
      return quote_toml(time_text(value.number));
    case Type::Choice:
      return quote_toml(value.choice < setting.choices.size() ? setting.choices[value.choice] : "");
    case Type::Mode:
      return fmt::format("\"{:04o}\"", value.number);
    case Type::List: {
      std::vector<std::string> texts;
      for (const std::string& one : value.texts) texts.push_back(quote_toml(one));
      return fmt::format("[{}]", fmt::join(texts, ", "));
    }
    case Type::Text:
    case Type::FilePath:
    case Type::FolderPath:
    case Type::User:
    case Type::Group:
    case Type::Secret:
      return quote_toml(text());
  }
  return "";
}

}  // namespace slurper
