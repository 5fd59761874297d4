#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "support/text_of.h"
#include "trace/own_events.h"
#include "trace/trace_site.h"

namespace slurper {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using testing::HasSubstr;
using testing::Not;

// Reads of 3 and writes to 4, of which the last fails.
CaptureBuilder sample() {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"})
      .file(5, 3, "/etc/hosts")
      .fd(5, 4, FdType::Fifo, sized("/run/x"));
  capture.event(5, 6, {i64(3), u32(10)}).event(5, 7, {i64(3), "a\nb"});
  capture.event(5, 8, {i64(4), u32(8)});
  capture.event(5, 9, {i64(-32), std::string("\1\5\0\1", 4)});
  return capture;
}

std::string line(const CaptureBuilder& capture, int number, const ViewOptions& options = {}) {
  return show(capture,
              {.filter = "evt.num=" + std::to_string(number), .format = "%evt.info", .options = options})
      .lines;
}

TEST(TraceView, AFormatLeavesOutWhatLacksAField) {
  EXPECT_EQ(show_as(sample(), "%evt.num %evt.res"), "2 SUCCESS\n4 EPIPE\n");
  EXPECT_EQ(show_as(sample(), "*%evt.num %evt.res"), "1 <NA>\n2 SUCCESS\n3 <NA>\n4 EPIPE\n");
}

TEST(TraceView, AFormatHasArgumentsAndPercentSigns) {
  EXPECT_EQ(show_as(sample(), "%evt.arg.fd, %evt.arg[1]: 100%% of %proc.name.", "evt.num=1"),
            "<f>/etc/hosts, 10: 100% of app.\n");
}

TEST(TraceView, AFormatNamesTheFieldThatItDoesNotKnow) {
  for (const auto& [format, expected] : std::vector<std::pair<std::string, std::string>>{
           {"%evt.nun",
            "cannot accept the format '%evt.nun': there is no field 'evt.nun'. Did you mean 'evt.num'?"},
           {"100 %", "cannot accept the format '100 %': there is no field ''"},
           {"%fd.ip", "cannot accept the format '%fd.ip': there is no field 'fd.ip'"},
           {"%evt.arg", "cannot accept the format '%evt.arg': there is no field 'evt.arg'"}}) {
    const auto parsed = LineFormat::parse(format);
    ASSERT_FALSE(parsed) << format;
    EXPECT_THAT(test::text_of(parsed.error()), testing::StartsWith(expected));
  }
}

TEST(TraceView, DataHasItsStyles) {
  EXPECT_EQ(line(sample(), 2), "res=3 data=a.b \n");
  EXPECT_EQ(line(sample(), 2, {.data = DataStyle::Ascii}), "res=3 data=\na\nb \n");
  EXPECT_EQ(line(sample(), 2, {.data = DataStyle::Hex}), "res=3 data=\n\t0x0000: 610a 62\n \n");
  EXPECT_EQ(line(sample(), 4, {.data = DataStyle::HexAscii}),
            "res=-32(EPIPE) data=\n\t0x0000: 0105 0001" + std::string(32, ' ') + "....\n \n");
  EXPECT_EQ(line(sample(), 4, {.data = DataStyle::Base64}), "res=-32(EPIPE) data=AQUAAQ== \n");
}

TEST(TraceView, LongDataIsCut) {
  CaptureBuilder capture;
  capture.event(5, 9, {i64(200), std::string(200, 'x')});
  EXPECT_EQ(line(capture, 1), "res=200 data=" + std::string(77, 'x') + "... \n");
  EXPECT_EQ(line(capture, 1, {.max_data = 0}), "res=200 data=" + std::string(200, 'x') + " \n");
}

TEST(TraceView, TimesHaveTheirStyles) {
  const auto times = [](TimeStyle style) {
    return show(sample(), {.format = "%evt.outputtime", .options = {.time = style}, .max_events = 2}).lines;
  };
  EXPECT_EQ(times(TimeStyle::Epoch), "1790000000.000001000\n1790000000.000002000\n");
  EXPECT_EQ(times(TimeStyle::SinceStart), "0.000000000\n0.000001000\n");
  EXPECT_EQ(times(TimeStyle::Latency), "0.000000000\n0.000001000\n");
  EXPECT_EQ(times(TimeStyle::SincePrevious), "0.000000000\n0.000001000\n");
  EXPECT_THAT(times(TimeStyle::Clock), testing::ContainsRegex("^..:..:20.000001000\n..:..:20.000002000\n$"));
}

TEST(TraceView, EndsAfterAsManyMatchesAsAskedFor) {
  EXPECT_EQ(show(sample(), {.filter = "evt.dir=<", .format = "%evt.num", .max_events = 1}).lines, "2\n");
}

// A file name can't give orders to a terminal, nor make a line of its own.
TEST(TraceView, NamesFromOutsideAreEscaped) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "a\x1b[31m"}).file(5, 3, "/tmp/\n\x1b]0;x\a\xc2\x9b");
  capture.event(5, 6, {i64(3), u32(1)}).event(5, 301, {i64(-2), text("/x\ry")});
  const std::string lines = show(capture).lines;
  EXPECT_THAT(lines,
              HasSubstr("a\\x1b[31m (5) > read fd=3(<f>/tmp/\\x0a\\x1b]0;x\\x07\\xc2\\x9b) size=1 \n"));
  EXPECT_THAT(lines, HasSubstr("path=/x\\x0dy "));
}

