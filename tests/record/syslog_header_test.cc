// What is read of which line. Most lines are as real programs have written them.
#include "record/syslog_header.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "record/syslog_names.h"
#include "support/local_zone.h"

namespace slurper {
namespace {

constexpr Timestamp kArrival = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) +
                               std::chrono::hours(22) + std::chrono::minutes(49);

std::string shown(Timestamp time) {
  const auto since = time.time_since_epoch();
  const auto second = std::chrono::floor<std::chrono::seconds>(since);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}", fmt::gmtime(static_cast<std::time_t>(second.count())),
                     (since - second).count());
}

// "Rfc3164 auth.info time=… host=vm program=sshd pid=1 msg=…", without what is empty.
std::string shown(const SyslogHeader& header) {
  static constexpr std::array<const char*, 4> kFormats = {"None", "Rfc5424", "Rfc3164", "Iso"};
  std::string text = kFormats.at(static_cast<std::size_t>(header.format));
  if (header.facility.has_value() != header.severity.has_value()) return "half a priority";
  if (header.facility)
    text += fmt::format(" {}.{}", facility_name(*header.facility), severity_name(*header.severity));
  if (header.timestamp) text += " time=" + shown(*header.timestamp);
  const auto field = [&](const char* name, std::string_view value) {
    if (!value.empty()) text += fmt::format(" {}={}", name, value);
  };
  field("host", header.host);
  field("program", header.program);
  field("pid", header.pid);
  field("msgid", header.message_id);
  field("sd", header.structured_data);
  return text + " msg=" + std::string(header.message);
}

std::string parsed(std::string_view line) {
  SyslogHeader header;
  parse_syslog_header(line, kArrival, header);
  return shown(header);
}

using Table = std::vector<std::pair<std::string, std::string>>;

void expect_parsed(const Table& table) {
  in_zone("UTC0", [&] {
    for (const auto& [line, wanted] : table) EXPECT_EQ(parsed(line), wanted) << line;
  });
}

void expect_none(const std::vector<std::string>& lines) {
  in_zone("UTC0", [&] {
    for (const std::string& line : lines) EXPECT_EQ(parsed(line), "None msg=" + line) << line;
  });
}

TEST(SyslogHeader, ReadsWhatLoggerSends) {
  expect_parsed({
      {"<13>Nov 21 22:48:48 root: default message",
       "Rfc3164 user.notice time=2026-11-21T22:48:48.000000000 program=root msg=default message"},
      {"<38>Nov 21 22:48:48 sshd[15411]: tagged with pid",
       "Rfc3164 auth.info time=2026-11-21T22:48:48.000000000 program=sshd pid=15411 msg=tagged with pid"},
      {"<13>Nov 21 22:48:48 vm root: rfc3164 over unix",
       "Rfc3164 user.notice time=2026-11-21T22:48:48.000000000 host=vm program=root msg=rfc3164 over unix"},
      {"<8>Nov 21 22:48:48 root: kern",
       "Rfc3164 user.emerg time=2026-11-21T22:48:48.000000000 program=root msg=kern"},
      {R"(<13>1 2026-11-21T22:48:48.425079+00:00 vm root - - [timeQuality tzKnown="1" isSynced="0"] over unix)",
       "Rfc5424 user.notice time=2026-11-21T22:48:48.425079000 host=vm program=root"
       R"( sd=[timeQuality tzKnown="1" isSynced="0"] msg=over unix)"},
      {"<13>1 - - x - - - notime nohost", "Rfc5424 user.notice program=x msg=notime nohost"},
      {R"(<13>1 2026-11-21T22:48:48.436039+00:00 vm  - - [timeQuality tzKnown="1"] emptytag)",
       R"(Rfc5424 user.notice time=2026-11-21T22:48:48.436039000 host=vm sd=[timeQuality tzKnown="1"] msg=emptytag)"},
      {R"(<13>1 2026-11-21T22:48:54.395437+00:00 vm sd - ID47 [a b="1"][ex@32473 a="b\"c"] with sd)",
       "Rfc5424 user.notice time=2026-11-21T22:48:54.395437000 host=vm program=sd msgid=ID47"
       R"( sd=[a b="1"][ex@32473 a="b\"c"] msg=with sd)"},
  });
}

