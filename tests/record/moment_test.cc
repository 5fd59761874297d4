#include "record/moment.h"

#include <gtest/gtest.h>

#include "filter/literal.h"
#include "support/local_zone.h"

namespace slurper {
namespace {

Timestamp at(std::string_view text) {
  return Timestamp(std::chrono::nanoseconds(parse_time(text).value()));
}

// The moment as a filter shows it; empty if it is none.
std::string moment(std::string_view text, std::string_view now = "2026-11-30T12:00Z",
                   Bound bound = Bound::Begin) {
  const auto found = parse_moment(text, at(now), bound);
  return found ? time_literal(found->time_since_epoch().count()) : "";
}

TEST(Moment, HasEveryFormThatSlurperPrints) {
  in_zone(kBerlin, [] {
    EXPECT_EQ(moment("2026-11-30T10:15:00.123456789Z"), "2026-11-30T10:15:00.123456789Z");  // json
    EXPECT_EQ(moment("2026-11-30T10:15Z"), "2026-11-30T10:15Z");                            // a filter
    EXPECT_EQ(moment("2026-11-30T10:15:00+02:00"), "2026-11-30T08:15Z");                    // a line
    EXPECT_EQ(moment("2026-11-30T10:15:00+0200"), "2026-11-30T08:15Z");
    EXPECT_EQ(moment("2026-11-30 10:15:00.123"), "2026-11-30T09:15:00.123Z");  // slurper's own messages
    EXPECT_EQ(moment("10:15:00.5"), "2026-11-30T09:15:00.5Z");                 // slurper trace
    EXPECT_EQ(moment("Nov 30 10:15:00"), "2026-11-30T09:15Z");                 // rfc3164
    EXPECT_EQ(moment("Nov  9 10:15:00"), "2026-11-09T09:15Z");
    EXPECT_EQ(moment("Dec 24 10:15:00"), "2025-12-24T09:15Z") << "the last one";
    EXPECT_EQ(moment("1764504000.125"), "2025-11-30T12:00:00.125Z");  // gelf, slurper trace -t a
  });
}

TEST(Moment, HasWhatIsQuickToType) {
  in_zone(kBerlin, [] {
    EXPECT_EQ(moment("10m"), "2026-11-30T11:50Z");
    EXPECT_EQ(moment("1h30m"), "2026-11-30T10:30Z");
    EXPECT_EQ(moment("1d 12h"), "2026-11-29");
    EXPECT_EQ(moment("2w"), "2026-11-16T12:00Z");
    EXPECT_EQ(moment("0"), "2026-11-30T12:00Z");
    EXPECT_EQ(moment("@0"), "1970-01-01");
    EXPECT_EQ(moment("@1764504000"), "2025-11-30T12:00Z");
    EXPECT_EQ(moment("now"), "2026-11-30T12:00Z");
    EXPECT_EQ(moment("today"), "2026-11-29T23:00Z");
    EXPECT_EQ(moment("yesterday"), "2026-11-28T23:00Z");
    EXPECT_EQ(moment("2026-11-30"), "2026-11-29T23:00Z");
    EXPECT_EQ(moment("2026-11-30 10:15"), "2026-11-30T09:15Z");
    EXPECT_EQ(moment("2026-11-30 10:15:30"), "2026-11-30T09:15:30Z");
    EXPECT_EQ(moment("10:15"), "2026-11-30T09:15Z");
    EXPECT_EQ(moment(" 10:15\t"), "2026-11-30T09:15Z");
  });
}

TEST(Moment, HasNoBeginningAheadOfNow) {
  in_zone("UTC0", [] {
    EXPECT_EQ(moment("23:50", "2026-11-30T00:30Z"), "2026-11-29T23:50Z");
    EXPECT_EQ(moment("23:50", "2026-11-30T00:30Z", Bound::End), "2026-11-30T23:50Z");
    EXPECT_EQ(moment("00:10", "2026-11-30T00:30Z", Bound::End), "2026-11-30T00:10Z");
    EXPECT_EQ(moment("2027-01-01", "2026-11-30T00:30Z"), "2027-01-01") << "it has a date";
  });
}

TEST(Moment, KnowsHoursThatClocksShowTwiceOrNever) {
  in_zone(kBerlin, [] {
    EXPECT_EQ(moment("2026-10-25 02:30"), "2026-10-25T00:30Z");
    EXPECT_EQ(moment("2026-10-25 02:30", "2026-11-30T12:00Z", Bound::End), "2026-10-25T01:30Z");
    EXPECT_EQ(moment("2026-03-29 02:30"), "2026-03-29T01:30Z");
    EXPECT_EQ(moment("today", "2026-10-25T12:00Z"), "2026-10-24T22:00Z") << "a day of 25 hours";
  });
}

TEST(Moment, IsNothingElse) {
  for (const std::string_view text : {"",
                                      " ",
                                      "soon",
                                      "10",
                                      "10x",
                                      "m",
                                      "-10m",
                                      "10m ago",
                                      "1h30",
                                      "@",
                                      "@x",
                                      "@1.",
                                      "@1.1234567890",
                                      "@1e9",
                                      "12345678",
                                      "99999999999",
                                      "9300000000",
                                      "1969-12-31",
                                      "2026-13-01",
                                      "2026-02-30",
                                      "2026-11-30T",
                                      "2026-11-30 1",
                                      "2026-11-30 25:00",
                                      "2026-11-30 12:00:00 x",
                                      "2026-11-30T12:00:00.Z",
                                      "24:00",
                                      "1:00",
                                      "12:60",
                                      "12:00:",
                                      "12:00:0",
                                      "12:00:00.",
                                      "Nov 31 12:00:00",
                                      "Nov 30",
                                      "Nov 30 12:00:00 x",
                                      "99y",
                                      "500w500w500w500w500w500w500w500w"}) {
    EXPECT_EQ(moment(text), "") << text;
  }
}

}  // namespace
}  // namespace slurper
