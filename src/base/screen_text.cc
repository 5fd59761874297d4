#include "base/screen_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"

namespace slurper {

namespace {

char32_t code_point_of(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0);
  constexpr std::array<unsigned, 5> kBitsOfFirst = {0, 0, 0x1f, 0x0f, 0x07};
  char32_t code_point = byte(0) & kBitsOfFirst.at(character.size());
  for (std::size_t i = 1; i < character.size(); ++i) code_point = code_point << 6U | (byte(i) & 0x3fU);
  return code_point;
}

// Whether a terminal may need two columns for it: East Asian characters (Unicode's EastAsianWidth.txt, W and
// F) and the blocks of emoji. Terminals disagree on some of these. Rather too many: a row may be shorter than
// the screen, and must not be longer. For the same reason a combining mark counts as a column.
bool is_wide(char32_t code_point) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  constexpr std::array<Range, 17> kWide = {{{0x1100, 0x115f},
                                            {0x231a, 0x231b},
                                            {0x23e9, 0x23f3},
                                            {0x25fd, 0x25fe},
                                            {0x2600, 0x27bf},
                                            {0x2b1b, 0x2b55},
                                            {0x2e80, 0xa4cf},
                                            {0xa960, 0xa97f},
                                            {0xac00, 0xd7a3},
                                            {0xf900, 0xfaff},
                                            {0xfe10, 0xfe1f},
                                            {0xfe30, 0xfe6f},
                                            {0xff00, 0xff60},
                                            {0xffe0, 0xffe6},
                                            {0x16fe0, 0x1b2ff},
                                            {0x1f000, 0x1faff},
                                            {0x20000, 0x3fffd}}};
  const auto* const range = std::ranges::lower_bound(kWide, code_point, {}, &Range::last);
  return range != kWide.end() && code_point >= range->first;
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    columns += is_wide(code_point_of(character)) ? 2 : 1;
    text.remove_prefix(character.size());
  }
  return columns;
}

std::string fitted(std::string_view text, std::size_t width) {
  std::string out;
  std::size_t used = columns_of(text);
  if (used <= width) {
    out = text;
  } else if (width > 0) {
    for (used = 1;;) {  // with the "+"
      const std::string_view character = first_character(text);
      used += columns_of(character);
      if (used > width) {
        used -= columns_of(character);
        break;
      }
      out += character;
      text.remove_prefix(character.size());
    }
    out += '+';
  }
  return out.append(width - std::min(width, used), ' ');
}

std::string fitted_path(std::string_view path, std::size_t width) {
  if (width == 0) return {};
  std::size_t columns = columns_of(path);
  if (columns <= width) return fitted(path, width);
  while (columns + 1 > width) {
    const std::string_view character = first_character(path);
    columns -= columns_of(character);
    path.remove_prefix(character.size());
  }
  return "+" + fitted(path, width - 1);
}

std::string fitted_process(std::string_view process, std::size_t width) {
  const std::size_t number = std::min(process.rfind(" ("), process.size());
  const std::string_view tail = process.substr(number);
  if (tail.size() >= width) return fitted(process, width);
  std::string name = fitted(process.substr(0, number), std::min(width - tail.size(), process.size()));
  name.resize(name.find_last_not_of(' ') + 1);
  return fitted(name.append(tail), width);
}

std::string fitted_screen(std::string_view text, ScreenSize size) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  const auto rows = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  const std::size_t shown = rows <= size.rows ? rows : std::max<std::size_t>(size.rows, 1) - 1;
  std::string out;
  const auto add = [&](std::string_view row) {
    std::string cut = fitted(row, size.columns);
    cut.resize(cut.find_last_not_of(' ') + 1);
    out.append(cut).append("\n");
  };
  for (std::size_t row = 0; row < shown; ++row) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    add(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (shown < rows) add("+ " + counted(rows - shown, "more line"));
  return out;
}

std::string rate(std::uint64_t count, double seconds) {
  if (count == 0) return "-";
  const double value = static_cast<double>(count) / std::max(seconds, 1e-3);
  return value < 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}
std::string byte_rate(std::uint64_t count, double seconds) {
  if (count == 0) return "-";
  return format_rounded(
      ByteSize{static_cast<std::uint64_t>(static_cast<double>(count) / std::max(seconds, 1e-3))});
}

std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width) {
  const double share =
      whole == 0 ? 0 : static_cast<double>(std::min(part, whole)) / static_cast<double>(whole);
  const auto filled = static_cast<std::size_t>(std::ceil(share * static_cast<double>(width)));
  return '[' + std::string(filled, '#') + std::string(width - filled, '.') + ']';
}

}  // namespace slurper