TEST(SyslogHeader, ReadsWhatRsyslogWrites) {
  expect_parsed({
      // RSYSLOG_FileFormat
      {"2026-11-21T22:48:54.386266+00:00 vm sshd[15544]: tagged with pid",
       "Iso time=2026-11-21T22:48:54.386266000 host=vm program=sshd pid=15544 msg=tagged with pid"},
      {"2026-11-21T22:48:54.397932+00:00 vm kernel: [   12.345678] usb 1-1: new device",
       "Iso time=2026-11-21T22:48:54.397932000 host=vm program=kernel msg=[   12.345678] usb 1-1: new "
       "device"},
      {"2026-11-21T22:48:54.404741+00:00 vm postfix/smtpd[15552]: connect",
       "Iso time=2026-11-21T22:48:54.404741000 host=vm program=postfix/smtpd pid=15552 msg=connect"},
      {"2026-11-21T22:48:54.603535+00:00 vm prog[1]:no blank",
       "Iso time=2026-11-21T22:48:54.603535000 host=vm program=prog pid=1 msg=no blank"},
      {"2026-11-21T22:48:54.603537+00:00 vm prog: ",
       "Iso time=2026-11-21T22:48:54.603537000 host=vm program=prog msg="},
      {"2026-11-21T22:48:54.603538+00:00 vm (sd-pam)[33]: paren",
       "Iso time=2026-11-21T22:48:54.603538000 host=vm program=(sd-pam) pid=33 msg=paren"},
      // RSYSLOG_TraditionalFileFormat
      {"Nov 21 22:48:54 vm CRON[15553]: (root) CMD (x)",
       "Rfc3164 time=2026-11-21T22:48:54.000000000 host=vm program=CRON pid=15553 msg=(root) CMD (x)"},
      {"Nov 21 22:48:54 vm a:b: colon tag",
       "Rfc3164 time=2026-11-21T22:48:54.000000000 host=vm program=a:b msg=colon tag"},
      {"Nov 21 22:48:54 vm no date, no tag",
       "Rfc3164 time=2026-11-21T22:48:54.000000000 host=vm msg=no date, no tag"},
      {"Nov 21 22:48:54 vm  pri at all",
       "Rfc3164 time=2026-11-21T22:48:54.000000000 host=vm msg= pri at all"},
      {"Nov 21 22:48:54 vm 1 2026-11-21T22:48:54.392967+00:00 vm five - - - x",
       "Rfc3164 time=2026-11-21T22:48:54.000000000 host=vm msg=1 2026-11-21T22:48:54.392967+00:00 vm five - "
       "- - x"},
      // RSYSLOG_ForwardFormat
      {"<38>2026-11-21T22:48:54.386266+00:00 vm sshd[15544]: tagged with pid",
       "Iso auth.info time=2026-11-21T22:48:54.386266000 host=vm program=sshd pid=15544 msg=tagged with pid"},
      // RSYSLOG_TraditionalForwardFormat
      {"<12>Nov 21 22:48:54 vm kernel: [   12.345678] usb 1-1: new device",
       "Rfc3164 user.warning time=2026-11-21T22:48:54.000000000 host=vm program=kernel"
       " msg=[   12.345678] usb 1-1: new device"},
      // RSYSLOG_SyslogProtocol23Format, which keeps the blank behind the tag
      {"<38>1 2026-11-21T22:48:54.386266+00:00 vm sshd 15544 - -  tagged with pid",
       "Rfc5424 auth.info time=2026-11-21T22:48:54.386266000 host=vm program=sshd pid=15544 msg= tagged with "
       "pid"},
      {"<0>1 2026-11-21T22:48:54.603529+00:00 vm - - - -  pri at all",
       "Rfc5424 kern.emerg time=2026-11-21T22:48:54.603529000 host=vm msg= pri at all"},
  });
}

