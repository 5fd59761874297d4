#include "record/syslog_time.h"

#include <gtest/gtest.h>

#include <string>

#include "support/local_zone.h"

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
      EXPECT_EQ(local(std::string(name) + " 15 00:00:00", utc(2026, 12, 31)),
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

// Lines are late, and clocks are ahead by minutes or by a zone: not by months.
TEST(LocalTime, TakesTheLastYearBeforeArrival) {
  in_zone("UTC0", [] {
    EXPECT_EQ(local("Dec 31 23:59:59", utc(2027, 1, 1, 0, 0, 1)), utc(2026, 12, 31, 23, 59, 59));
    EXPECT_EQ(local("Jan  1 00:00:01", utc(2026, 12, 31, 23, 59, 59)), utc(2027, 1, 1, 0, 0, 1));
    EXPECT_EQ(local("Jan  1 00:00:01", utc(2027, 1, 1, 0, 0, 1)), utc(2027, 1, 1, 0, 0, 1));
    EXPECT_EQ(local("Jul  1 00:00:00", utc(2026, 12, 25)), utc(2026, 7, 1));
    EXPECT_EQ(local("Jul  1 00:00:00", utc(2027, 1, 5)), utc(2026, 7, 1));
    EXPECT_EQ(local("Jan  6 00:00:00", utc(2027, 1, 5, 0, 0, 1)), utc(2027, 1, 6));
    EXPECT_EQ(local("Jan  6 00:00:00", utc(2027, 1, 5)), utc(2026, 1, 6));
    EXPECT_EQ(local("Jan  5 23:59:59", utc(2027, 1, 5)), utc(2027, 1, 5, 23, 59, 59));
    EXPECT_EQ(local("Jan  6 00:00:01", utc(2027, 1, 5)), utc(2026, 1, 6, 0, 0, 1));
    EXPECT_EQ(local("Jan  5 23:59:58", utc(2027, 1, 5)), utc(2027, 1, 5, 23, 59, 58));
    EXPECT_EQ(local("Jan  1 00:00:01", utc(2026, 12, 30, 23)), utc(2026, 1, 1, 0, 0, 1));
    // And what was known an arrival ago is not believed half a year later.
    EXPECT_EQ(local("Nov 21 11:00:00", utc(2026, 11, 21)), utc(2026, 11, 21, 11));
    EXPECT_EQ(local("Nov 21 11:00:00", utc(2028, 2, 1)), utc(2027, 11, 21, 11));
    EXPECT_EQ(local("Nov 21 11:00:00", utc(2026, 11, 21)), utc(2026, 11, 21, 11));
  });
}

TEST(LocalTime, OfADayThatOneDigitNames) {
  in_zone("UTC0", [] {
    const Timestamp arrival = utc(2026, 11, 21, 12);
    EXPECT_EQ(local("Nov 8 10:00:00", arrival), utc(2026, 11, 8, 10));
    EXPECT_EQ(local("Nov 8 10:00:00.5", arrival), utc(2026, 11, 8, 10) + nanoseconds(500'000'000));
    EXPECT_EQ(local("Nov 8 2024 10:00:00", arrival), utc(2024, 11, 8, 10));
  });
}

TEST(LocalTime, HasTheYearThatItNames) {
  in_zone("UTC0", [] {
    const Timestamp arrival = utc(2026, 11, 21, 12);
    std::optional<Timestamp> time;
    EXPECT_EQ(local("Oct 11 2003 22:14:15", arrival), utc(2003, 10, 11, 22, 14, 15));
    EXPECT_EQ(local("Feb 29 2024 22:14:15", arrival), utc(2024, 2, 29, 22, 14, 15));
    EXPECT_EQ(read_local_time("Oct 11 22:14:15 2003 host", arrival, time), 20U);
    EXPECT_EQ(time, utc(2003, 10, 11, 22, 14, 15));
    EXPECT_EQ(read_local_time("Oct 11 22:14:15 2031 host", arrival, time), 20U);
    EXPECT_EQ(time, utc(2031, 10, 11, 22, 14, 15));
    // What is none, or would make a date that is none, is not part of the time.
    for (const char* text : {"Oct 11 22:14:15 2003", "Oct 11 22:14:15 200 h", "Oct 11 22:14:15 20031 h",
                             "Feb 29 22:14:15 2023 h", "Oct 11 22:14:15 1066 h", "Oct 11 22:14:15 x"})
      EXPECT_EQ(read_local_time(text, utc(2024, 11, 1), time), 15U) << text;
    for (const char* text : {"Feb 29 2023 22:14:15", "Oct 11 0000 22:14:15", "Oct 11 20a3 22:14:15"})
      EXPECT_EQ(read_local_time(text, arrival, time), 0U) << text;
  });
}

TEST(LocalTime, HasTheZoneThatItNames) {
  const auto zoned = [](const char* text, Timestamp arrival) {
    std::optional<Timestamp> time;
    EXPECT_EQ(read_local_time(text, arrival, time), std::string_view(text).size() - 2) << text;
    return time;
  };
  const Timestamp arrival = utc(2026, 11, 21, 12);
  in_zone(kBerlin, [&] {
    EXPECT_EQ(zoned("Nov  8 10:00:00 UTC h", arrival), utc(2026, 11, 8, 10));
    EXPECT_EQ(zoned("Nov  8 10:00:00 CET h", arrival), utc(2026, 11, 8, 9));
    EXPECT_EQ(zoned("Nov  8 10:00:00 CEST h", arrival), utc(2026, 11, 8, 8));
    EXPECT_EQ(zoned("Nov  8 10:00:00 NST h", arrival), utc(2026, 11, 8, 13, 30));
    EXPECT_EQ(zoned("Nov  8 10:00:00 -0330 h", arrival), utc(2026, 11, 8, 13, 30));
    EXPECT_EQ(zoned("Nov  8 10:00:00 +05:30 h", arrival), utc(2026, 11, 8, 4, 30));
    EXPECT_EQ(zoned("Nov  8 10:00:00 CST h", arrival), utc(2026, 11, 8, 16));
    EXPECT_EQ(zoned("Nov  8 10:00:00 CST 2020 h", arrival), utc(2020, 11, 8, 16));
    EXPECT_EQ(zoned("Nov  8 10:00:00 2020 CST h", arrival), utc(2020, 11, 8, 16));
    // The zone settles which of the two it is that a clock set back shows.
    EXPECT_EQ(zoned("Oct 31 02:30:00 CEST h", utc(2027, 10, 31, 2)), utc(2027, 10, 31, 0, 30));
    EXPECT_EQ(zoned("Oct 31 02:30:00 CET h", utc(2027, 10, 31, 0)), utc(2027, 10, 31, 1, 30));
    EXPECT_EQ(zoned("Dec 31 23:30:00 EST h", utc(2027, 1, 1, 4)), utc(2027, 1, 1, 4, 30));
  });
  in_zone("CST-8", [&] { EXPECT_EQ(zoned("Nov  8 10:00:00 CST h", arrival), utc(2026, 11, 8, 2)); });
  std::optional<Timestamp> time;
  for (const char* text : {"Nov  8 10:00:00 CET", "Nov  8 10:00:00 XYZ h", "Nov  8 10:00:00 cet h",
                           "Nov  8 10:00:00 CETX h", "Nov  8 10:00:00 CET/x h", "Nov  8 10:00:00 -- MARK --",
                           "Nov  8 10:00:00 +02 h", "Nov  8 10:00:00 +0200x h", "Nov  8 10:00:00  CET h"})
    EXPECT_EQ(read_local_time(text, arrival, time), 15U) << text;
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
