#include "record/syslog_time.h"

#include <gtest/gtest.h>

#include <string>

#include "record/local_zone.h"

namespace slurper {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::sys_days;

Timestamp utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  return sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day)) + hours(hour) +
         minutes(minute) + seconds(second);
}

std::optional<Timestamp> iso(std::string_view text) {
  std::optional<Timestamp> time;
  EXPECT_EQ(read_iso_time(text, time), text.size()) << text;
  return time;
}

std::optional<Timestamp> local(std::string_view text, Timestamp arrival) {
  std::optional<Timestamp> time;
  EXPECT_EQ(read_local_time(text, arrival, time), text.size()) << text;
  return time;
}

TEST(IsoTime, IsRead) {
  EXPECT_EQ(iso("1970-01-01T00:00:00Z"), utc(1970, 1, 1));
  EXPECT_EQ(iso("2003-10-11T22:14:15.003Z"), utc(2003, 10, 11, 22, 14, 15) + nanoseconds(3'000'000));
  EXPECT_EQ(iso("2003-10-11T22:14:15.1Z"), utc(2003, 10, 11, 22, 14, 15) + nanoseconds(100'000'000));
  EXPECT_EQ(iso("2003-10-11T22:14:15.123456789+02:00"),
            utc(2003, 10, 11, 20, 14, 15) + nanoseconds(123'456'789));
  EXPECT_EQ(iso("2003-10-11T22:14:15-0730"), utc(2003, 10, 12, 5, 44, 15));
  EXPECT_EQ(iso("2003-10-11T00:00:00+23:59"), utc(2003, 10, 10, 0, 1, 0));
  EXPECT_EQ(iso("2003-10-11T00:00:00-23:59"), utc(2003, 10, 11, 23, 59, 0));
  EXPECT_EQ(iso("2024-02-29T23:59:59-00:00"), utc(2024, 2, 29, 23, 59, 59));
  EXPECT_EQ(iso("1969-12-31T23:59:59.999999999Z"), utc(1970, 1, 1) - nanoseconds(1));
}

TEST(IsoTime, EndsWhereItEnds) {
  std::optional<Timestamp> time;
  EXPECT_EQ(read_iso_time("2003-10-11T22:14:15Z host", time), 20);
  EXPECT_EQ(read_iso_time("2003-10-11T22:14:15.5+02:00 host", time), 27);
  EXPECT_EQ(read_iso_time("2003-10-11T22:14:15+020012", time), 24);
}

TEST(IsoTime, BeyondATimestampIsATimeAllTheSame) {
  EXPECT_EQ(iso("0000-01-01T00:00:00Z"), std::nullopt);
  EXPECT_EQ(iso("1677-12-31T23:59:59Z"), std::nullopt);
  EXPECT_EQ(iso("2262-01-01T00:00:00Z"), std::nullopt);
  EXPECT_EQ(iso("9999-12-31T23:59:59.999999Z"), std::nullopt);
  EXPECT_EQ(iso("1678-01-01T00:00:00+23:59"), utc(1677, 12, 31, 0, 1));
  EXPECT_EQ(iso("2261-12-31T23:59:59-23:59"), utc(2262, 1, 1, 23, 58, 59));
}

TEST(IsoTime, IsNothingElse) {
  for (const char* text : {"",
                           "2",
                           "2003-10-11",
                           "2003-10-11T22:14:15",
                           "2003-10-11T22:14:15.",
                           "2003-10-11T22:14:15.Z",
                           "2003-10-11T22:14:15.1234567890Z",
                           "2003-10-11T22:14:15+",
                           "2003-10-11T22:14:15+02",
                           "2003-10-11T22:14:15+02:",
                           "2003-10-11T22:14:15+02:0",
                           "2003-10-11T22:14:15+24:00",
                           "2003-10-11T22:14:15+02:60",
                           "2003-10-11T22:14:15 +02:00",
                           "2003-10-11T22:14:15z",
                           "2003-10-11t22:14:15Z",
                           "2003-10-11 22:14:15Z",
                           "2003/10/11T22:14:15Z",
                           "2003-00-11T22:14:15Z",
                           "2003-13-11T22:14:15Z",
                           "2003-10-00T22:14:15Z",
                           "2003-10-32T22:14:15Z",
                           "2003-02-29T22:14:15Z",
                           "2100-02-29T22:14:15Z",
                           "2003-02-30T22:14:15Z",
                           "2003-10-11T24:14:15Z",
                           "2003-10-11T25:61:15Z",
                           "2003-10-11T22:60:15Z",
                           "2016-12-31T23:59:60Z",
                           "2003-10-1aT22:14:15Z",
                           "-003-10-11T22:14:15Z",
                           "2003-10-11T22:14:1/Z",
                           "2003-10-11T22:14:1:Z"}) {
    std::optional<Timestamp> time;
    EXPECT_EQ(read_iso_time(text, time), 0) << text;
    EXPECT_EQ(time, std::nullopt) << text;
  }
}