TEST(SyslogHeader, ReadsWhatSyslogNgWrites) {
  expect_parsed({
      {"Nov 21 22:48:54.640 vm root: frac-digits(3)",
       "Rfc3164 time=2026-11-21T22:48:54.640000000 host=vm program=root msg=frac-digits(3)"},
      {"2026-11-21T22:48:54+00:00 vm root: ts-format(iso)",
       "Iso time=2026-11-21T22:48:54.000000000 host=vm program=root msg=ts-format(iso)"},
      {"Nov 21 22:48:54 s_net@10.0.0.7/relay su: chain-hostnames(yes)",
       "Rfc3164 time=2026-11-21T22:48:54.000000000 host=s_net@10.0.0.7/relay program=su "
       "msg=chain-hostnames(yes)"},
      {R"(<38>1 2026-11-21T22:48:54+00:00 vm sshd 15597 - [meta sequenceId="2"] flags(syslog-protocol))",
       "Rfc5424 auth.info time=2026-11-21T22:48:54.000000000 host=vm program=sshd pid=15597"
       R"( sd=[meta sequenceId="2"] msg=flags(syslog-protocol))"},
  });
}

TEST(SyslogHeader, ReadsWhatInetutilsAndBusyboxWrite) {
  expect_parsed({
      {"Nov 21 22:48:52 localhost syslogd (GNU inetutils 2.4): restart",
       "Rfc3164 time=2026-11-21T22:48:52.000000000 host=localhost msg=syslogd (GNU inetutils 2.4): restart"},
      {"Nov 21 22:48:54 localhost last message repeated 2 times",
       "Rfc3164 time=2026-11-21T22:48:54.000000000 host=localhost msg=last message repeated 2 times"},
      {"Nov 21 22:48:54 localhost -- MARK --",
       "Rfc3164 time=2026-11-21T22:48:54.000000000 host=localhost msg=-- MARK --"},
      {"Nov 21 22:48:54 -- MARK --", "Rfc3164 time=2026-11-21T22:48:54.000000000 msg=-- MARK --"},
      {"Nov 21 22:48:52 vm syslog.info syslogd started: BusyBox v1.35.0",
       "Rfc3164 syslog.info time=2026-11-21T22:48:52.000000000 host=vm msg=syslogd started: BusyBox v1.35.0"},
      {"Nov 21 22:48:55 vm auth.info sshd[15708]: tagged with pid",
       "Rfc3164 auth.info time=2026-11-21T22:48:55.000000000 host=vm program=sshd pid=15708 msg=tagged with "
       "pid"},
      {"Nov 21 22:48:55 vm user.warn kernel: [   12.345678] usb 1-1: new device",
       "Rfc3164 user.warning time=2026-11-21T22:48:55.000000000 host=vm program=kernel"
       " msg=[   12.345678] usb 1-1: new device"},
      {"Nov 21 22:48:55 vm user.notice my prog: tag with blank",
       "Rfc3164 user.notice time=2026-11-21T22:48:55.000000000 host=vm msg=my prog: tag with blank"},
      // A <PRI> is believed, not the words.
      {"<13>Nov 21 22:48:55 vm auth.info prog[1]: x",
       "Rfc3164 user.notice time=2026-11-21T22:48:55.000000000 host=vm msg=auth.info prog[1]: x"},
      {"2026-11-21T22:48:55Z vm auth.info no tag",
       "Iso auth.info time=2026-11-21T22:48:55.000000000 host=vm program=no msg=tag"},
      {"Nov 21 22:48:55 vm auth.loud prog[1]: x",
       "Rfc3164 time=2026-11-21T22:48:55.000000000 host=vm msg=auth.loud prog[1]: x"},
  });
}