TEST(TraceView, JsonIsJson) {
  CaptureBuilder capture = sample();
  capture.file(5, 7, "/tmp/\"\x1b\xff").event(5, 6, {i64(7), u32(1)});
  capture.event(5, kPipeEvent, {i64(4), u64(9), u32(16), u32(16), u32(0), u32(1)});
  const std::string lines = show(capture, {.mode = ViewMode::Json}).lines;
  std::vector<nlohmann::json> objects;
  for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1)
    objects.push_back(nlohmann::json::parse(lines.substr(at, lines.find('\n', at) - at)));
  ASSERT_EQ(objects.size(), 6U);
  EXPECT_EQ(objects[1]["evt.num"], 2);
  EXPECT_EQ(objects[1]["evt.outputtime"], CaptureBuilder::kBegin + 2000);
  EXPECT_EQ(objects[1]["evt.info"], "res=3 data=a.b ");
  EXPECT_EQ(objects[4]["evt.info"], "fd=7(<f>/tmp/\"\\x1b\\xff) size=1 ");
  EXPECT_EQ(objects[5]["slurper.event"], "pipe");
  EXPECT_EQ(objects[5]["slurper.info"], "fd=4(<p>/run/x) slots=16/16 readers=0 writers=1");
  EXPECT_EQ(
      show(sample(),
           {.filter = "evt.num=4", .format = "%evt.failed %evt.rawres %evt.res", .mode = ViewMode::Json})
          .lines,
      "{\"evt.failed\":true,\"evt.rawres\":-32,\"evt.res\":\"EPIPE\"}\n");
}

TEST(TraceView, CallsAreOneLine) {
  CaptureBuilder capture = sample();
  capture.event(5, 306, {i64(-100), text("/a"), u32(1), u32(0)});
  capture.event(5, 307, {i64(6), i64(-100), text("/a"), u32(1), u32(0), u32(5)});
  capture.event(5, 4, {i64(6)}).event(5, 5, {i64(0)}).event(5, 0, {u16(72), u16(74)}).event(5, 1, {u16(72)});
  capture.event(5, 232, {i64(5), i64(5), u8(15)}).event(5, 7, {i64(1), "x"}).event(5, 6, {i64(3), u32(10)});
  const std::string lines = show(capture, {.mode = ViewMode::Calls}).lines;
  for (const char* expected : {
           "app (5) read(fd=3(<f>/etc/hosts) size=10 data=a.b) = 3 <0.000001000>\n",
           "app (5) write(fd=4(<p>/run/x) size=8 data=....) = -32(EPIPE) <0.000001000>\n",
           "app (5) openat(dirfd=-100(AT_FDCWD) name=/a flags=1(O_RDONLY) mode=0 dev=5) = 6(<f>/a) "
           "<0.000001000>\n",
           "app (5) close(fd=6(<f>/a)) = 0 <0.000001000>\n",
           "app (5) fsync() <0.000001000>\n",
           "app (5) > signaldeliver spid=5(app) dpid=5(app) sig=15(SIGTERM) \n",
           "app (5) read(data=x) = 1\n",
           "app (5) read(fd=3(<f>/etc/hosts) size=10 <unfinished ...>\n",
       })
    EXPECT_THAT(lines, HasSubstr(expected));
}

