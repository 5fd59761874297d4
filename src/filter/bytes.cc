#include "filter/bytes.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/text.h"

namespace slurper {

namespace {

constexpr std::array<std::uint8_t, 256> kFolded = [] {
  std::array<std::uint8_t, 256> folded{};
  for (std::size_t i = 0; i < folded.size(); ++i)
    folded[i] = static_cast<std::uint8_t>(i >= 'A' && i <= 'Z' ? i + ('a' - 'A') : i);
  return folded;
}();

std::uint8_t folded(char c) {
  return kFolded[static_cast<unsigned char>(c)];
}

// A class in brackets. `pattern` begins after the '['.
struct ByteClass {
  std::size_t length = 0;  // up to and including the ']'; 0 if there is none
  bool holds = false;      // whether the byte is in the class
};

ByteClass match_class(std::string_view pattern, unsigned char byte) {
  std::size_t i = 0;
  const bool negated = pattern.starts_with('!');
  if (negated) ++i;
  bool holds = false;
  for (const std::size_t first = i; i < pattern.size(); ++i) {
    if (pattern[i] == ']' && i > first) return {i + 1, holds != negated};
    const auto low = static_cast<unsigned char>(pattern[i]);
    unsigned char high = low;
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      high = static_cast<unsigned char>(pattern[i + 2]);
      i += 2;
    }
    holds = holds || (byte >= low && byte <= high);
  }
  return {};
}

// How much of `text` and of `pattern` one step takes; `pattern` does not begin with '*', and neither is
// empty.
struct GlobStep {
  std::size_t pattern = 0;
  std::size_t text = 0;  // 0: it does not match
};

GlobStep glob_step(std::string_view pattern, std::string_view text) {
  if (pattern.front() == '?') return {1, std::max<std::size_t>(utf8_length(text), 1)};
  if (pattern.front() == '[') {
    const ByteClass bytes = match_class(pattern.substr(1), static_cast<unsigned char>(text.front()));
    if (bytes.length > 0) return {1 + bytes.length, bytes.holds ? std::size_t{1} : std::size_t{0}};
  }
  const std::size_t escape = pattern.front() == '\\' && pattern.size() > 1 ? 1 : 0;
  return {escape + 1, pattern[escape] == text.front() ? std::size_t{1} : std::size_t{0}};
}

}  // namespace

bool contains(std::string_view text, std::string_view part) {
  if (part.size() > text.size()) return false;
  return part.empty() || ::memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

FoldedPart::FoldedPart(std::string_view part) : part_(part) {
  std::ranges::transform(part_, part_.begin(), [](char c) { return static_cast<char>(folded(c)); });
  const auto clipped = [](std::size_t n) { return static_cast<std::uint8_t>(std::min<std::size_t>(n, 255)); };
  skip_.fill(clipped(part_.size()));
  for (std::size_t i = 0; i + 1 < part_.size(); ++i)
    skip_[static_cast<unsigned char>(part_[i])] = clipped(part_.size() - 1 - i);
}

bool FoldedPart::is_in(std::string_view text) const {
  if (part_.empty()) return true;
  const std::size_t last = part_.size() - 1;
  const auto same = [](char in_text, char in_part) {
    return folded(in_text) == static_cast<unsigned char>(in_part);
  };
  for (std::size_t end = last; end < text.size();) {
    const std::uint8_t byte = folded(text[end]);
    if (byte == static_cast<unsigned char>(part_[last]) &&
        std::equal(part_.begin(), part_.end() - 1, text.begin() + static_cast<std::ptrdiff_t>(end - last),
                   [&](char in_part, char in_text) { return same(in_text, in_part); }))
      return true;
    end += skip_[byte];
  }
  return false;
}

// Retries only the last '*': an earlier one can't do better.
bool glob_matches(std::string_view pattern, std::string_view text) {
  std::size_t at_pattern = 0;
  std::size_t at_text = 0;
  std::size_t behind_star = std::string_view::npos;
  std::size_t star_text = 0;  // where the text after the last '*' was assumed to begin
  while (true) {
    if (at_pattern < pattern.size() && pattern[at_pattern] == '*') {
      behind_star = ++at_pattern;
      star_text = at_text;
      continue;
    }
    if (at_text == text.size() && at_pattern == pattern.size()) return true;
    if (at_text < text.size() && at_pattern < pattern.size()) {
      const GlobStep step = glob_step(pattern.substr(at_pattern), text.substr(at_text));
      if (step.text > 0) {
        at_pattern += step.pattern;
        at_text += step.text;
        continue;
      }
    }
    if (behind_star == std::string_view::npos || star_text == text.size()) return false;
    if (behind_star == pattern.size()) return true;
    // Moves to the next place where the match could continue: in one search, if the pattern continues with a
    // literal byte.
    at_pattern = behind_star;
    const char next = pattern[behind_star];
    const bool is_plain = std::string_view("?[\\").find(next) == std::string_view::npos;
    star_text = is_plain ? text.find(next, star_text + 1) : star_text + 1;
    if (star_text == std::string_view::npos) return false;
    at_text = star_text;
  }
}

bool is_in_directory(std::string_view path, std::string_view prefix) {
  while (prefix.size() > 1 && prefix.ends_with('/')) prefix.remove_suffix(1);
  if (!path.starts_with(prefix)) return false;
  return path.size() == prefix.size() || prefix == "/" || path[prefix.size()] == '/';
}

}  // namespace slurper