TEST(SyslogHeader, ReadsTheExamplesOfTheRfcs) {
  expect_parsed({
      {"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed",
       "Rfc5424 auth.crit time=2003-10-11T22:14:15.003000000 host=mymachine.example.com program=su msgid=ID47"
       " msg='su root' failed"},
      {"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
       "Rfc5424 local4.notice time=2003-08-24T12:14:15.000003000 host=192.0.2.1 program=myproc pid=8710"
       " msg=%% It's time to make the do-nuts."},
      {R"(<165>1 2003-10-11T22:14:15.003Z m.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventID="1011"])"
       R"([examplePriority@32473 class="high"])",
       "Rfc5424 local4.notice time=2003-10-11T22:14:15.003000000 host=m.example.com program=evntslog "
       "msgid=ID47"
       R"( sd=[exampleSDID@32473 iut="3" eventID="1011"][examplePriority@32473 class="high"] msg=)"},
      {"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
       "Rfc3164 auth.crit time=2026-10-11T22:14:15.000000000 host=mymachine program=su"
       " msg='su root' failed for lonvick on /dev/pts/8"},
      {"<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!",
       "Rfc3164 user.notice time=2026-02-05T17:32:18.000000000 host=10.0.0.99 msg=Use the BFG!"},
  });
}

TEST(SyslogHeader, ReadsRfc5424WithoutPriOnlyWithATime) {
  expect_parsed({
      {"1 2003-10-11T22:14:15Z h p 1 - - text",
       "Rfc5424 time=2003-10-11T22:14:15.000000000 host=h program=p pid=1 msg=text"},
      {"1 2003-10-11T22:14:15Z - - - - -", "Rfc5424 time=2003-10-11T22:14:15.000000000 msg="},
      {"<0>1 - - - - - -", "Rfc5424 kern.emerg msg="},
      {"<191>1 - - - - - - ", "Rfc5424 local7.debug msg="},
  });
  expect_none({"1 - h p 1 - - text", "1 - - - - -", "1 ", "1"});
}

TEST(SyslogHeader, ReadsStructuredDataWithItsEscapes) {
  const std::string before = "<0>1 - - - - - ";
  for (const std::string data :
       {R"([a])", R"([a b=""])", R"([a b="\\"])", R"([a b="\""])", R"([a b="\]"])", R"([a b="]"])",
        R"([a b="\n \x"])", R"([a b="1" b="2"][c@1 d="e"])", "[a b=\"\xff \xc3\xa9\x01\"]"}) {
    EXPECT_EQ(parsed(before + data), "Rfc5424 kern.emerg sd=" + data + " msg=") << data;
    EXPECT_EQ(parsed(before + data + " [x]"), "Rfc5424 kern.emerg sd=" + data + " msg=[x]") << data;
  }
  for (const std::string data :
       {"", "[", "[]", "[ ]", "[a", "[a ]", "[a b]", "[a b=]", "[a b=\"]", "[a b=\"\\\"]",
        "[a b=\"1\"c=\"2\"]", "[a  b=\"1\"]", "[a b=\"1\" ]", "[a=b]", "[a b=\"1\"", "[a]x", "--", "-x"}) {
    EXPECT_EQ(parsed(before + data), "None kern.emerg msg=1 - - - - - " + data) << data;
  }
}

TEST(SyslogHeader, KeepsThePriorityOfWhatElseIsUnknown) {
  expect_parsed({
      {"<13>no date, no tag", "None user.notice msg=no date, no tag"},
      {"<13>sshd[1]: no date", "None user.notice msg=sshd[1]: no date"},
      {"<13>", "None user.notice msg="},
      {"<13>1 2003-10-11T22:14:15Z h p 1 -", "None user.notice msg=1 2003-10-11T22:14:15Z h p 1 -"},
      {"<13>2 2003-10-11T22:14:15Z h p 1 - - x", "None user.notice msg=2 2003-10-11T22:14:15Z h p 1 - - x"},
      {"<13> Oct 11 22:14:15 h p: x", "None user.notice msg= Oct 11 22:14:15 h p: x"},
      {"<13><13>x", "None user.notice msg=<13>x"},
  });
}