// sysdig's event of an fsync has neither its descriptor nor its result.
TEST(TraceView, ACallHasItsResultFromTheEventBehindIt) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"})
      .file(5, 3, "/a")
      .process({.tid = 6, .pid = 6, .name = "(b)"});
  const auto fsync = [&](std::int64_t tid) {
    capture.event(tid, 0, {u16(72), u16(74)}).event(tid, 1, {u16(72)});
  };
  fsync(5);
  capture.event(5, kResultEvent, {i64(-5), u64(9), u64(3), u64(0), u64(0), u64(0), u64(0), u64(0)});
  fsync(6);
  fsync(5);
  capture.event(6, kResultEvent, {i64(0), u64(9)});
  const std::string lines = show(capture, {.mode = ViewMode::Calls}).lines;
  EXPECT_THAT(lines, HasSubstr(" app (5) fsync(fd=3(<f>/a)) = -5(EIO) <0.000001000>\n"));
  EXPECT_THAT(lines, HasSubstr(" (b) (6) fsync() <0.000001000>\n"));
  EXPECT_THAT(lines, HasSubstr(" app (5) fsync() <0.000001000>\n# "));
  EXPECT_THAT(show(capture, {.mode = ViewMode::Calls, .with_own_events = false}).lines,
              HasSubstr(" app (5) fsync() <0.000001000>\n"));
  const std::string summary = show(capture, {.mode = ViewMode::Summary}).lines;
  EXPECT_THAT(summary, HasSubstr(" app (5) fsync(fd=3(<f>/a)) = -5(EIO) <0.000000009>\n"));
}

TEST(TraceView, OwnEventsAreLinesThatBeginWithAHash) {
  CaptureBuilder capture = sample();
  capture.event(5, kPipeEvent, {i64(4), u64(9), u32(16), u32(16), u32(0), u32(1)});
  capture.event(5, 0, {u16(0), u16(436)}).event(5, 1, {u16(0)}).event(5, kResultEvent, {i64(-22), u64(700)});
  capture.event(5, 0, {u16(72), u16(74)}).event(5, 1, {u16(72)});
  capture.event(5, kResultEvent, {i64(-5), u64(9), u64(3), u64(99), u64(0), u64(0), u64(0), u64(0)});
  capture.event(5, kCompatEvent, {u16(118)});
  capture.event(5, kIdentityEvent, {u32(0), u32(33), u32(0), u32(33), u32(0), u32(33), u32(0xffffffff)});
  capture.event(5, kUnreadEvent, {u64(77), u64(8)});
  capture.event(0, kDropsEvent, {u16(1), u64(17)});
  capture.event(5, kBlockedEvent).event(5, 8, {i64(4), u32(1)}).event(5, 0x80f0);
  const std::string lines = show(capture).lines;
  for (const char* expected : {
           " app (5) pipe fd=4(<p>/run/x) slots=16/16 readers=0 writers=1\n",
           " app (5) > close_range \n",
           " app (5) result call=close_range res=-22(EINVAL) latency=700\n",
           " app (5) result call=fsync fd=3(<f>/etc/hosts) res=-5(EIO) latency=9\n",
           " app (5) compat number=118 call=fsync\n",
           " app (5) identity ruid=0(root) euid=33(www-data) suid=0(root) fsuid=33(www-data) rgid=0(root) "
           "egid=33(www-data) loginuid=-1\n",
           " app (5) unread 8 bytes thrown away: socket 77 was closed\n",
           " 0 drops cpu=1 lost=17: names may be wrong until the tables are read anew\n",
           " app (5) blocked call=write\n",
           " app (5) unknown type=33008\n",
       })
    EXPECT_THAT(lines, HasSubstr(expected));
  const std::string as_sysdig = show(capture, {.with_own_events = false}).lines;
  EXPECT_THAT(as_sysdig, testing::Not(HasSubstr("#")));
  EXPECT_EQ(
      show(capture, {.filter = "evt.type=close_range", .format = "%evt.num", .with_own_events = false}).lines,
      "5\n6\n");
}

