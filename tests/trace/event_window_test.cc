#include "trace/model/event_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trace/eventful_capture.h"
#include "trace/own_events.h"

namespace slurper {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::uint64_t kPlenty = 1 << 30;

struct Written {
  std::string capture;
  bool is_cut = false;
  std::uint64_t length = 0;
};

Written through_window(std::string_view capture, const EventWindow::Limits& limits) {
  EventWindow window(limits);
  ScapReader reader(CaptureInput(file_of(capture), "capture"), [](const Damage&) {});
  while (const auto block = reader.next()) window.take(*block);
  Written written{.capture = {}, .is_cut = window.is_cut(), .length = window.length()};
  EXPECT_TRUE(window.write([&](std::string_view bytes) {
    written.capture += bytes;
    return true;
  }));
  return written;
}

TEST(EventWindow, ACaptureThatBeginsLaterShowsTheSameOfEachEvent) {
  const CaptureBuilder whole = eventful();
  const How how{.format = std::string(kEverything), .with_own_events = false};
  const std::vector<std::string> all = lines_of(show(whole, how).lines);
  ASSERT_GT(all.size(), 60U);
  const std::uint64_t span = whole.time() - CaptureBuilder::kBegin;
  for (std::uint64_t kept = 0; kept < span; kept += 1000) {
    const Written written = through_window(whole.bytes(), {.time = kept, .memory = kPlenty});
    EXPECT_EQ(written.length, kept);
    EXPECT_FALSE(written.is_cut);
    const Shown shown = show(written.capture, how);
    EXPECT_TRUE(shown.damage.empty());
    const std::vector<std::string> lines = lines_of(shown.lines);
    const std::size_t count = kept / 1000 + 1;
    ASSERT_GE(lines.size(), count) << kept;
    ASSERT_GE(all.size(), count);
    const std::vector<std::string> expected(all.end() - static_cast<std::ptrdiff_t>(count), all.end());
    // In front of them stands what was under way.
    const std::vector<std::string> newest(lines.end() - static_cast<std::ptrdiff_t>(count), lines.end());
    ASSERT_EQ(newest, expected) << kept;
  }
}

TEST(EventWindow, ShowsTheCallsThatAreUnderWayAtItsBeginning) {
  const Written written = through_window(eventful().bytes(), {.time = 3000, .memory = kPlenty});
  const std::string first =
      show(written.capture, {.format = "%evt.num %proc.pid %evt.dir %evt.type %fd.name"}).lines;
  EXPECT_TRUE(first.starts_with("1 50 > read /run/fifo\n")) << first;
}

// What says so stands in front of its beginning.
TEST(EventWindow, ACallThatWasUnderWayIsSoThoughItBeginsTheCapture) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/etc/hosts");
  capture.event(5, kBlockedEvent).event(5, 8, {i64(3), u32(1)}).event(5, 9, {i64(1), "x"});
  for (const std::uint64_t time : {0U, 1000U, 2000U}) {
    const std::string written = through_window(capture.bytes(), {.time = time, .memory = kPlenty}).capture;
    EXPECT_EQ(
        show(written, {.filter = "blocked = true", .format = "%evt.dir", .with_own_events = false}).lines,
        ">\n<\n");
  }
}

TEST(EventWindow, GivesUpTheOldestForMemoryAndSaysSo) {
  const CaptureBuilder whole = eventful();
  constexpr std::uint64_t kMemory = 2000;
  const Written written = through_window(whole.bytes(), {.time = kPlenty, .memory = kMemory});
  EXPECT_TRUE(written.is_cut);
  EXPECT_LT(written.length, whole.time() - CaptureBuilder::kBegin);
  const std::vector<std::string> lines = lines_of(show(written.capture, {.format = "%evt.rawtime"}).lines);
  EXPECT_EQ(lines.back(), std::to_string(whole.time()));
  EXPECT_GT(lines.size(), kMemory / 100);
}

// Tables that were restated after a loss count from there on, and not before.
TEST(EventWindow, KeepsASectionAtItsPlace) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/before").event(5, 6, {i64(3), u32(1)});
  capture.block(kSectionHeader, u32(kByteOrderMagic) + u16(1) + u16(2) + i64(-1));
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/after");
  capture.event(5, 7, {i64(1), "x"}).event(5, 6, {i64(3), u32(1)});
  for (const auto& [kept, names] :
       {std::pair{2000, "/before\n/before\n/after\n"}, std::pair{0, "/after\n"}}) {
    const Written written =
        through_window(capture.bytes(), {.time = static_cast<std::uint64_t>(kept), .memory = kPlenty});
    EXPECT_EQ(show(written.capture, {.format = "%fd.name"}).lines, names);
  }
}

// Once what is too old has made room, nothing is missing any more.
TEST(EventWindow, IsWholeAgainWhenLessHappens) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5});
  for (int i = 0; i < 100; ++i) capture.event(5, 6, {i64(3), u32(1)});
  const std::string busy = capture.bytes();
  EventWindow window({.time = 10'000, .memory = 500});
  ScapReader reader(CaptureInput(file_of(busy), "capture"), [](const Damage&) {});
  while (const auto block = reader.next()) window.take(*block);
  EXPECT_TRUE(window.is_cut());
  std::string later;
  CaptureBuilder quiet;
  for (int i = 0; i < 1000; ++i) quiet.event(5, 6, {i64(3), u32(1)});
  quiet.event(5, 7, {i64(0), ""});
  ScapReader rest(CaptureInput(file_of(quiet.bytes()), "capture"), [](const Damage&) {});
  std::optional<Block> last;
  while (auto block = rest.next()) {
    if (!holds_event(block->type)) continue;
    last = block;
    later.assign(block->body);
  }
  ASSERT_TRUE(last.has_value());
  window.take({.type = last->type, .body = later});
  EXPECT_FALSE(window.is_cut());
  EXPECT_EQ(window.length(), 0U);
}

}  // namespace
}  // namespace slurper
