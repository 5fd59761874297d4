#include "trace/view/capture_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "support/files.h"
#include "trace/eventful_capture.h"
#include "trace/scap/scap_writer.h"

namespace slurper {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using testing::HasSubstr;
using testing::Not;

std::string filtered(std::string_view capture, const std::string& filter) {
  Model model;
  CaptureFilter kept(*TraceFilter::compile(filter, trace_fields(), Dialect::Events), model);
  ScapReader reader(CaptureInput(file_of(capture), "capture"), [](const Damage&) {});
  std::string out;
  while (const auto block = reader.next()) {
    const std::optional<ScapEvent> raw = holds_event(block->type) ? event_in(*block) : std::nullopt;
    TraceEvent event;
    if (!raw) {
      (void)model.take_table(*block);
      append_block(out, block->type, block->body);
    } else if (model.take(*raw, event)) {
      kept.take(*block, event, out);
      model.finish(event);
    }
  }
  return out;
}

// What is shown of the events that match is what was shown of them among all others.
void expect_same_lines(std::string_view capture) {
  for (const std::string filter :
       {"evt.type=read", "evt.type=write", "evt.dir=>", "evt.dir=<", "evt.num >= 0", "evt.num < 0",
        "fd.name contains a", "evt.rawres < 0", "proc.pid = 6", "evt.latency > 0",
        "evt.type=close and evt.dir=<", "blocked = true", "evt.type in (clone, execve, procexit)"}) {
    const std::string out = filtered(capture, filter);
    for (const ViewMode mode : {ViewMode::Lines, ViewMode::Json}) {
      const std::string format(kEverything);
      const std::string live = show(capture, {.filter = filter, .format = format, .mode = mode}).lines;
      const Shown shown = show(out, {.format = format, .mode = mode});
      EXPECT_EQ(shown.lines, live) << filter;
      EXPECT_TRUE(shown.damage.empty());
    }
  }
}

TEST(CaptureFilter, WhatItKeepsIsShownAsAmongAllEvents) {
  expect_same_lines(eventful().bytes());
  for (const char* const file : {"world.scap", "own.scap"})
    expect_same_lines(read_file(std::string(SLURPER_CAPTURES "/") + file));
}

TEST(CaptureFilter, LeavesOutWhatNeitherMatchesNorTells) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).file(5, 3, "/a");
  for (int i = 0; i < 1000; ++i) capture.event(5, 8, {i64(3), u32(1)}).event(5, 9, {i64(1), "secret"});
  const std::size_t tables = filtered(capture.bytes(), "evt.num < 0").size();
  EXPECT_LT(tables, 1000U);
  EXPECT_THAT(filtered(capture.bytes(), "evt.num = 2"), HasSubstr("secret"));
  EXPECT_LT(filtered(capture.bytes(), "evt.num = 2").size(), tables + 200);
}

// A call that was left out is none that has not ended, nor is one of which the end alone matches.
TEST(CaptureFilter, AnEndBringsItsBeginning) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).file(5, 3, "/a");
  capture.event(5, kBlockedEvent, {u8(kWasUnderWay)}).event(5, 8, {i64(3), u32(1)});
  capture.event(5, kWakerEvent, {i64(7), i64(7), text("cat")}).event(5, 9, {i64(-32), "x"});
  capture.event(5, 6, {i64(3), u32(1)}).event(5, 2, {text("/b"), u32(1), u32(0)});
  const std::string out = filtered(capture.bytes(), "evt.res = EPIPE");
  EXPECT_EQ(show(out, {.format = "%evt.type %fd.name %evt.latency %waker.name %blocked"}).lines,
            "write /a 2000 cat true\n");
  const std::string calls = show(out, {.mode = ViewMode::Calls}).lines;
  EXPECT_THAT(calls, HasSubstr("write(fd=3(<f>/a) size=1 data=x) = -32(EPIPE) <0.000002000>\n"));
  EXPECT_THAT(calls, Not(HasSubstr("unfinished")));
  EXPECT_THAT(
      show(filtered(capture.bytes(), "evt.type = open and evt.dir = >"), {.mode = ViewMode::Calls}).lines,
      HasSubstr("open(name=/b flags=1(O_RDONLY) mode=0 <unfinished ...>\n"));
}

// Once, and whatever the filter is.
TEST(CaptureFilter, KeepsWhatSaysThatNotAllIsSeen) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).file(5, 3, "/a");
  capture.event(5, 160, {u64(0), u64(4096), u32(3), u32(1), i64(3), u64(0)});
  capture.event(5, 161, {i64(4096), u32(0), u32(0), u32(0)});
  for (int i = 0; i < 9; ++i) {
    capture.event(5, 0, {u16(0), u16(426)}).event(5, 1, {u16(0)});
    capture.event_at_once(5, kResultEvent, {i64(1), u64(700)});
  }
  capture.event(9, kDropsEvent, {u16(1), u64(17)});
  capture.event(5, 8, {i64(3), u32(1)}).event(5, 9, {i64(1), "x"});
  const std::string out = filtered(capture.bytes(), "evt.type = write");
  EXPECT_THAT(show(out).lines, HasSubstr("unseen mapping=/a: "));
  EXPECT_THAT(show(out).lines, HasSubstr("drops cpu=1 lost=17"));
  EXPECT_THAT(show(out).lines, Not(HasSubstr("result call=io_uring_enter")));
  const Shown all = show(out, {.format = "%evt.num", .with_own_events = false});
  EXPECT_EQ(all.lines, "5\n6\n") << "of the nine calls, one is kept";
}

// Else a reader of the capture would take it for all that went through the pipe.
TEST(CaptureFilter, DoesNotSayThatAllUsersOfAPipeAreRecorded) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).event(0, kScopeEvent, {u64(0)});
  capture.event(5, 60).event(5, 61, {i64(0), i64(3), i64(4), u64(9)});
  for (const int fd : {3, 4}) capture.event_at_once(5, kPipeKindEvent, {i64(fd), u64(9), u32(0)});
  capture.event(5, 8, {i64(4), u32(2)}).event(5, 9, {i64(2), "a\n"});
  capture.event(5, 6, {i64(3), u32(9)}).event(5, 7, {i64(2), "a\n"});
  EXPECT_THAT(show(capture.bytes(), {.mode = ViewMode::Bytes}).lines, Not(HasSubstr("unsure")));
  const std::string out = filtered(capture.bytes(), "evt.type in (read, write)");
  EXPECT_EQ(show(out, {.mode = ViewMode::Bytes}).lines,
            "line 1 of pipe 9 (2 bytes at 0): app (5) fd 4 -> app (5) fd 3; unsure: a process that is not "
            "recorded may use the pipe, too\n");
}

}  // namespace
}  // namespace slurper