// A private mapping writes nothing to the file, and a failed one nothing at all.
TEST(TraceView, SaysOnceThatAProcessWritesWithoutCalls) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).file(5, 3, "/a");
  const auto map = [&](std::uint32_t flags, std::int64_t result) {
    capture.event(5, 160, {u64(0), u64(4096), u32(3), u32(flags), i64(3), u64(0)});
    capture.event(5, 161, {i64(result), u32(0), u32(0), u32(0)});
  };
  constexpr std::uint32_t kShared = 1;
  constexpr std::uint32_t kPrivate = 2;
  map(kPrivate, 4096);
  map(kShared, -12);
  EXPECT_THAT(show(capture).lines, testing::Not(HasSubstr("unseen")));
  map(kShared, 4096);
  map(kShared, 8192);
  for (const ViewMode mode : {ViewMode::Lines, ViewMode::Calls, ViewMode::Json, ViewMode::Summary}) {
    const std::string lines = show(capture, {.mode = mode}).lines;
    EXPECT_THAT(lines, HasSubstr("mapping=/a: what this process writes through memory makes no calls"));
    EXPECT_EQ(lines.find("mapping="), lines.rfind("mapping="));
  }
  EXPECT_THAT(show(capture, {.filter = "evt.num > 7"}).lines, HasSubstr(" app (5) unseen mapping=/a: "));
  EXPECT_THAT(show(capture, {.filter = "proc.name = other"}).lines, testing::IsEmpty());
}

// The file is mapped, and the rings of an io_uring are, since before the recording.
TEST(TraceView, SaysWhatAProcessDidBeforeTheRecording) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).file(5, 3, "/a");
  for (const char* const name : {"/tmp/\x1b", "/tmp/b", "anon_inode:[io_uring]", "anon_inode:[io_uring]"})
    capture.event_at_once(5, kMappingEvent, {text(name)});
  EXPECT_THAT(show(capture).lines, testing::IsEmpty());
  capture.event(5, 8, {i64(3), u32(1)}).event(5, 9, {i64(1), "x"});
  const std::string lines = show(capture).lines;
  EXPECT_THAT(lines, HasSubstr(" > write fd=3(<f>/a) size=1 \n# "));
  EXPECT_THAT(lines,
              HasSubstr(" app (5) unseen mapping=/tmp/\\x1b: what this process writes through memory"));
  EXPECT_THAT(lines, testing::Not(HasSubstr("/tmp/b")));
  EXPECT_THAT(lines, HasSubstr(" app (5) unseen io_uring: "));
  EXPECT_EQ(lines.find("io_uring"), lines.rfind("io_uring"));
}

// What was known of the pipe before is no news of the call that failed.
TEST(TraceView, TheStoryOfAFailureHasThePipeAsItWasThen) {
  CaptureBuilder capture = sample();
  capture.event(5, kPipeEvent, {i64(4), u64(9), u32(0), u32(16), u32(1), u32(2)});
  capture.event(5, 8, {i64(4), u32(1)}).event(5, 9, {i64(-32), "x"});
  EXPECT_THAT(show(capture, {.mode = ViewMode::Summary}).lines, testing::Not(HasSubstr("the pipe had")));
  capture.event(5, 8, {i64(4), u32(1)}).event(5, 9, {i64(-32), "x"});
  capture.event_at_once(5, kPipeEvent, {i64(4), u64(9), u32(3), u32(16), u32(0), u32(1)});
  EXPECT_THAT(show(capture, {.filter = "evt.res = EPIPE", .mode = ViewMode::Summary}).lines,
              HasSubstr("; the pipe had 3 of 16 slots in use, 0 readers, 1 writer\n"));
}

