#include "sink/format/timestamps.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/local_time.h"

namespace slurper {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

char* put_digits(char* at, std::uint64_t value, int digits) {
  for (int i = digits; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
  return at + digits;
}

char* put_clock(char* at, seconds of_day) {
  const auto count = static_cast<std::uint64_t>(of_day.count());
  at = put_digits(at, count / 3600, 2);
  *at++ = ':';
  at = put_digits(at, count / 60 % 60, 2);
  *at++ = ':';
  return put_digits(at, count % 60, 2);
}

}  // namespace

char* put_rfc3339(char* at, Timestamp time, int digits) {
  const auto day = floor<days>(time);
  const auto second = floor<seconds>(time);
  const std::chrono::year_month_day date(day);
  at = put_digits(at, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
  *at++ = '-';
  at = put_digits(at, static_cast<unsigned>(date.month()), 2);
  *at++ = '-';
  at = put_digits(at, static_cast<unsigned>(date.day()), 2);
  *at++ = 'T';
  at = put_clock(at, second - day);
  *at++ = '.';
  auto fraction = static_cast<std::uint64_t>(nanoseconds(time - second).count());
  if (digits == 6) fraction /= 1000;
  at = put_digits(at, fraction, digits);
  *at++ = 'Z';
  return at;
}

char* put_bsd_time(char* at, Timestamp time) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const sys_seconds utc = floor<seconds>(time);
  const sys_seconds local = utc + local_offset(utc);
  const auto day = floor<days>(local);
  const std::chrono::year_month_day date(day);
  const unsigned day_of_month = static_cast<unsigned>(date.day());
  std::memcpy(at, kMonths.data() + std::size_t{3} * (static_cast<unsigned>(date.month()) - 1), 3);
  at += 3;
  *at++ = ' ';
  at = put_digits(at, day_of_month, 2);
  if (day_of_month < 10) at[-2] = ' ';
  *at++ = ' ';
  return put_clock(at, local - day);
}

}  // namespace slurper
