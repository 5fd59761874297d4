#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "base/contract.h"

namespace slurper {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::uint64_t kMaxBytes = INT64_MAX;
constexpr std::uint64_t kMicrosecond = 1;
constexpr std::uint64_t kMillisecond = 1000 * kMicrosecond;
constexpr std::uint64_t kSecond = 1000 * kMillisecond;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kDay = 24 * kHour;
// Six digits: a fraction times the largest factor still fits into 64 bits.
constexpr std::uint64_t kMaxFractionScale = 1'000'000;
constexpr std::uint64_t kMaxMicroseconds = 3653 * kDay;  // ten years

// Largest first, for format().
constexpr std::array kBinaryUnits = {Unit{"TiB", 1ULL << 40}, Unit{"GiB", 1ULL << 30},
                                     Unit{"MiB", 1ULL << 20}, Unit{"KiB", 1ULL << 10}, Unit{"B", 1}};
constexpr std::array kDecimalUnits = {Unit{"TB", 1'000'000'000'000},
                                      Unit{"GB", 1'000'000'000},
                                      Unit{"MB", 1'000'000},
                                      Unit{"kB", 1000},
                                      Unit{"KB", 1000},
                                      Unit{"", 1}};
constexpr std::array kTimeUnits = {Unit{"d", kDay}, Unit{"h", kHour}, Unit{"min", kMinute},
                                   Unit{"s", kSecond}, Unit{"ms", kMillisecond}};
constexpr std::array kMoreTimeUnits = {Unit{"us", kMicrosecond}, Unit{"m", kMinute}, Unit{"w", 7 * kDay}};

template <typename Units>
std::uint64_t factor_of(const Units& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return 0;
}

// `text` = a decimal number, optionally a blank, a unit whose factor `factor_of_unit` knows (0: unknown).
// Exact: whole and fraction are scaled as integers, never as a double.
template <typename FactorOfUnit>
std::optional<std::uint64_t> parse_scaled(std::string_view text, std::uint64_t max,
                                          FactorOfUnit factor_of_unit) {
  const char* const end = text.end();
  std::uint64_t whole = 0;
  auto [rest, error] = std::from_chars(text.begin(), end, whole);
  if (error != std::errc() || text.front() == '+') return std::nullopt;

  std::uint64_t fraction = 0;
  std::uint64_t fraction_scale = 1;
  if (rest != end && *rest == '.') {
    const char* const first = ++rest;
    for (; rest != end && *rest >= '0' && *rest <= '9'; ++rest) {
      if (fraction_scale >= kMaxFractionScale) return std::nullopt;
      fraction = fraction * 10 + static_cast<std::uint64_t>(*rest - '0');
      fraction_scale *= 10;
    }
    if (rest == first) return std::nullopt;
  }
  if (rest != end && *rest == ' ') ++rest;

  const std::uint64_t factor = factor_of_unit(std::string_view(rest, end), whole == 0 && fraction == 0);
  if (factor == 0) return std::nullopt;
  std::uint64_t scaled = 0;
  if (__builtin_mul_overflow(whole, factor, &scaled)) return std::nullopt;
  if (__builtin_add_overflow(scaled, fraction * factor / fraction_scale, &scaled)) return std::nullopt;
  if (scaled > max) return std::nullopt;
  return scaled;
}

}  // namespace

std::optional<ByteSize> parse_byte_size(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto bytes = parse_scaled(text, kMaxBytes, [](std::string_view unit, bool) {
    const std::uint64_t binary = factor_of(kBinaryUnits, unit);
    return binary != 0 ? binary : factor_of(kDecimalUnits, unit);
  });
  if (!bytes) return std::nullopt;
  return ByteSize{*bytes};
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto us = parse_scaled(text, kMaxMicroseconds, [](std::string_view unit, bool is_zero) {
    if (unit.empty()) return is_zero ? std::uint64_t{1} : std::uint64_t{0};
    const std::uint64_t factor = factor_of(kTimeUnits, unit);
    return factor != 0 ? factor : factor_of(kMoreTimeUnits, unit);
  });
  if (!us) return std::nullopt;
  return std::chrono::milliseconds(*us / kMillisecond);
}

std::string format(ByteSize size) {
  for (const Unit& unit : kBinaryUnits) {
    if (size.bytes != 0 && size.bytes % unit.factor == 0)
      return fmt::format("{}{}", size.bytes / unit.factor, unit.name);
  }
  return "0";
}

std::string format(std::chrono::milliseconds duration) {
  const auto us = static_cast<std::uint64_t>(duration.count()) * kMillisecond;
  for (const Unit& unit : kTimeUnits) {
    if (us != 0 && us % unit.factor == 0) return fmt::format("{}{}", us / unit.factor, unit.name);
  }
  return "0";
}

std::string format_rounded(ByteSize size) {
  for (const Unit& unit : kBinaryUnits) {
    if (size.bytes < unit.factor || unit.factor == 1) continue;
    const double value = static_cast<double>(size.bytes) / static_cast<double>(unit.factor);
    return fmt::format("{:.{}f}{}", value, value < 10 ? 2 : value < 100 ? 1 : 0, unit.name);
  }
  return fmt::format("{}B", size.bytes);
}

std::string_view first_character(std::string_view text) {
  assert(!text.empty());
  return text.substr(0, std::max<std::size_t>(utf8_length(text), 1));
}

bool is_control_character(std::string_view character) {
  assert(!character.empty());
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first < 0x20 || first >= 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;  // C1: U+0080 to U+009F
}

void append_hex(std::string_view bytes, std::string& out) {
  for (const char byte : bytes)
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(byte));
}

