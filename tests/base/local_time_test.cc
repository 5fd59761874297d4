#include "base/local_time.h"

#include <gtest/gtest.h>

#include <ctime>
#include <random>

#include "support/local_zone.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

// What glibc says each time.
seconds asked(sys_seconds moment) {
  const std::time_t time = moment.time_since_epoch().count();
  std::tm local{};
  ::localtime_r(&time, &local);
  return seconds(local.tm_gmtoff);
}

TEST(LocalOffset, ChangesAtTheVerySecond) {
  in_zone(kBerlin, [] {
    const sys_seconds forward = sys_days(std::chrono::year(2027) / 3 / 28) + 1h;
    EXPECT_EQ(local_offset(forward - 1s), 1h);
    EXPECT_EQ(local_offset(forward), 2h);
    const sys_seconds back = sys_days(std::chrono::year(2026) / 10 / 25) + 1h;
    EXPECT_EQ(local_offset(back), 1h);
    EXPECT_EQ(local_offset(back - 1s), 2h);
    EXPECT_EQ(local_offset(sys_seconds(-1s)), 1h);
  });
}

// Near the moments of change, back and forth, and in zones that did not change at quarters of an hour.
TEST(LocalOffset, IsAlwaysWhatTheZoneSays) {
  for (const char* const zone :
       {"UTC0", kBerlin, "<+0545>-5:45", "XXX-0:19:32YYY-1:19:32,M3.5.0/0:07:03,M10.5.0"}) {
    in_zone(zone, [zone] {
      std::minstd_rand random(1);
      std::uniform_int_distribution<std::int64_t> day(-60 * 365, 100 * 365);
      std::uniform_int_distribution<std::int64_t> step(-2000, 2000);
      for (int i = 0; i < 500; ++i) {
        sys_seconds moment{std::chrono::days(day(random))};
        for (int j = 0; j < 50; ++j) {
          ASSERT_EQ(local_offset(moment), asked(moment)) << zone << ' ' << moment.time_since_epoch().count();
          moment += seconds(step(random));
        }
      }
      const sys_seconds march = sys_days(std::chrono::year(2027) / 3 / 28) - 4h;
      for (seconds at = 0s; at < 8h; at += 1s) ASSERT_EQ(local_offset(march + at), asked(march + at)) << zone;
    });
  }
}

TEST(LocalTimeText, IsWhatALocalClockShows) {
  in_zone("<-0330>+3:30",
          [] { EXPECT_EQ(local_time_text(sys_seconds(951'782'400s) + 7ms), "2000-02-28 20:30:00.007"); });
  in_zone("UTC0", [] { EXPECT_EQ(local_time_text(sys_seconds(0s)), "1970-01-01 00:00:00.000"); });
}

}  // namespace
}  // namespace slurper