TEST(LocalTime, IsRead) {
  in_zone("UTC0", [] {
    const Timestamp arrival = utc(2026, 11, 21, 12);
    EXPECT_EQ(local("Nov 21 11:59:58", arrival), utc(2026, 11, 21, 11, 59, 58));
    EXPECT_EQ(local("Nov  1 11:59:58", arrival), utc(2026, 11, 1, 11, 59, 58));
    EXPECT_EQ(local("Nov 01 11:59:58", arrival), utc(2026, 11, 1, 11, 59, 58));
    EXPECT_EQ(local("Nov 21 11:59:58.25", arrival), utc(2026, 11, 21, 11, 59, 58) + nanoseconds(250'000'000));
    int month = 0;
    for (const char* name :
         {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}) {
      ++month;
      EXPECT_EQ(local(std::string(name) + " 15 00:00:00", utc(2026, 6, 30)),
                utc(2026, static_cast<unsigned>(month), 15));
    }
  });
}

TEST(LocalTime, IsNothingElse) {
  for (const char* text :
       {"", "Nov", "Nov 21 11:59:5", "Nov 31 11:59:58", "Feb 30 11:59:58", "Nov 00 11:59:58",
        "Nov  0 11:59:58", "Nov 1  11:59:58", "Nov 21 24:00:00", "Nov 21 25:61:00", "Nov 21 11:60:00",
        "Dec 31 23:59:60", "nov 21 11:59:58", "Nox 21 11:59:58", "Nov 21 11:59:58.", "Nov 21 1x:59:58",
        "Nov 21  1:59:58", "Nov -1 11:59:58"}) {
    std::optional<Timestamp> time;
    EXPECT_EQ(read_local_time(text, utc(2026, 11, 21), time), 0) << text;
    EXPECT_EQ(time, std::nullopt) << text;
  }
}

TEST(LocalTime, TakesTheYearThatIsNearestToArrival) {
  in_zone("UTC0", [] {
    EXPECT_EQ(local("Dec 31 23:59:59", utc(2027, 1, 1, 0, 0, 1)), utc(2026, 12, 31, 23, 59, 59));
    EXPECT_EQ(local("Jan  1 00:00:01", utc(2026, 12, 31, 23, 59, 59)), utc(2027, 1, 1, 0, 0, 1));
    EXPECT_EQ(local("Jan  1 00:00:01", utc(2027, 1, 1, 0, 0, 1)), utc(2027, 1, 1, 0, 0, 1));
    EXPECT_EQ(local("Jul  1 00:00:00", utc(2026, 12, 25)), utc(2026, 7, 1));
    EXPECT_EQ(local("Jul  1 00:00:00", utc(2027, 1, 5)), utc(2027, 7, 1));
    // And what was known an arrival ago is not believed half a year later.
    EXPECT_EQ(local("Nov 21 11:00:00", utc(2026, 11, 21)), utc(2026, 11, 21, 11));
    EXPECT_EQ(local("Nov 21 11:00:00", utc(2028, 2, 1)), utc(2027, 11, 21, 11));
    EXPECT_EQ(local("Nov 21 11:00:00", utc(2026, 11, 21)), utc(2026, 11, 21, 11));
  });
}

