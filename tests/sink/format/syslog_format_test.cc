#include "sink/format/syslog_format.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace slurper {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using std::chrono::sys_days;
using testing::HasSubstr;

constexpr Timestamp kArrival = sys_days(std::chrono::year(2026) / 11 / 2) + 22h + 14min + 15s + 3'004'005ns;
constexpr LogId kLog = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                        0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
constexpr std::string_view kOwn =
    R"([slurper@32473 log="6ba7b810-9dad-11d1-80b4-00c04fd430c8" offset="123"])";

// What the parser of the record under test finds.
SyslogHeader found;

Record record(SyslogHeader header, Part part = Part::Whole) {
  found = header;
  return {
      kLog, 123, 200, header.message, part, kArrival, [](std::string_view, Timestamp, SyslogHeader& parsed) {
        parsed = found;
      }};
}

// A header of which only the message was found.
SyslogHeader only(std::string_view message) {
  SyslogHeader header;
  header.message = message;
  return header;
}

std::string rfc5424(const Record& record, const SyslogDefaults& defaults = {}) {
  std::string out;
  append_rfc5424(record, defaults, out);
  return out;
}

std::string rfc3164(const Record& record, const SyslogDefaults& defaults = {}) {
  std::string out;
  append_rfc3164(record, defaults, out);
  return out;
}

class SyslogFormatTest : public testing::Test {
 public:
  SyslogFormatTest() { set_zone("Europe/Berlin"); }
  ~SyslogFormatTest() override { set_zone("UTC"); }

 private:
  static void set_zone(const char* zone) {
    (void)::setenv("TZ", zone, 1);
    ::tzset();
  }
};

constexpr SyslogHeader kFull = {
    .format = HeaderFormat::Rfc5424,
    .facility = 4,
    .severity = 2,
    .timestamp = sys_days(std::chrono::year(2003) / 10 / 11) + 22h + 14min + 15s + 3ms,
    .host = "mymachine.example.com",
    .program = "su",
    .pid = "77",
    .message_id = "ID47",
    .structured_data = R"([a@1 x="]\"]"][b@2])",
    .message = "'su root' failed"};

TEST_F(SyslogFormatTest, EveryFieldOfAMessageIsKept) {
  EXPECT_EQ(rfc5424(record(kFull)), "<34>1 2003-10-11T22:14:15.003000Z mymachine.example.com su 77 ID47 " +
                                        std::string(kOwn) + R"([a@1 x="]\"]"][b@2] 'su root' failed)");
  EXPECT_EQ(rfc5424(record(kFull), {.own_element = false}),
            "<34>1 2003-10-11T22:14:15.003000Z mymachine.example.com su 77 ID47 "
            R"([a@1 x="]\"]"][b@2] 'su root' failed)");
  EXPECT_EQ(rfc3164(record(kFull)), "<34>Oct 12 00:14:15 mymachine.example.com su[77]: 'su root' failed");
}

TEST_F(SyslogFormatTest, WhatARecordDoesNotSayIsByDefault) {
  const SyslogHeader bare = only("hello");
  EXPECT_EQ(rfc5424(record(bare)),
            "<13>1 2026-11-02T22:14:15.003004Z - - - - " + std::string(kOwn) + " hello");
  const SyslogDefaults defaults = {
      .facility = 16, .severity = 6, .hostname = "here", .program = "app", .own_element = false};
  EXPECT_EQ(rfc5424(record(bare), defaults), "<134>1 2026-11-02T22:14:15.003004Z here app - - - hello");
  EXPECT_EQ(rfc3164(record(bare), defaults), "<134>Nov  2 23:14:15 here app: hello");
  EXPECT_EQ(rfc5424(record(only("")), defaults), "<134>1 2026-11-02T22:14:15.003004Z here app - - -");
}

TEST_F(SyslogFormatTest, AnElementOfSlurpersOwnIsNotTakenFromALine) {
  SyslogHeader header = kFull;
  for (const auto data : {R"([slurper@32473 log="0" offset="9"])", "[slurper@32473]"}) {
    const std::string with_others =
        R"([a x="[slurper@32473]"])" + std::string(data) + "[slurper@324730 b=\"\"]";
    header.structured_data = with_others;
    EXPECT_THAT(rfc5424(record(header)),
                HasSubstr(" " + std::string(kOwn) + R"([a x="[slurper@32473]"][slurper@324730 b=""] )"));
  }
}

TEST_F(SyslogFormatTest, APartSaysSo) {
  EXPECT_THAT(rfc5424(record(only("x"), Part::First)), HasSubstr(R"( offset="123" part="first"] x)"));
  EXPECT_THAT(rfc5424(record(only("x"), Part::Last)), HasSubstr(R"( offset="123" part="last"] x)"));
}

TEST_F(SyslogFormatTest, NoFieldOfTheHeaderEndsItOrIsLongerThanAllowed) {
  SyslogHeader header = kFull;
  header.host = "a b\x01\xff"sv;
  header.program = "x:y[1] z\r\n";
  header.pid = "1] ";
  header.message_id = "\xc3\xbc";
  EXPECT_THAT(rfc5424(record(header)), HasSubstr(" a?b?? x:y[1]?z?? 1]? ?? ["));
  EXPECT_THAT(rfc3164(record(header)), HasSubstr(" a?b?? x?y?1??z??[1??]: "));
  const std::string endless(1000, 'x');
  header.host = header.program = header.pid = header.message_id = endless;
  EXPECT_THAT(rfc5424(record(header)),
              HasSubstr("Z " + std::string(255, 'x') + ' ' + std::string(48, 'x') + ' ' +
                        std::string(128, 'x') + ' ' + std::string(32, 'x') + " ["));
}

TEST_F(SyslogFormatTest, ControlCharactersAreEscapedOnRequest) {
  SyslogHeader header = kFull;
  header.message = "a\tb\r\x1b[31m\0\x7f\xc3\xbc#"sv;
  header.structured_data = "[a x=\"\x01\"]"sv;
  EXPECT_THAT(rfc5424(record(header)), testing::EndsWith("[a x=\"\x01\"] a\tb\r\x1b[31m\0\x7f\xc3\xbc#"sv));
  const SyslogDefaults escaped = {.escape_controls = true};
  EXPECT_THAT(rfc5424(record(header), escaped),
              testing::EndsWith("[a x=\"#001\"] a\tb#015#033[31m#000#177\xc3\xbc#"));
  EXPECT_THAT(rfc3164(record(header), escaped), testing::EndsWith("]: a\tb#015#033[31m#000#177\xc3\xbc#"));
}

TEST_F(SyslogFormatTest, LocalTimeFollowsTheClocksChange) {
  SyslogHeader header = only("x");
  const Timestamp winter = sys_days(std::chrono::year(2026) / 10 / 25) + 1h;
  header.timestamp = winter - 1ns;
  EXPECT_THAT(rfc3164(record(header)), HasSubstr(">Oct 25 02:59:59 "));
  header.timestamp = winter;
  EXPECT_THAT(rfc3164(record(header)), HasSubstr(">Oct 25 02:00:00 "));
  header.timestamp = Timestamp(-1ns);
  EXPECT_THAT(rfc5424(record(header)), HasSubstr(" 1969-12-31T23:59:59.999999Z "));
  EXPECT_THAT(rfc3164(record(header)), HasSubstr(">Jan  1 00:59:59 "));
}

}  // namespace
}  // namespace slurper