bool is_invisible_character(std::string_view character) {
  return (character >= "\u2028" && character <= "\u202e") || (character >= "\u2066" && character <= "\u2069");
}

void append_visible(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    if (is_control_character(character) || is_invisible_character(character)) {
      append_hex(character, out);
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    if (is_control_character(character) || is_invisible_character(character)) {
      append_hex(character, out);
    } else {
      if (character == "\\" || character == "'") out += '\\';
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t max) {
  if (text.size() <= max) return std::string(text);
  std::size_t end = 0;
  while (end < max) end += first_character(text.substr(end)).size();
  return std::string(text.substr(0, end)) + "…";
}

std::size_t utf8_length(std::string_view text) {
  SLURPER_ASSERT(!text.empty());
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xc2 && first < 0xe0   ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second >= 0xa0;
  const bool too_high = first == 0xf4 && second >= 0x90;
  return overlong || surrogate || too_high ? 0 : length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string in_quotes(std::string_view path) {
  return "'" + printable(path) + "'";
}

std::string counted(std::uint64_t number, std::string_view noun) {
  if (number == 1) return fmt::format("1 {}", noun);
  if (noun.ends_with('y')) return fmt::format("{} {}ies", number, noun.substr(0, noun.size() - 1));
  return fmt::format("{} {}s", number, noun);
}

// std::count widens each byte to 64 bits, which is 20 times as slow. This compares 32 bytes at once, and
// counts in bytes as long as these can't overflow.
std::uint64_t count_lines(std::string_view text) {
  constexpr std::size_t kLanes = 32;
  constexpr std::size_t kRounds = 255;
  std::uint64_t lines = 0;
  while (text.size() >= kLanes) {
    const std::size_t rounds = std::min(text.size() / kLanes, kRounds);
    std::array<std::uint8_t, kLanes> counts{};
    for (std::size_t round = 0; round < rounds; ++round) {
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        counts[lane] =
            static_cast<std::uint8_t>(counts[lane] + (text[round * kLanes + lane] == '\n' ? 1 : 0));
    }
    for (const std::uint8_t count : counts) lines += count;
    text.remove_prefix(rounds * kLanes);
  }
  return lines + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, diagonal + 1, substituted});
    }
  }
  return row.back();
}

std::size_t max_edits(std::string_view word) {
  return std::max<std::size_t>(1, word.size() / 3);
}

}  // namespace slurper
