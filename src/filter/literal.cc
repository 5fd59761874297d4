#include "filter/literal.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"

namespace slurper {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;
constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2261;  // 64 bits of nanoseconds end in 2262

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-./:@+%*").find(c) != std::string_view::npos;
}

// Reads from the front of `text`; an error clears `good`.
struct TimeReader {
  std::string_view text;
  bool good = true;

  bool take(char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
  }
  void expect(char c) { good = take(c) && good; }
  // Reads `digits` digits, which make a number from `min` to `max`.
  int number(std::size_t digits, int min, int max) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (text.empty() || text.front() < '0' || text.front() > '9') {
        good = false;
        return min;
      }
      value = value * 10 + (text.front() - '0');
      text.remove_prefix(1);
    }
    good = good && value >= min && value <= max;
    return value;
  }
  // Reads the digits after the point: one to nine digits of a second.
  std::int64_t fraction() {
    std::int64_t value = 0;
    std::int64_t unit = kSecond;
    while (unit > 1 && !text.empty() && text.front() >= '0' && text.front() <= '9') {
      unit /= 10;
      value += unit * (text.front() - '0');
      text.remove_prefix(1);
    }
    good = good && unit < kSecond;
    return value;
  }
};

}  // namespace

bool ends_bare_word(char c) {
  return std::string_view(" \t\r\n()\"'=,").find(c) != std::string_view::npos;
}

std::string text_literal(std::string_view bytes) {
  const bool is_operator = bytes == "and" || bytes == "or" || bytes == "not";
  if (!bytes.empty() && !is_operator && std::ranges::all_of(bytes, is_plain)) return std::string(bytes);
  std::string out = "\"";
  while (!bytes.empty()) {
    const std::string_view character = first_character(bytes);
    const char c = bytes.front();
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n' || c == '\t' || c == '\r') {
      out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
    } else if (is_control_character(character) || is_invisible_character(character)) {
      append_hex(character, out);
    } else {
      out += character;
    }
    bytes.remove_prefix(character.size());
  }
  return out + '"';
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  using std::chrono::days;
  TimeReader in{text};
  const std::chrono::year year(in.number(4, kFirstYear, kLastYear));
  in.expect('-');
  const std::chrono::month month(static_cast<unsigned>(in.number(2, 1, 12)));
  in.expect('-');
  const std::chrono::day day(static_cast<unsigned>(in.number(2, 1, 31)));
  const std::chrono::year_month_day date(year, month, day);
  if (!in.good || !date.ok()) return std::nullopt;
  const std::int64_t midnight = kDay * std::chrono::sys_days(date).time_since_epoch().count();
  if (in.text.empty()) return midnight;

  in.expect('T');
  std::int64_t seconds = std::int64_t{3600} * in.number(2, 0, 23);
  in.expect(':');
  seconds += std::int64_t{60} * in.number(2, 0, 59);
  std::int64_t fraction = 0;
  if (in.take(':')) {
    seconds += in.number(2, 0, 59);
    if (in.take('.')) fraction = in.fraction();
  }
  if (!in.take('Z')) {
    const std::int64_t sign = in.take('-') ? -1 : 1;
    if (sign == 1) in.expect('+');
    seconds -= sign * 3600 * in.number(2, 0, 23);
    in.expect(':');
    seconds -= sign * 60 * in.number(2, 0, 59);
  }
  if (!in.good || !in.text.empty()) return std::nullopt;
  return midnight + seconds * kSecond + fraction;
}

std::string time_literal(std::int64_t nanoseconds) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::nanoseconds> time{std::chrono::nanoseconds(nanoseconds)};
  const auto midnight = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(midnight);
  std::string text = fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  const std::int64_t rest = (time - midnight).count();
  if (rest == 0) return text;
  const std::int64_t seconds = rest / kSecond;
  text += fmt::format("T{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
  std::int64_t fraction = rest % kSecond;
  if (seconds % 60 != 0 || fraction != 0) text += fmt::format(":{:02}", seconds % 60);
  if (fraction != 0) {
    std::string digits = fmt::format("{:09}", fraction);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += '.' + digits;
  }
  return text + 'Z';
}

}  // namespace slurper