TEST(LocalTime, KnowsLeapYears) {
  in_zone("UTC0", [] {
    EXPECT_EQ(local("Feb 29 12:00:00", utc(2028, 3, 1)), utc(2028, 2, 29, 12));
    EXPECT_EQ(local("Feb 29 12:00:00", utc(2029, 1, 1)), utc(2028, 2, 29, 12));
    EXPECT_EQ(local("Feb 29 12:00:00", utc(2026, 3, 1)), std::nullopt);
  });
}

TEST(LocalTime, IsLocal) {
  in_zone(kBerlin, [] {
    EXPECT_EQ(local("Nov 21 11:59:58", utc(2026, 11, 21)), utc(2026, 11, 21, 10, 59, 58));
    EXPECT_EQ(local("Jul 21 11:59:58", utc(2026, 7, 21)), utc(2026, 7, 21, 9, 59, 58));
    // 2027 has begun here, 2026 has not ended in UTC.
    EXPECT_EQ(local("Jan  1 00:10:00", utc(2026, 12, 31, 23, 10)), utc(2026, 12, 31, 23, 10));
  });
}

TEST(LocalTime, IsRightWhereClocksAreSetForward) {
  in_zone(kBerlin, [] {  // on March 28, 2027 at 01:00 UTC
    const Timestamp arrival = utc(2027, 3, 28, 1);
    EXPECT_EQ(local("Mar 28 01:59:59", arrival), utc(2027, 3, 28, 0, 59, 59));
    EXPECT_EQ(local("Mar 28 03:00:00", arrival), utc(2027, 3, 28, 1, 0, 0));
    EXPECT_EQ(local("Mar 28 02:30:00", arrival), utc(2027, 3, 28, 1, 30, 0));  // never shown
    EXPECT_EQ(local("Mar 28 02:40:00", arrival), utc(2027, 3, 28, 1, 40, 0));
  });
}

TEST(LocalTime, OfTwoThatClocksShowTheNearestIsMeant) {
  in_zone(kBerlin, [] {  // set back on October 31, 2027 at 01:00 UTC
    EXPECT_EQ(local("Oct 31 02:30:00", utc(2027, 10, 31, 0, 30, 1)), utc(2027, 10, 31, 0, 30));
    EXPECT_EQ(local("Oct 31 02:30:00", utc(2027, 10, 31, 1, 30, 1)), utc(2027, 10, 31, 1, 30));
    EXPECT_EQ(local("Oct 31 02:30:00", utc(2027, 10, 31, 0, 30, 1)), utc(2027, 10, 31, 0, 30));
    EXPECT_EQ(local("Oct 31 01:59:59", utc(2027, 10, 31, 1)), utc(2027, 10, 30, 23, 59, 59));
    EXPECT_EQ(local("Oct 31 03:00:00", utc(2027, 10, 31, 1)), utc(2027, 10, 31, 2));
  });
}

// Every minute of a year as localtime(3) shows it, in zones that are set by half an hour, in the middle of an
// hour, south of the equator, and far from UTC.
TEST(LocalTime, IsReadBackInAnyZone) {
  for (const char* zone :
       {"UTC0", kBerlin, "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "NST3:30NDT,M4.1.0/0:01,M10.5.0/0:01",
        "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", "<+14>-14", "<-12>12"}) {
    in_zone(zone, [&] {
      for (Timestamp moment = utc(2027, 1, 1, 0, 0, 7); moment < utc(2028, 1, 1); moment += minutes(1)) {
        const std::time_t time = std::chrono::floor<seconds>(moment).time_since_epoch().count();
        std::tm parts{};
        ASSERT_NE(::localtime_r(&time, &parts), nullptr);
        std::array<char, 32> text{};
        const std::size_t size = std::strftime(text.data(), text.size(), "%b %e %H:%M:%S", &parts);
        // Nearer to this moment than to any other that shows the same.
        ASSERT_EQ(local({text.data(), size}, moment + minutes(3)), moment) << zone << ' ' << text.data();
      }
    });
  }
}

TEST(LocalTime, SurvivesAnyArrival) {
  in_zone("UTC0", [] {
    for (const Timestamp arrival : {Timestamp::min(), Timestamp::max(), Timestamp()})
      (void)local("Jul  1 00:00:00", arrival);
    EXPECT_EQ(local("Dec 31 23:00:00", Timestamp()), utc(1969, 12, 31, 23));
  });
}

}  // namespace
}  // namespace slurper
