#include "record/syslog_time.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/local_time.h"
#include "record/zone_names.h"

namespace slurper {

namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year;
using std::chrono::year_month_day;

// The years that a Timestamp can hold, whatever the zone.
constexpr year kFirstYear{1678};
constexpr year kLastYear{2261};

// Digits at fixed places. One check at the end saves a branch for each.
class Digits {
 public:
  explicit Digits(std::string_view text) : text_(text) {}

  unsigned pair(std::size_t at) { return 10 * digit(at) + digit(at + 1); }
  unsigned digit(std::size_t at) {
    const unsigned value = static_cast<unsigned char>(text_[at]) - unsigned{'0'};
    worst_ = std::max(worst_, value);
    return value;
  }
  [[nodiscard]] bool good() const { return worst_ <= 9; }

 private:
  std::string_view text_;
  unsigned worst_ = 0;
};

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Reads ".003" at `at`, and moves `at` after it. Returns false if a point has no digits after it, or too
// many.
bool read_fraction(std::string_view text, std::size_t& at, nanoseconds& fraction) {
  if (at == text.size() || text[at] != '.') return true;
  constexpr std::size_t kMostDigits = 9;
  std::size_t digits = 0;
  std::int64_t value = 0;
  for (++at; at < text.size() && is_digit(text[at]); ++at) {
    if (++digits > kMostDigits) return false;
    value = 10 * value + (text[at] - '0');
  }
  if (digits == 0) return false;
  static constexpr auto kUnits = std::to_array<std::int64_t>(
      {1'000'000'000, 100'000'000, 10'000'000, 1'000'000, 100'000, 10'000, 1'000, 100, 10, 1});
  fraction = nanoseconds(value * kUnits[digits]);
  return true;
}

// Reads "Z", "+02:00", "-0730" at `at`, and moves `at` after it.
bool read_zone(std::string_view text, std::size_t& at, minutes& east) {
  if (at == text.size()) return false;
  const char sign = text[at++];
  if (sign == 'Z') return true;
  if ((sign != '+' && sign != '-') || text.size() - at < 4) return false;
  const std::size_t colon = text[at + 2] == ':' ? 1 : 0;
  if (text.size() - at < 4 + colon) return false;
  Digits digits(text.substr(at));
  const unsigned hour = digits.pair(0);
  const unsigned minute = digits.pair(2 + colon);
  if (!digits.good() || hour > 23 || minute > 59) return false;
  east = hours(hour) + minutes(minute);
  if (sign == '-') east = -east;
  at += 4 + colon;
  return true;
}

constexpr unsigned three_letters(std::string_view text) {
  const auto byte = [&](std::size_t at) {
    return static_cast<unsigned>(static_cast<unsigned char>(text[at]));
  };
  return byte(0) << 16 | byte(1) << 8 | byte(2);
}

// 1 to 12; 0 if the three letters are no month.
unsigned month_of(std::string_view text) {
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const unsigned wanted = three_letters(text);
  for (unsigned month = 0; month < 12; ++month) {
    if (three_letters(kMonths.substr(std::size_t{3} * month)) == wanted) return month + 1;
  }
  return 0;
}

// A time as it stands in a line: with or without the year and the zone.
struct LocalTime {
  std::chrono::month month{};
  std::chrono::day day{};
  hours hour{0};
  seconds into_hour{0};
  std::optional<year> of_year;
  std::optional<minutes> east;  // of UTC
  std::string_view zone;        // the name of that zone
};

struct LocalMoment {
  sys_seconds local;  // stored as if it were UTC
  sys_seconds moment;
};

// How far a time without a year may be ahead of its arrival: clocks differ, and a zone may be wrong. A time
// that seems to be further ahead was a year earlier.
constexpr seconds kMostAhead = days(1);
// If a time without a year is less than this in the past, no other year comes closer.
constexpr seconds kSurelyThisYear = days(363);

bool has_zone_name(sys_seconds moment, std::string_view name) {
  const std::time_t time = moment.time_since_epoch().count();
  std::tm local{};
  return ::localtime_r(&time, &local) != nullptr && name == local.tm_zone;
}

// The moments that a local time can mean.
LocalMoments moments_of(sys_seconds local, const LocalTime& time) {
  if (!time.east) return local_moments(local);
  // The name means this machine's zone, if that has the name: CST is not only in America.
  if (!time.zone.empty()) {
    const LocalMoments here = local_moments(local);
    for (std::size_t i = 0; i < here.count; ++i) {
      if (has_zone_name(here.at[i], time.zone)) return {.at = {here.at[i]}, .count = 1};
    }
  }
  return {.at = {local - *time.east}, .count = 1};
}

// Of all moments that the time can mean, the nearest to `arrival`; without a year, none that is a day or more
// ahead of it.
std::optional<LocalMoment> nearest(const LocalTime& time, sys_seconds arrival) {
  const year middle = time.of_year.value_or(year_month_day(std::chrono::floor<days>(arrival)).year());
  std::optional<LocalMoment> best;
  bool is_ahead = false;  // in that year; then it is in the next one, too
  for (const int away : {0, -1, 1}) {
    if ((away != 0 && time.of_year) || (away > 0 && is_ahead)) break;
    if (away < 0 && best) continue;
    const year_month_day date{middle + std::chrono::years(away), time.month, time.day};
    if (!date.ok() || date.year() < kFirstYear || date.year() > kLastYear) continue;
    const sys_seconds local = sys_days(date) + time.hour + time.into_hour;
    const LocalMoments moments = moments_of(local, time);
    for (std::size_t i = 0; i < moments.count; ++i) {
      if (!time.of_year && moments.at[i] - arrival >= kMostAhead) {
        is_ahead = true;
        continue;
      }
      if (!best || abs(moments.at[i] - arrival) < abs(best->moment - arrival))
        best = {.local = local, .moment = moments.at[i]};
    }
    if (best && abs(best->moment - arrival) < days(182)) break;
  }
  return best;
}

// Hours whose beginning is known, and in which no clock is set. Lines arrive in order, except those of a few
// programs that delay theirs: so neighbouring hours have places of their own.
struct KnownHour {
  unsigned key = 0;  // month, day, hour; 0 means none
  sys_seconds begin{};
};
constexpr std::size_t kKnownHours = 8;
thread_local constinit std::array<KnownHour, kKnownHours> known_hours{};

// Does the same as nearest(), for a time without year and zone.
std::optional<sys_seconds> nearest_by_hour(const LocalTime& time, sys_seconds arrival) {
  const auto number = static_cast<unsigned>(time.hour.count());
  const unsigned key =
      static_cast<unsigned>(time.month) << 10 | static_cast<unsigned>(time.day) << 5 | number;
  KnownHour& known = known_hours[number % kKnownHours];
  if (known.key == key) {
    const seconds ahead = known.begin + time.into_hour - arrival;
    if (ahead < kMostAhead && ahead > -kSurelyThisYear) return known.begin + time.into_hour;
  }
  const auto found = nearest(time, arrival);
  if (!found) return std::nullopt;
  constexpr seconds kLast = hours(1) - seconds(1);
  const sys_seconds local_begin = found->local - time.into_hour;
  const LocalMoments first = local_moments(local_begin);
  const LocalMoments last = local_moments(local_begin + kLast);
  if (first.count == 1 && last.count == 1 && last.at[0] - first.at[0] == kLast)
    known = {.key = key, .begin = first.at[0]};
  return found->moment;
}

constexpr std::size_t kYear = 4;  // digits

std::optional<year> read_year(std::string_view text) {
  if (text.size() < kYear) return std::nullopt;
  Digits digits(text);
  const year read(static_cast<int>(100 * digits.pair(0) + digits.pair(2)));
  if (!digits.good() || read < kFirstYear || read > kLastYear) return std::nullopt;
  return read;
}

// Reads "22:14:15" at the beginning of `text`, which is long enough.
bool read_clock(std::string_view text, LocalTime& time) {
  if (text[2] != ':' || text[5] != ':') return false;
  Digits digits(text);
  const unsigned hour = digits.pair(0);
  const unsigned minute = digits.pair(3);
  const unsigned second = digits.pair(6);
  if (!digits.good() || hour > 23 || minute > 59 || second > 59) return false;
  time.hour = hours(hour);
  time.into_hour = minutes(minute) + seconds(second);
  return true;
}

// Reads "Oct 11 22:14:15", and also "Oct 1 22:14:15" and "Oct 11 2003 22:14:15", in that order of likelihood.
// Returns its length; 0 if there is none.
std::size_t read_date_and_clock(std::string_view text, LocalTime& time) {
  constexpr std::size_t kDay = std::string_view("Oct ").size();
  constexpr std::size_t kClock = std::string_view("22:14:15").size();
  if (text.size() < kDay + 2 + kClock || text[3] != ' ') return 0;
  const unsigned month = month_of(text);
  if (month == 0) return 0;
  // One digit may have a blank, a zero or nothing in front.
  const std::size_t digits_of_day = text[kDay + 1] == ' ' ? 1 : 2;
  Digits digits(text.substr(kDay));
  const bool has_one = digits_of_day == 1 || text[kDay] == ' ';
  const unsigned day = has_one ? digits.digit(digits_of_day - 1) : digits.pair(0);
  std::size_t at = kDay + digits_of_day;
  if (!digits.good() || text[at] != ' ') return 0;
  ++at;
  if (text.size() > at + kYear && text[at + kYear] == ' ') {
    time.of_year = read_year(text.substr(at));
    if (!time.of_year) return 0;
    at += kYear + 1;
  }
  if (text.size() < at + kClock || !read_clock(text.substr(at), time)) return 0;
  time.month = std::chrono::month(month);
  time.day = std::chrono::day(day);
  const bool exists = time.of_year ? year_month_day(*time.of_year, time.month, time.day).ok()
                                   : std::chrono::month_day(time.month, time.day).ok();
  return exists ? at + kClock : 0;
}

// Whether a word ends here: with a blank, or with Cisco's colon.
bool ends_word(std::string_view text, std::size_t at) {
  return at < text.size() && (text[at] == ' ' || text[at] == ':');
}

// Reads " 2003", " CET", " +0200" at `at`, and moves `at` after them: each at most once. A word that is none
// of these belongs to another field, usually the host.
void read_year_and_zone(std::string_view text, std::size_t& at, LocalTime& time) {
  while (at + 1 < text.size() && text[at] == ' ') {
    const std::string_view word = text.substr(at + 1);
    const char first = word[0];
    std::size_t length = 0;
    if (is_digit(first) && !time.of_year && ends_word(word, kYear)) {
      const auto of_year = read_year(word);
      if (!of_year || !year_month_day(*of_year, time.month, time.day).ok()) return;
      time.of_year = of_year;
      length = kYear;
    } else if ((first == '+' || first == '-') && !time.east) {
      minutes east{0};
      if (!read_zone(word, length, east) || !ends_word(word, length)) return;
      time.east = east;
    } else if (first >= 'A' && first <= 'Z' && !time.east) {
      constexpr std::size_t kLongest = std::string_view("CEST").size();
      while (length < std::min(word.size(), kLongest) && word[length] >= 'A' && word[length] <= 'Z') ++length;
      if (!ends_word(word, length)) return;
      const auto east = zone_offset(word.substr(0, length));
      if (!east) return;
      time.east = *east;
      time.zone = word.substr(0, length);
    } else {
      return;
    }
    at += 1 + length;
  }
}

// Whether read_year_and_zone() could find something, judging by the first byte.
bool may_be_year_or_zone(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size() || text[at] != ' ') return false;
  const char c = text[at + 1];
  return (c >= 'A' && c <= 'Z') || (is_digit(c) && at + 1 + kYear < text.size()) || c == '+' || c == '-';
}

}  // namespace

