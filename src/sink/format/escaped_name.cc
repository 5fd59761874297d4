#include "sink/format/escaped_name.h"

#include "base/text.h"

namespace slurper {

namespace {

void append_percent(std::string_view bytes, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

}  // namespace

void append_escaped(std::string_view value, const NameEscapes& escapes, std::string& out) {
  if (value.empty()) out += escapes.empty;
  for (bool is_first = true; !value.empty(); is_first = false) {
    const std::string_view character = first_character(value);
    value.remove_prefix(character.size());
    const char c = character.front();
    const bool is_escaped = escapes.bytes.contains(c) || (is_first && escapes.first_bytes.contains(c)) ||
                            is_control_character(character) || is_invisible_character(character);
    if (is_escaped) {
      append_percent(character, out);
    } else {
      out += character;
    }
  }
}

}  // namespace slurper