TEST(SyslogHeader, TakesNothingForAPriorityThatIsNone) {
  expect_none({"<192>x", "<00>x", "<01>x", "<013>x", "<1x", "<>x", "<", "<1", "<-1>x", "<+1>x", "< 1>x",
               "<1 >x", "<1234>x", "<0x1>x", "<18446744073709551617>x"});
  expect_parsed({{"<0>x", "None kern.emerg msg=x"}, {"<191>x", "None local7.debug msg=x"}});
}

TEST(SyslogHeader, TakesNoOtherLineForAHeader) {
  expect_none({
      "",
      "x",
      "Oct",
      "Oct 11 22:14:15",
      "oct 11 22:14:15 host p: x",
      "Okt 11 22:14:15 host p: x",
      "Oct 11 22.14.15 host p: x",
      "Oct 11 22:14:15. host p: x",
      "Oct 11 22:14:15:x",
      "Feb 29 2003 22:14:15 host p: x",
      "237: *Jan  8 10:00:00 no colon",
      "237: 12: 13: 14: Jan  8 10:00:00: x",
      "R1: Jan  8 10:00:00: x",
      "237: x",
      "237:",
      "*",
      "*: x",
      "Oct 11 22:14:15.0123456789 host p: x",
      "2003-10-11 22:14:15,123 INFO x: y",
      "2003-10-11T22:14:15 host p: x",
      "2003-10-11T22:14:15Z",
      "2003-10-11T22:14:15Zhost p: x",
      "2003-10-11t22:14:15z host p: x",
      "2026 Nov 21 22:48:54 vm root: ts-format(full)",
      "1795301334 vm root: ts-format(unix)",
      "{\"time\": \"2003-10-11T22:14:15Z\"}",
      "[   12.345678] usb 1-1: new device",
  });
}

TEST(SyslogHeader, TakesNoWordOfAMessageForAField) {
  const std::string at = "Rfc3164 time=2026-11-21T22:48:54.000000000 ";
  expect_parsed({
      {R"(Nov 21 22:48:54 vm {"level": "info"})", at + R"(host=vm msg={"level": "info"})"},
      {R"(Nov 21 22:48:54 {"level": "info"})", at + R"(msg={"level": "info"})"},
      {"Nov 21 22:48:54 vm http://x.example/ is down", at + "host=vm msg=http://x.example/ is down"},
      {"Nov 21 22:48:54 vm [1]: x", at + "host=vm msg=[1]: x"},
      {"Nov 21 22:48:54 vm : x", at + "host=vm msg=: x"},
      {"Nov 21 22:48:54 vm a[1 x", at + "host=vm msg=a[1 x"},
      {"Nov 21 22:48:54 vm a[1] x", at + "host=vm msg=a[1] x"},
      {"Nov 21 22:48:54 vm a[b c]: x", at + "host=vm msg=a[b c]: x"},
      {"Nov 21 22:48:54 vm a[]: x", at + "host=vm program=a msg=x"},
      {"Nov 21 22:48:54 vm a[b]c: x", at + "host=vm program=a[b]c msg=x"},
      {"Nov 21 22:48:54 vm p:  two blanks", at + "host=vm program=p msg= two blanks"},
      {"Nov 21 22:48:54 vm p:", at + "host=vm program=p msg="},
      {"Nov 21 22:48:54 vm ", at + "host=vm msg="},
      {"Nov 21 22:48:54 vm", at + "msg=vm"},
      {"Nov 21 22:48:54 ", at + "msg="},
      {"Nov 21 22:48:54  vm p: x", at + "msg= vm p: x"},
      {"Nov 21 22:48:54 it's a message", at + "msg=it's a message"},
      {"Nov 21 22:48:54 fe80::1%eth0 p: x", at + "host=fe80::1%eth0 program=p msg=x"},
      {"Nov 21 22:48:54 vm -bash[7]: x", at + "host=vm program=-bash pid=7 msg=x"},
      {"Nov 21 22:48:54 vm %ASA-6-302013: Built", at + "host=vm program=%ASA-6-302013 msg=Built"},
      {"Nov 21 22:48:54 " + std::string(256, 'h') + " x", at + "msg=" + std::string(256, 'h') + " x"},
      // Many programs begin their lines with such a time; a host there is sure only before a tag.
      {"2026-11-21T22:48:54Z INFO starting up",
       "Iso time=2026-11-21T22:48:54.000000000 msg=INFO starting up"},
      {"2026-11-21T22:48:54Z p[1]: x", "Iso time=2026-11-21T22:48:54.000000000 program=p pid=1 msg=x"},
      {"2026-11-21T22:48:54+0000 vm p[1]: journalctl -o short-iso",
       "Iso time=2026-11-21T22:48:54.000000000 host=vm program=p pid=1 msg=journalctl -o short-iso"},
  });
}

