#include "record/syslog_time.h"

#include <algorithm>
#include <array>
#include <ctime>

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

// What a Timestamp can hold, whatever the zone.
constexpr year kFirstYear{1678};
constexpr year kLastYear{2261};

// Digits at fixed places. One check at the end spares a branch for each.
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

// ".003" at `at`, moved behind it. False where there is a point and then no digits, or too many.
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

// "Z", "+02:00", "-0730" at `at`, moved behind it.
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

// 1 to 12; 0 where the three letters are no month.
unsigned month_of(std::string_view text) {
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const unsigned wanted = three_letters(text);
  for (unsigned month = 0; month < 12; ++month) {
    if (three_letters(kMonths.substr(std::size_t{3} * month)) == wanted) return month + 1;
  }
  return 0;
}

// How far local time is ahead of UTC at a moment.
seconds local_offset(sys_seconds moment) {
  const std::time_t time = moment.time_since_epoch().count();
  std::tm local{};
  ::localtime_r(&time, &local);
  return seconds(local.tm_gmtoff);
}

// The moments at which local clocks show a time; told as if it were UTC.
struct Moments {
  std::array<sys_seconds, 2> at{};
  std::size_t count = 0;
};

Moments moments_of(sys_seconds local) {
  // Zones are less than a day apart: between these two is every moment that the time can mean, and clocks
  // are set only once in two days.
  const seconds before = local_offset(local - days(1));
  const seconds after = local_offset(local + days(1));
  Moments moments;
  if (local_offset(local - before) == before) moments.at[moments.count++] = local - before;
  if (after != before && local_offset(local - after) == after) moments.at[moments.count++] = local - after;
  if (moments.count == 0) moments.at[moments.count++] = local - before;
  return moments;
}

struct DayOfYear {
  std::chrono::month month;
  std::chrono::day day;
};

struct LocalMoment {
  sys_seconds local;  // told as if it were UTC
  sys_seconds moment;
};

// Nearer to a time without a year than this there is none of another year.
constexpr days kSurelyNearest{182};

// Of all moments at which local clocks show this time, the nearest to `arrival`.
std::optional<LocalMoment> nearest(DayOfYear date, seconds time_of_day, sys_seconds arrival) {
  const year middle = year_month_day(std::chrono::floor<days>(arrival)).year();
  std::optional<LocalMoment> best;
  for (const int away : {0, -1, 1}) {
    const year_month_day day{middle + std::chrono::years(away), date.month, date.day};
    if (!day.ok() || day.year() < kFirstYear || day.year() > kLastYear) continue;
    const sys_seconds local = sys_days(day) + time_of_day;
    const Moments moments = moments_of(local);
    for (std::size_t i = 0; i < moments.count; ++i) {
      if (!best || abs(moments.at[i] - arrival) < abs(best->moment - arrival))
        best = {.local = local, .moment = moments.at[i]};
    }
    if (best && abs(best->moment - arrival) < kSurelyNearest) break;
  }
  return best;
}

// Hours whose beginning is known, and in which no clock is set. Lines come in order, but for those of a few
// programs that hold theirs back: neighbouring hours have places of their own.
struct KnownHour {
  unsigned key = 0;  // month, day, hour; 0 is none
  sys_seconds begin{};
};
constexpr std::size_t kKnownHours = 8;
thread_local constinit std::array<KnownHour, kKnownHours> known_hours{};

std::optional<sys_seconds> nearest_by_hour(DayOfYear date, hours hour, seconds into_hour,
                                           sys_seconds arrival) {
  const auto number = static_cast<unsigned>(hour.count());
  const unsigned key =
      static_cast<unsigned>(date.month) << 10 | static_cast<unsigned>(date.day) << 5 | number;
  KnownHour& known = known_hours[number % kKnownHours];
  if (known.key == key && abs(known.begin - arrival) < kSurelyNearest) return known.begin + into_hour;

  const auto found = nearest(date, hour + into_hour, arrival);
  if (!found) return std::nullopt;
  constexpr seconds kLast = hours(1) - seconds(1);
  const sys_seconds local_begin = found->local - into_hour;
  const Moments first = moments_of(local_begin);
  const Moments last = moments_of(local_begin + kLast);
  if (first.count == 1 && last.count == 1 && last.at[0] - first.at[0] == kLast)
    known = {.key = key, .begin = first.at[0]};
  return found->moment;
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
  constexpr std::size_t kToSeconds = std::string_view("Oct 11 22:14:15").size();
  if (text.size() < kToSeconds) return 0;
  if (text[3] != ' ' || text[6] != ' ' || text[9] != ':' || text[12] != ':') return 0;
  const unsigned month = month_of(text);
  Digits digits(text);
  const unsigned day = (text[4] == ' ' ? 0 : 10 * digits.digit(4)) + digits.digit(5);
  const unsigned hour = digits.pair(7);
  const unsigned minute = digits.pair(10);
  const unsigned second = digits.pair(13);
  if (month == 0 || !digits.good() || hour > 23 || minute > 59 || second > 59) return 0;
  const DayOfYear date{.month = std::chrono::month(month), .day = std::chrono::day(day)};
  if (!std::chrono::month_day(date.month, date.day).ok()) return 0;
  std::size_t at = kToSeconds;
  nanoseconds fraction{0};
  if (!read_fraction(text, at, fraction)) return 0;
  const auto whole = nearest_by_hour(date, hours(hour), minutes(minute) + seconds(second),
                                     std::chrono::floor<seconds>(arrival));
  if (whole) timestamp = Timestamp(*whole) + fraction;
  return at;
}

}  // namespace slurper
