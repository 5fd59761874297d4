#include "record/moment.h"

#include <chrono>
#include <cstddef>
#include <string>

#include "base/local_time.h"
#include "base/text.h"
#include "record/syslog_time.h"

namespace slurper {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr std::string_view kDate = "2003-10-11";
constexpr std::string_view kMinutes = "22:14";
constexpr std::string_view kSeconds = "22:14:15";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Local time, stored as if it were UTC.
Timestamp local(Timestamp moment) {
  return moment + local_offset(floor<seconds>(moment));
}

Timestamp moment_of(Timestamp local_time, Bound bound) {
  const auto whole = floor<seconds>(local_time);
  const LocalMoments moments = local_moments(whole);
  const sys_seconds moment = bound == Bound::Begin ? moments.at[0] : moments.at[moments.count - 1];
  return Timestamp(moment) + (local_time - Timestamp(whole));
}

// All of `text` as a time in RFC 3339.
std::optional<Timestamp> whole_iso_time(const std::string& text) {
  std::optional<Timestamp> time;
  if (read_iso_time(text, time) != text.size()) return std::nullopt;
  return time;
}

// `clock` is what follows the date: "22:14", "22:14:15.5", "22:14:15+02:00".
std::optional<Timestamp> parse_date_and_clock(std::string_view date, std::string_view clock, Bound bound) {
  std::string text(date);
  text += 'T';
  text += clock;
  const std::size_t minutes_end = kDate.size() + 1 + kMinutes.size();
  if (text.size() == minutes_end || (text.size() > minutes_end && text[minutes_end] != ':'))
    text.insert(minutes_end, ":00");
  if (const auto with_zone = whole_iso_time(text)) return with_zone;
  const auto without = whole_iso_time(text + 'Z');
  if (!without) return std::nullopt;
  return moment_of(*without, bound);
}

std::optional<Timestamp> parse_date(std::string_view text, Bound bound) {
  if (text.size() == kDate.size()) return parse_date_and_clock(text, "00:00:00", bound);
  if (text.size() <= kDate.size() || (text[kDate.size()] != 'T' && text[kDate.size()] != ' '))
    return std::nullopt;
  return parse_date_and_clock(text.substr(0, kDate.size()), text.substr(kDate.size() + 1), bound);
}

std::optional<Timestamp> parse_clock(std::string_view text, Timestamp now, Bound bound) {
  if (text.size() != kMinutes.size() && text.size() < kSeconds.size()) return std::nullopt;
  if (!is_digit(text[0]) || !is_digit(text[1]) || text[2] != ':') return std::nullopt;
  std::string of_1970("1970-01-01T");
  of_1970 += text;
  if (text.size() == kMinutes.size()) of_1970 += ":00";
  const auto clock = whole_iso_time(of_1970 + 'Z');
  if (!clock) return std::nullopt;
  const Timestamp today = floor<days>(local(now)) + clock->time_since_epoch();
  const Timestamp moment = moment_of(today, bound);
  return bound == Bound::Begin && moment > now ? moment_of(today - days(1), bound) : moment;
}

std::optional<Timestamp> parse_epoch(std::string_view text) {
  constexpr std::size_t kSurelySeconds = 9;  // digits: since 1973
  constexpr std::size_t kMostDigits = 10;
  constexpr std::size_t kMostFractional = 9;
  const bool is_marked = text.starts_with('@');
  if (is_marked) text.remove_prefix(1);
  std::int64_t whole = 0;
  std::size_t at = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    if (at == kMostDigits) return std::nullopt;
    whole = 10 * whole + (text[at] - '0');
  }
  if (at == 0 || (!is_marked && at < kSurelySeconds)) return std::nullopt;
  std::int64_t fraction = 0;
  if (at < text.size()) {
    std::string_view digits = text.substr(at + 1);
    if (text[at] != '.' || digits.empty() || digits.size() > kMostFractional) return std::nullopt;
    for (std::size_t i = 0; i < kMostFractional; ++i) {
      if (i < digits.size() && !is_digit(digits[i])) return std::nullopt;
      fraction = 10 * fraction + (i < digits.size() ? digits[i] - '0' : 0);
    }
  }
  constexpr auto kMost = floor<seconds>(Timestamp::max()).time_since_epoch().count();
  if (whole >= kMost) return std::nullopt;
  return Timestamp(seconds(whole)) + nanoseconds(fraction);
}

// "1h30m": each number with its unit is a duration of its own.
std::optional<Timestamp> parse_ago(std::string_view text, Timestamp now) {
  Timestamp moment = now;
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  while (!text.empty()) {
    std::size_t end = text.find_first_not_of("0123456789. ");
    if (end == std::string_view::npos) end = text.size();
    while (end < text.size() && !is_digit(text[end])) ++end;
    const std::string_view word = text.substr(0, end);
    const auto piece = parse_duration(word.substr(0, word.find_last_not_of(' ') + 1));
    if (!piece || moment.time_since_epoch() < *piece) return std::nullopt;
    moment -= *piece;
    text.remove_prefix(end);
  }
  return moment;
}

// "Nov 30 12:00:00". A blank after it is what a line has there.
std::optional<Timestamp> parse_syslog_time(std::string_view text, Timestamp now) {
  std::optional<Timestamp> time;
  if (read_local_time(std::string(text) + ' ', now, time) != text.size()) return std::nullopt;
  return time;
}

std::optional<Timestamp> parse_trimmed(std::string_view text, Timestamp now, Bound bound) {
  if (text == "now") return now;
  const Timestamp midnight = floor<days>(local(now));
  if (text == "today") return moment_of(midnight, bound);
  if (text == "yesterday") return moment_of(midnight - days(1), bound);
  if (const auto date = parse_date(text, bound)) return date;
  if (const auto clock = parse_clock(text, now, bound)) return clock;
  if (const auto epoch = parse_epoch(text)) return epoch;
  if (const auto ago = parse_ago(text, now)) return ago;
  return parse_syslog_time(text, now);
}

}  // namespace

std::optional<Timestamp> parse_moment(std::string_view text, Timestamp now, Bound bound) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = text.find_last_not_of(" \t");
  const auto moment = parse_trimmed(text.substr(begin, end + 1 - begin), now, bound);
  return moment && *moment >= Timestamp{} ? moment : std::nullopt;
}

}  // namespace slurper