// The year and the zone, wherever they stand, are neither the host nor a part of the message.
TEST(SyslogHeader, ReadsTimesWithAYearOrAZone) {
  expect_parsed({
      {"<14>Nov 8 10:00:00 h p: x",
       "Rfc3164 user.info time=2026-11-08T10:00:00.000000000 host=h program=p msg=x"},
      {"<14>Nov  8 10:00:00 CET h p: x",
       "Rfc3164 user.info time=2026-11-08T09:00:00.000000000 host=h program=p msg=x"},
      {"<14>Nov  8 10:00:00 2024 h p: x",
       "Rfc3164 user.info time=2024-11-08T10:00:00.000000000 host=h program=p msg=x"},
      {"Nov  8 10:00:00 EST 2024 h p[1]: x",
       "Rfc3164 time=2024-11-08T15:00:00.000000000 host=h program=p pid=1 msg=x"},
      {"Nov 8 10:00:00.25 +0530 p: x", "Rfc3164 time=2026-11-08T04:30:00.250000000 program=p msg=x"},
      {"Nov  8 2024 10:00:00 UTC h p: x",
       "Rfc3164 time=2024-11-08T10:00:00.000000000 host=h program=p msg=x"},
      // Other words are hosts.
      {"Nov  8 10:00:00 WEB p: x", "Rfc3164 time=2026-11-08T10:00:00.000000000 host=WEB program=p msg=x"},
      {"Nov  8 10:00:00 CETUS p: x", "Rfc3164 time=2026-11-08T10:00:00.000000000 host=CETUS program=p msg=x"},
      {"Nov  8 10:00:00 10.0.0.7 p: x",
       "Rfc3164 time=2026-11-08T10:00:00.000000000 host=10.0.0.7 program=p msg=x"},
      {"Nov  8 10:00:00 20245 p: x", "Rfc3164 time=2026-11-08T10:00:00.000000000 host=20245 program=p msg=x"},
      {"Nov  8 10:00:00 CET: x", "Rfc3164 time=2026-11-08T09:00:00.000000000 msg=x"},
      // Cisco
      {"<189>237: *Jan  8 10:00:00.123: %SYS-5-CONFIG_I: Configured from console",
       "Rfc3164 local7.notice time=2026-01-08T10:00:00.123000000 program=%SYS-5-CONFIG_I msg=Configured from "
       "console"},
      {"<189>237: 000012: R1: .Jan 8 10:00:00.123 UTC: %LINK-3-UPDOWN: down",
       "Rfc3164 local7.notice time=2026-01-08T10:00:00.123000000 host=R1 program=%LINK-3-UPDOWN msg=down"},
      {"<189>*Jan  8 10:00:00: no tag",
       "Rfc3164 local7.notice time=2026-01-08T10:00:00.000000000 msg=no tag"},
      {"Oct 11 22:14:15: cisco", "Rfc3164 time=2026-10-11T22:14:15.000000000 msg=cisco"},
      {"<166>Nov 08 2024 10:00:00 asa1 : %ASA-6-302013: Built",
       "Rfc3164 local4.info time=2024-11-08T10:00:00.000000000 host=asa1 program=%ASA-6-302013 msg=Built"},
      {"<166>Nov 08 2024 10:00:00: %ASA-6-302013: Built",
       "Rfc3164 local4.info time=2024-11-08T10:00:00.000000000 program=%ASA-6-302013 msg=Built"},
  });
}