std::size_t read_iso_time(std::string_view text, std::optional<Timestamp>& timestamp) {
  constexpr std::size_t kToSeconds = std::string_view("2003-10-11T22:14:15").size();
  if (text.size() <= kToSeconds) return 0;
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') return 0;
  Digits digits(text);
  const year_month_day date{year(static_cast<int>(100 * digits.pair(0) + digits.pair(2))),
                            std::chrono::month(digits.pair(5)), std::chrono::day(digits.pair(8))};
  const unsigned hour = digits.pair(11);
  const unsigned minute = digits.pair(14);
  const unsigned second = digits.pair(17);
  if (!digits.good() || !date.ok() || hour > 23 || minute > 59 || second > 59) return 0;
  std::size_t at = kToSeconds;
  nanoseconds fraction{0};
  minutes east{0};
  if (!read_fraction(text, at, fraction) || !read_zone(text, at, east)) return 0;
  if (date.year() >= kFirstYear && date.year() <= kLastYear) {
    const sys_seconds whole = sys_days(date) + hours(hour) + minutes(minute) + seconds(second) - east;
    timestamp = Timestamp(whole) + fraction;
  }
  return at;
}

std::size_t read_local_time(std::string_view text, Timestamp arrival, std::optional<Timestamp>& timestamp) {
  LocalTime time;
  std::size_t at = read_date_and_clock(text, time);
  if (at == 0) return 0;
  nanoseconds fraction{0};
  if (!read_fraction(text, at, fraction)) return 0;
  if (may_be_year_or_zone(text, at)) read_year_and_zone(text, at, time);
  const sys_seconds arrived = std::chrono::floor<seconds>(arrival);
  if (!time.of_year && !time.east) {
    if (const auto whole = nearest_by_hour(time, arrived)) timestamp = Timestamp(*whole) + fraction;
  } else if (const auto found = nearest(time, arrived)) {
    timestamp = Timestamp(found->moment) + fraction;
  }
  return at;
}

}  // namespace slurper