// A writer that has been blocked for an hour has made one call, which has not ended.
TEST(TraceView, TheSummaryCountsWhatHasNotEnded) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).fd(5, 4, FdType::Fifo, sized("/run/x"));
  capture.process({.tid = 6, .pid = 6, .name = "other"});
  capture.event(5, kBlockedEvent).event(5, 8, {i64(4), u32(1)});
  capture.pause(std::chrono::hours(1)).event(6, 4, {i64(9)});
  const std::string text = show(capture, {.filter = "proc.name = app", .mode = ViewMode::Summary}).lines;
  EXPECT_THAT(text,
              HasSubstr("        1       0            0            0 3600.000001000  app (5) 4 <p>/run/x\n"));
  EXPECT_THAT(text, HasSubstr("The calls that had not ended:\n"));
  EXPECT_THAT(text, HasSubstr(" write(fd=4(<p>/run/x) size=1 <unfinished ...> for 3600.000001000 s\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("close(")));
}

// Nothing else happens, and the recorder says when the recording ended.
TEST(TraceView, WhatHasNotEndedLastsToTheEndOfTheRecording) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).fd(5, 4, FdType::Fifo, sized("/run/x"));
  capture.event_at_once(5, kBlockedEvent, {u8(kWasUnderWay)}).event(5, 8, {i64(4), u32(1)});
  capture.pause(std::chrono::seconds(7)).event_at_once(0, kEndEvent, {});
  EXPECT_THAT(show(capture, {.mode = ViewMode::Summary}).lines,
              HasSubstr(" <unfinished ...> for 7.000000000 s\n"));
  EXPECT_THAT(show(capture).lines, testing::EndsWith(" app (5) blocked call=write\n"))
      << "no line of its own";
}

// Only a loss is shown whatever the filter is.
TEST(TraceView, OwnEventsFollowTheFilter) {
  CaptureBuilder capture = sample();
  capture.event(5, kUnreadEvent, {u64(77), u64(8)}).event(0, kDropsEvent, {u16(1), u64(17)});
  const std::string lines = show(capture, {.filter = "proc.pid=99"}).lines;
  EXPECT_THAT(lines,
              testing::MatchesRegex(
                  "# [^ ]* 0 drops cpu=1 lost=17: names may be wrong until the tables are read anew\n"));
}

TEST(TraceView, ThePipeOfADescriptorIsAFilter) {
  CaptureBuilder capture = sample();
  capture.event(5, kPipeEvent, {i64(4), u64(9), u32(8), u32(16), u32(2), u32(1)})
      .event(5, 8, {i64(4), u32(1)})
      .event(5, 9, {i64(1), "x"});
  EXPECT_EQ(show_as(capture, "%evt.num %pipe.slots %pipe.fill %pipe.readers %pipe.writers",
                    "pipe.fill >= 50 and evt.num = 5"),
            "5 8 50 2 1\n");
}

TEST(TraceView, ACallThatWasUnderWayIsBlockedAtBothItsEvents) {
  CaptureBuilder capture = sample();
  capture.event(5, kBlockedEvent, {u8(kWasUnderWay)});
  capture.event(5, 8, {i64(4), u32(1)}).event(5, 9, {i64(1), "x"});
  capture.event(5, 8, {i64(4), u32(1)}).event(5, 9, {i64(1), "x"});
  EXPECT_EQ(show_as(capture, "%evt.num", "blocked = true"), "5\n6\n");
}

// Until the recording ended, it was a call as others are.
TEST(TraceView, ACallThatSleepsToTheEndIsBlocked) {
  CaptureBuilder capture = sample();
  capture.event(5, 8, {i64(4), u32(1)}).event(5, kBlockedEvent, {u8(kStillSleeps)});
  capture.event(0, kEndEvent);
  EXPECT_THAT(show(capture, {.filter = "blocked = true", .mode = ViewMode::Calls}).lines,
              testing::EndsWith(" app (5) write(fd=4(<p>/run/x) size=1 <unfinished ...>\n"));
  EXPECT_THAT(show(capture).lines, testing::Not(HasSubstr("blocked")));
}

