#include "filter/filter_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.h"

namespace slurper {

namespace {

constexpr std::size_t kMaxRepeated = 60;  // bytes of the text that a message repeats

struct CodePoints {
  std::uint32_t first;
  std::uint32_t last;
};

// `character` is valid UTF-8.
std::uint32_t code_point(std::string_view character) {
  constexpr std::array<std::uint32_t, 5> kFirstBits = {0, 0x7f, 0x1f, 0x0f, 0x07};
  std::uint32_t code = static_cast<unsigned char>(character[0]) & kFirstBits[character.size()];
  for (const char c : character.substr(1)) code = (code << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
  return code;
}

// How a message shows `character`, which is one character, or an invalid byte.
std::string shown(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (first == '\t' || first == '\r') return " ";
  const bool valid = utf8_length(character) == character.size();
  const std::uint32_t code = valid ? code_point(character) : 0;
  const bool invisible =
      code == 0x2028 || code == 0x2029 || (code >= 0x202a && code <= 0x202e) ||
      (code >= 0x2066 && code <= 0x2069);  // line ends, and marks that reverse the direction of text
  if (valid && code >= 0x20 && !(code >= 0x7f && code < 0xa0) && !invisible) return std::string(character);
  std::string escaped;
  for (const char c : character) escaped += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return escaped;
}

// The first character of `text`; one byte if that is not valid UTF-8.
std::string_view first_character(std::string_view text) {
  return text.substr(0, std::max<std::size_t>(utf8_length(text), 1));
}

std::string visible(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    out += shown(character);
    text.remove_prefix(character.size());
  }
  return out;
}

}  // namespace

std::string shortened(std::string_view text) {
  if (text.size() <= kMaxRepeated) return std::string(text);
  std::size_t end = 0;
  while (end < kMaxRepeated) end += first_character(text.substr(end)).size();
  return std::string(text.substr(0, end)) + "…";
}

FilterError filter_error(std::string_view text, std::size_t position, std::string_view why,
                         std::string_view advice) {
  const std::string_view before = text.substr(0, position);
  std::string_view line = before.substr(before.rfind('\n') + 1);
  FilterError error{.line = 1 + count_lines(before), .why = visible(why), .advice = visible(advice)};
  for (; !line.empty(); line.remove_prefix(first_character(line).size())) ++error.column;
  return error;
}

std::string FilterError::message() const {
  std::string text = line == 1 ? fmt::format("at column {} {}", column, why)
                               : fmt::format("at line {}, column {} {}", line, column, why);
  if (!advice.empty()) text += ". " + advice;
  return text;
}

}  // namespace slurper
