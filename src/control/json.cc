#include "control/json.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace slurper {

namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  bool parse(JsonValue& value) {
    const bool is_value = read_value(value, 0);
    skip_space();
    return is_value && rest_.empty();
  }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }

  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool take_after_space(std::string_view word) {
    skip_space();
    return take(word);
  }

  bool read_value(JsonValue& value, int depth) {
    skip_space();
    if (rest_.empty() || depth > kMaxJsonDepth) return false;
    using enum JsonValue::Kind;
    switch (rest_.front()) {
      case '{':
        value.kind = Object;
        return read_object(value, depth);
      case '[':
        value.kind = Array;
        return read_array(value, depth);
      case '"':
        value.kind = String;
        return read_string(value.text);
      case 'n':
        return take("null");
      case 't':
        value.kind = True;
        return take("true");
      case 'f':
        value.kind = False;
        return take("false");
      default:
        value.kind = Number;
        return read_number(value.text);
    }
  }

  bool read_object(JsonValue& object, int depth) {
    rest_.remove_prefix(1);
    if (take_after_space("}")) return true;
    do {
      skip_space();
      if (!read_string(object.names.emplace_back()) || !take_after_space(":") ||
          !read_value(object.items.emplace_back(), depth + 1))
        return false;
    } while (take_after_space(","));
    return take("}");
  }

  bool read_array(JsonValue& array, int depth) {
    rest_.remove_prefix(1);
    if (take_after_space("]")) return true;
    do {
      if (!read_value(array.items.emplace_back(), depth + 1)) return false;
    } while (take_after_space(","));
    return take("]");
  }

  std::size_t take_digits(std::string& number) {
    const std::size_t digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    number += rest_.substr(0, digits);
    rest_.remove_prefix(digits);
    return digits;
  }

  bool read_number(std::string& number) {
    if (take("-")) number += '-';
    const bool begins_with_zero = rest_.starts_with('0');
    const std::size_t digits = take_digits(number);
    if (digits == 0 || (begins_with_zero && digits > 1)) return false;
    if (take(".")) {
      number += '.';
      if (take_digits(number) == 0) return false;
    }
    if (!take("e") && !take("E")) return true;
    number += 'e';
    if (take("-")) {
      number += '-';
    } else {
      (void)take("+");
    }
    return take_digits(number) > 0;
  }

  bool read_string(std::string& text) {
    if (!take("\"")) return false;
    while (!rest_.empty()) {
      if (take("\"")) return true;
      if (take("\\")) {
        if (!read_escape(text)) return false;
        continue;
      }
      const std::size_t length = utf8_length(rest_);
      if (length == 0 || static_cast<unsigned char>(rest_.front()) < 0x20) return false;
      text += rest_.substr(0, length);
      rest_.remove_prefix(length);
    }
    return false;
  }

  bool read_escape(std::string& text) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (rest_.empty()) return false;
    const char letter = rest_.front();
    rest_.remove_prefix(1);
    if (letter == 'u') return read_code_point(text);
    const std::size_t which = kLetters.find(letter);
    if (which == std::string_view::npos) return false;
    text += kMeanings[which];
    return true;
  }

  std::optional<std::uint32_t> take_code_unit() {
    std::uint32_t unit = 0;
    if (rest_.size() < 4) return std::nullopt;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + 4, unit, 16);
    if (error != std::errc{} || end != rest_.data() + 4) return std::nullopt;
    rest_.remove_prefix(4);
    return unit;
  }

  bool read_code_point(std::string& text) {
    const auto first = take_code_unit();
    if (!first) return false;
    std::uint32_t point = *first;
    if (point >= 0xD800 && point < 0xE000) {
      if (point >= 0xDC00 || !take("\\u")) return false;
      const auto second = take_code_unit();
      if (!second || *second < 0xDC00 || *second >= 0xE000) return false;
      point = 0x10000 + ((point - 0xD800) << 10) + (*second - 0xDC00);
    }
    append_utf8(text, point);
    return true;
  }

  static void append_utf8(std::string& text, std::uint32_t point) {
    const auto byte = [&text](std::uint32_t value) { text += static_cast<char>(value); };
    if (point < 0x80) return byte(point);
    if (point < 0x800) {
      byte(0xC0 | point >> 6);
    } else {
      if (point < 0x10000) {
        byte(0xE0 | point >> 12);
      } else {
        byte(0xF0 | point >> 18);
        byte(0x80 | (point >> 12 & 0x3F));
      }
      byte(0x80 | (point >> 6 & 0x3F));
    }
    byte(0x80 | (point & 0x3F));
  }

  std::string_view rest_;
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
  const auto found = std::ranges::find(names, name);
  return found == names.end() ? nullptr : &items[static_cast<std::size_t>(found - names.begin())];
}

std::optional<std::uint64_t> JsonValue::to_unsigned() const {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  if (kind != Kind::Number) return std::nullopt;
  const auto [read, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || read != end) return std::nullopt;
  return number;
}

std::optional<JsonValue> parse_json(std::string_view text) {
  JsonValue value;
  if (!Parser(text).parse(value)) return std::nullopt;
  return value;
}

}  // namespace slurper