TEST(TraceView, TheSummaryCountsCallsBytesAndErrors) {
  CaptureBuilder capture = sample();
  capture.event(5, 188, {i64(4), i64(3), u64(0), u64(100)}).event(5, 189, {i64(50), u64(50)});
  capture.event(0, kDropsEvent, {u16(1), u64(17)});
  const std::string text = show(capture, {.mode = ViewMode::Summary}).lines;
  EXPECT_THAT(text, HasSubstr("6 events in 0.000005000 s\n17 records were lost"));
  EXPECT_THAT(text, HasSubstr("        3       1           53           50    0.000003000  app (5)\n"));
  EXPECT_THAT(text, HasSubstr("           53            0    0.000001000  app (5) 3 <f>/etc/hosts\n"));
  EXPECT_THAT(text, HasSubstr("            0           50    0.000002000  app (5) 4 <p>/run/x\n"));
  EXPECT_THAT(text, HasSubstr("The slowest calls:\n"));
  EXPECT_THAT(text, HasSubstr("= -32(EPIPE) <0.000001000>\n    opened before the recording began\n"));
}

// A thread may have a name of its own.
TEST(TraceView, TheSummaryHasOneNameForAProcess) {
  CaptureBuilder capture;
  constexpr std::uint32_t kThread = 128 | 8192;  // CLONE_FILES, CLONE_THREAD
  capture.process({.tid = 5, .pid = 5, .name = "app"});
  capture.process({.tid = 6, .pid = 5, .name = "worker", .flags = kThread});
  for (const std::int64_t tid : {5, 6})
    capture.event(tid, 2, {text("/a"), u32(1), u32(0)})
        .event(tid, 3, {i64(3), text("/a"), u32(1), u32(0), u32(0)})
        .event(tid, 8, {i64(3), u32(1)})
        .event(tid, 9, {i64(-32), "x"});
  const std::string text = show(capture, {.mode = ViewMode::Summary}).lines;
  EXPECT_THAT(text, HasSubstr("  app (5)\n\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("worker (5)")));
  EXPECT_THAT(text, testing::ContainsRegex("opened at [0-9:.]+ by app \\(5\\)"));
}

// Of a flood of them, one line is worth as much as all.
TEST(TraceView, CallsThatFailAlikeAreOneStory) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).fd(5, 4, FdType::Fifo, sized("/run/x"));
  for (int i = 0; i < 1000; ++i) {
    capture.event(5, 8, {i64(4), u32(1)}).event(5, 9, {i64(-11), "x"});
    capture.event(5, 0, {u16(72), u16(74)}).event(5, 1, {u16(72)});
    capture.event_at_once(5, kResultEvent, {i64(-22), u64(9), u64(4)});
  }
  capture.event(5, 8, {i64(4), u32(1)}).event(5, 9, {i64(-32), "x"});
  for (const char* const path : {"/a", "/a", "/b"})
    capture.event(5, 2, {text(path), u32(1), u32(0)})
        .event(5, 3, {i64(-2), text(path), u32(1), u32(0), u32(0)});
  const std::string text = show(capture, {.mode = ViewMode::Summary}).lines;
  const std::string failed = text.substr(text.find("The failed calls:\n"));
  std::string clocks;
  for (std::string_view rest = failed; !rest.empty(); rest.remove_prefix(1)) {
    const bool is_time = rest.size() > 18 && rest[2] == ':' && rest[5] == ':' && rest[8] == '.';
    if (is_time) {
      clocks += "TIME";
      rest.remove_prefix(17);
    } else {
      clocks += rest.front();
    }
  }
  EXPECT_EQ(clocks,
            "The failed calls:\n"
            "1 TIME 0 app (5) write(fd=4(<p>/run/x) size=1 data=x) = -11(EAGAIN) <0.000001000>\n"
            "    the first of 1000 such calls; the last ended at TIME\n"
            "    opened before the recording began\n"
            "3 TIME 0 app (5) fsync(fd=4(<p>/run/x)) = -22(EINVAL) <0.000000009>\n"
            "    the first of 1000 such calls; the last ended at TIME\n"
            "    opened before the recording began\n"
            "4001 TIME 0 app (5) write(fd=4(<p>/run/x) size=1 data=x) = -32(EPIPE) <0.000001000>\n"
            "    opened before the recording began\n"
            "4003 TIME 0 app (5) open(name=/a flags=1(O_RDONLY) mode=0 dev=0) = -2(ENOENT) <0.000001000>\n"
            "    the first of 2 such calls; the last ended at TIME\n"
            "4007 TIME 0 app (5) open(name=/b flags=1(O_RDONLY) mode=0 dev=0) = -2(ENOENT) <0.000001000>\n");
}