std::string without_backquotes(std::string cell) {
  const auto not_code = [](char c) { return c == '`' || c == ' '; };
  while (!cell.empty() && not_code(cell.front())) cell.erase(0, 1);
  while (!cell.empty() && not_code(cell.back())) cell.pop_back();
  return cell;
}

// docs/records.md has the table of what is read of which tag: it is so.
TEST(SyslogHeader, ReadsTagsAsThePageSays) {
  std::ifstream page(SLURPER_SOURCE_DIR "/docs/records.md");
  std::size_t rows = 0;
  bool in_table = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| line | host |")) in_table = true;
    if (!line.starts_with("|")) in_table = false;
    if (!in_table || !line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    for (std::size_t begin = 2, end = 0; (end = line.find(" |", begin - 1)) != std::string::npos;
         begin = end + 3)
      cells.push_back(without_backquotes(line.substr(begin, std::max(end, begin) - begin)));
    ASSERT_EQ(cells.size(), 5U) << line;
    SyslogHeader header;
    parse_syslog_header(cells[0], kArrival, header);
    EXPECT_EQ(header.host, cells[1]) << line;
    EXPECT_EQ(header.program, cells[2]) << line;
    EXPECT_EQ(header.pid, cells[3]) << line;
    EXPECT_EQ(header.message, cells[4]) << line;
    EXPECT_NE(header.format, HeaderFormat::None) << line;
    EXPECT_TRUE(header.timestamp) << line;
    ++rows;
  }
  EXPECT_GE(rows, 32U);
}

TEST(SyslogHeader, TakesAnyBytes) {
  using namespace std::string_literals;
  expect_parsed({
      {"<13>Nov 21 22:48:54 vm p: a\0b\xff\x1b[31m"s,
       "Rfc3164 user.notice time=2026-11-21T22:48:54.000000000 host=vm program=p msg=a\0b\xff\x1b[31m"s},
      {"Nov 21 22:48:54 vm p\0: x"s, "Rfc3164 time=2026-11-21T22:48:54.000000000 host=vm msg=p\0: x"s},
      {"Nov 21 22:48:54 v\0m p: x"s, "Rfc3164 time=2026-11-21T22:48:54.000000000 msg=v\0m p: x"s},
      {"Nov 21 22:48:54 vm pr\xc3\xb6g: x",
       "Rfc3164 time=2026-11-21T22:48:54.000000000 host=vm program=pr\xc3\xb6g msg=x"},
      {"<0>1 - h\0 p 1 - - x"s, "None kern.emerg msg=1 - h\0 p 1 - - x"s},
      {"<0>1 - h p\t 1 - - x", "None kern.emerg msg=1 - h p\t 1 - - x"},
      {"\0"s, "None msg=\0"s},
  });
}

TEST(SyslogHeader, ForgetsWhatWasThereBefore) {
  SyslogHeader header;
  parse_syslog_header("<13>1 2003-10-11T22:14:15Z h p 1 id [a] text", kArrival, header);
  EXPECT_EQ(header.host, "h");
  parse_syslog_header("other", kArrival, header);
  EXPECT_EQ(shown(header), "None msg=other");
}

TEST(SyslogHeader, ViewsPointIntoTheLine) {
  const std::string line = R"(<13>1 2003-10-11T22:14:15Z h p 1 id [a b="c"] text)";
  SyslogHeader header;
  parse_syslog_header(line, kArrival, header);
  for (const std::string_view field :
       {header.host, header.program, header.pid, header.message_id, header.structured_data, header.message}) {
    ASSERT_FALSE(field.empty());
    EXPECT_GE(field.data(), line.data());
    EXPECT_LE(field.data() + field.size(), line.data() + line.size());
  }
}

}  // namespace
}  // namespace slurper
