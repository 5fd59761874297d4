#include "base/screen_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace slurper {

std::string fitted(std::string_view text, std::size_t width) {
  std::string out;
  std::size_t count = 0;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    if (count + 1 >= width && character.size() < text.size()) break;
    out += character;
    text.remove_prefix(character.size());
    ++count;
  }
  if (!text.empty() && width > 0) {
    out += '+';
    ++count;
  }
  return out.append(width - std::min(width, count), ' ');
}

std::string fitted_path(std::string_view path, std::size_t width) {
  if (width == 0) return {};
  std::size_t characters = 0;
  for (std::string_view rest = path; !rest.empty(); rest.remove_prefix(first_character(rest).size()))
    ++characters;
  if (characters <= width) return fitted(path, width);
  for (std::size_t skipped = characters + 1 - width; skipped > 0; --skipped)
    path.remove_prefix(first_character(path).size());
  return "+" + fitted(path, width - std::min<std::size_t>(width, 1));
}

std::string fitted_process(std::string_view process, std::size_t width) {
  const std::size_t number = std::min(process.rfind(" ("), process.size());
  const std::string_view tail = process.substr(number);
  if (tail.size() >= width) return fitted(process, width);
  std::string name = fitted(process.substr(0, number), std::min(width - tail.size(), process.size()));
  name.resize(name.find_last_not_of(' ') + 1);
  return fitted(name.append(tail), width);
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