// A program that starts looks for a hundred files that are not there.
TEST(TraceView, TheFailureThatMattersIsNotHiddenByFilesThatAreNotThere) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).fd(5, 4, FdType::Fifo, sized("/run/x"));
  for (int i = 0; i < 100; ++i) {
    const std::string path = "/no/" + std::to_string(i);
    capture.event(5, 2, {text(path), u32(1), u32(0)})
        .event(5, 3, {i64(-2), text(path), u32(1), u32(0), u32(0)});
  }
  capture.event(5, 8, {i64(4), u32(1)}).event(5, 9, {i64(-32), "x"});
  const std::string shown = show(capture, {.mode = ViewMode::Summary}).lines;
  EXPECT_THAT(shown, HasSubstr("app (5) write(fd=4(<p>/run/x) size=1 data=x) = -32(EPIPE)"));
  EXPECT_THAT(shown, HasSubstr("(name=/no/48 "));
  EXPECT_THAT(shown, Not(HasSubstr("(name=/no/49 ")));
  EXPECT_THAT(shown, HasSubstr("\nand 51 more failed calls\n"));
}

TEST(TraceView, AFailedCallHasTheStoryOfItsDescriptor) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "client", .uid = 33})
      .process({.tid = 6, .pid = 6, .name = "server"});
  capture.event(5, 18, {u32(1), u32(1), u32(0)}).event(5, 19, {i64(3)});
  capture.event(5, 22, {i64(3), u8(1) + text("/s")}).event(5, 23, {i64(0), unix_tuple(0xa1, 0xb2, "/s")});
  capture.event(6, 246).event(6, 247, {i64(4), unix_tuple(0xa1, 0xb2, "/s"), u8(0), u32(0), u32(5)});
  capture.event(5, 8, {i64(3), u32(1)}).event(5, 9, {i64(-11), ""});
  capture.event(6, 4, {i64(4)}).event(6, 5, {i64(0)});
  capture.event(5, 8, {i64(3), u32(1)}).event(5, 9, {i64(-32), ""});
  const std::string text = show(capture, {.mode = ViewMode::Summary}).lines;
  EXPECT_THAT(text, HasSubstr("by client (5), uid 33; at the other end: server (6)\n"));
  EXPECT_THAT(text, HasSubstr("by client (5), uid 33; the capture does not know who is at the other end\n"));
  EXPECT_THAT(text, HasSubstr(" by server (6) fd 4\n"));
}

TEST(TraceFields, AFilterNamesTheNearestField) {
  const auto filter = TraceFilter::compile("proc.namee = x", trace_fields(), Dialect::Events);
  ASSERT_FALSE(filter);
  EXPECT_THAT(test::text_of(filter.error().finding()), HasSubstr("there is no field 'proc.namee'"));
  EXPECT_EQ(test::text_of(filter.error().advice), "Did you mean 'proc.name'?");
}

TEST(TraceFields, EachHasHelpAndAnAccessor) {
  CaptureBuilder capture = sample();
  for (const Field& field : trace_fields().table()) {
    EXPECT_FALSE(field.help.empty()) << field.name;
    EXPECT_LE(field.help.size(), 100U) << field.name;
    const int accessors = (field.text != nullptr) + (field.texts != nullptr) + (field.number != nullptr) +
                          (field.numbers != nullptr);
    EXPECT_EQ(accessors, 1) << field.name;
  }
}

}  // namespace
}  // namespace slurper
