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

// 00, 01, …, 99.
constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

// Two digits at a time, with divisors that the compiler knows: a JSON line has two times.
template <int kDigits>
char* put_digits(char* at, std::uint32_t value) {
  char* end = at + kDigits;
  for (int i = 0; i < kDigits / 2; ++i, value /= 100)
    std::memcpy(end -= 2, kPairs.data() + 2 * (value % 100), 2);
  if constexpr (kDigits % 2 == 1) *at = static_cast<char>('0' + value % 10);
  return at + kDigits;
}

char* put_clock(char* at, seconds of_day) {
  const auto count = static_cast<std::uint32_t>(of_day.count());
  at = put_digits<2>(at, count / 3600);
  *at++ = ':';
  at = put_digits<2>(at, count / 60 % 60);
  *at++ = ':';
  return put_digits<2>(at, count % 60);
}

}  // namespace

char* put_rfc3339(char* at, Timestamp time, int digits) {
  const auto day = floor<days>(time);
  const auto second = floor<seconds>(time);
  const std::chrono::year_month_day date(day);
  at = put_digits<4>(at, static_cast<std::uint32_t>(static_cast<int>(date.year())));
  *at++ = '-';
  at = put_digits<2>(at, static_cast<unsigned>(date.month()));
  *at++ = '-';
  at = put_digits<2>(at, static_cast<unsigned>(date.day()));
  *at++ = 'T';
  at = put_clock(at, second - day);
  *at++ = '.';
  const auto fraction = static_cast<std::uint32_t>(nanoseconds(time - second).count());
  at = digits == 6 ? put_digits<6>(at, fraction / 1000) : put_digits<9>(at, fraction);
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
  at = put_digits<2>(at, day_of_month);
  if (day_of_month < 10) at[-2] = ' ';
  *at++ = ' ';
  return put_clock(at, local - day);
}

}  // namespace slurper
