#include "filter/filter_error.h"

#include <fmt/format.h>

#include "base/text.h"

namespace slurper {

namespace {

// Some readers take it for a line end (U+2028, U+2029), or it reverses the direction of the text after it
// (U+202A to U+202E, U+2066 to U+2069).
bool is_invisible(std::string_view character) {
  return (character >= "\u2028" && character <= "\u202e") || (character >= "\u2066" && character <= "\u2069");
}

std::string visible(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    if (character == "\t" || character == "\r") {
      out += ' ';
    } else if (is_control_character(character) || is_invisible(character)) {
      append_hex(character, out);
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

}  // namespace

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
