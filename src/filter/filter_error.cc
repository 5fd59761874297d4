#include "filter/filter_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/text.h"

namespace slurper {

namespace {

constexpr std::size_t kMaxWidth = 100;    // of an excerpt, in columns of a terminal
constexpr std::size_t kMaxBefore = 60;    // of these, before the caret
constexpr std::size_t kMaxRepeated = 60;  // bytes of the text that a message repeats

struct CodePoints {
  std::uint32_t first;
  std::uint32_t last;
};

// What terminals draw over the character before, and in two columns: the blocks that matter (Unicode's
// DerivedGeneralCategory Mn and Me, EastAsianWidth W and F). wcwidth(3) depends on the locale.
constexpr std::array kNoColumn = {CodePoints{0x300, 0x36f},   CodePoints{0x483, 0x489},
                                  CodePoints{0x591, 0x5bd},   CodePoints{0x610, 0x61a},
                                  CodePoints{0x64b, 0x65f},   CodePoints{0x200b, 0x200f},
                                  CodePoints{0x20d0, 0x20f0}, CodePoints{0xfe00, 0xfe0f},
                                  CodePoints{0xfe20, 0xfe2f}, CodePoints{0xfeff, 0xfeff}};
constexpr std::array kTwoColumns = {
    CodePoints{0x1100, 0x115f},   CodePoints{0x2e80, 0x303e},   CodePoints{0x3041, 0xa4cf},
    CodePoints{0xac00, 0xd7a3},   CodePoints{0xf900, 0xfaff},   CodePoints{0xfe30, 0xfe6f},
    CodePoints{0xff00, 0xff60},   CodePoints{0xffe0, 0xffe6},   CodePoints{0x1f300, 0x1f64f},
    CodePoints{0x1f680, 0x1f6ff}, CodePoints{0x1f900, 0x1f9ff}, CodePoints{0x20000, 0x3fffd}};

// `character` is valid UTF-8.
std::uint32_t code_point(std::string_view character) {
  constexpr std::array<std::uint32_t, 5> kFirstBits = {0, 0x7f, 0x1f, 0x0f, 0x07};
  std::uint32_t code = static_cast<unsigned char>(character[0]) & kFirstBits[character.size()];
  for (const char c : character.substr(1)) code = (code << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
  return code;
}

std::size_t columns_of(std::uint32_t code) {
  const auto holds = [&](const CodePoints& block) { return code >= block.first && code <= block.last; };
  if (std::ranges::any_of(kNoColumn, holds)) return 0;
  return std::ranges::any_of(kTwoColumns, holds) ? 2 : 1;
}

// A character as it is shown.
struct Shown {
  std::string text;
  std::size_t columns = 0;
};

Shown shown(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (first == '\t' || first == '\r') return {" ", 1};
  const bool valid = utf8_length(character) == character.size();
  const std::uint32_t code = valid ? code_point(character) : 0;
  const bool invisible =
      code == 0x2028 || code == 0x2029 || (code >= 0x202a && code <= 0x202e) ||
      (code >= 0x2066 && code <= 0x2069);  // line ends, and marks that turn the order round
  if (valid && code >= 0x20 && !(code >= 0x7f && code < 0xa0) && !invisible)
    return {std::string(character), columns_of(code)};
  Shown escaped;
  for (const char c : character) escaped.text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  escaped.columns = escaped.text.size();
  return escaped;
}

// The first character of `text`; a byte where there is none.
std::string_view first_character(std::string_view text) {
  return text.substr(0, std::max<std::size_t>(utf8_length(text), 1));
}

std::string visible(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    out += shown(character).text;
    text.remove_prefix(character.size());
  }
  return out;
}

// `caret` is the place among `line`: its size where it is behind the last.
std::string excerpt_of(const std::vector<Shown>& line, std::size_t caret) {
  std::size_t begin = caret;
  std::size_t before = 0;
  while (begin > 0 && before + line[begin - 1].columns <= kMaxBefore) before += line[--begin].columns;
  std::size_t end = caret;
  std::size_t columns = before;
  while (end < line.size() && columns + line[end].columns <= kMaxWidth) columns += line[end++].columns;

  std::string text = begin > 0 ? "…" : "";
  for (std::size_t i = begin; i < end; ++i) text += line[i].text;
  if (end < line.size()) text += "…";
  return text + '\n' + std::string(before + (begin > 0 ? 1 : 0), ' ') + "^\n";
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
  position = std::min(position, text.size());
  const std::size_t newline = position == 0 ? std::string_view::npos : text.rfind('\n', position - 1);
  const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
  const std::size_t end = std::min(text.find('\n', begin), text.size());

  std::vector<Shown> line;
  std::size_t caret = 0;
  for (std::size_t i = begin; i < end;) {
    if (i <= position) caret = line.size();
    const std::string_view character = first_character(text.substr(i, end - i));
    line.push_back(shown(character));
    i += character.size();
  }
  if (position >= end) caret = line.size();
  return {.line = 1 + count_lines(text.substr(0, begin)),
          .column = caret + 1,
          .why = visible(why),
          .advice = visible(advice),
          .excerpt = excerpt_of(line, caret)};
}

Error FilterError::error() const {
  const std::string place =
      line == 1 ? fmt::format("column {}", column) : fmt::format("line {}, column {}", line, column);
  return {.kind = ErrorKind::Config,
          .errnum = 0,
          .what = fmt::format("read the filter at {}", place),
          .why = why,
          .advice = advice};
}

}  // namespace slurper
