#include "base/local_time.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <ratio>

namespace slurper {

namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

using Quarters = std::chrono::duration<std::int64_t, std::ratio<900>>;
using Quarter = std::chrono::sys_time<Quarters>;

struct KnownQuarter {
  Quarter quarter = Quarter::min();
  seconds offset{};
};

// Slots of the cache. A quarter, its two neighbours, and those of a day before and after each have a place of
// their own.
constexpr std::size_t kKnownQuarters = 7;
thread_local constinit std::array<KnownQuarter, kKnownQuarters> known_quarters{};

seconds ask(sys_seconds moment) {
  const std::time_t since_epoch = moment.time_since_epoch().count();
  std::tm local{};
  return seconds(::localtime_r(&since_epoch, &local) == nullptr ? 0 : local.tm_gmtoff);
}

}  // namespace

seconds local_offset(sys_seconds moment) {
  const auto quarter = std::chrono::floor<Quarters>(moment);
  const auto number = static_cast<std::uint64_t>(quarter.time_since_epoch().count());
  KnownQuarter& known = known_quarters[number % kKnownQuarters];
  if (known.quarter == quarter) return known.offset;
  // Today, all zones change at quarters. Some zones of the past did not: such a quarter is not cached.
  const seconds offset = ask(moment);
  if (ask(quarter) == offset && ask(quarter + Quarters(1) - seconds(1)) == offset)
    known = {.quarter = quarter, .offset = offset};
  return offset;
}

LocalMoments local_moments(sys_seconds local) {
  // Zones are less than a day apart: every moment that the time can mean is between these two, and clocks are
  // set at most once in two days.
  const seconds before = local_offset(local - std::chrono::days(1));
  const seconds after = local_offset(local + std::chrono::days(1));
  LocalMoments moments;
  if (local_offset(local - before) == before) moments.at[moments.count++] = local - before;
  if (after != before && local_offset(local - after) == after) moments.at[moments.count++] = local - after;
  if (moments.count == 0) moments.at[moments.count++] = local - before;
  return moments;
}

std::string local_time_text(Timestamp time) {
  using std::chrono::floor;
  const auto second = floor<std::chrono::seconds>(time);
  const Timestamp local = time + local_offset(second);
  const auto day = floor<std::chrono::days>(local);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(floor<std::chrono::milliseconds>(local - day));
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace slurper
