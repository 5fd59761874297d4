#include "trace/model/event_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <sstream>

#include "trace/own_events.h"
#include "trace/trace_site.h"

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

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Whatever changes what is known: files, links, pipes, connections, threads, programs, identities, and calls
// that take their time.
CaptureBuilder eventful() {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/etc/hosts").process({.tid = 50, .pid = 50});
  capture.fd(50, 7, FdType::Fifo, sized("/run/fifo"));
  capture.fd(50, 8, FdType::IPv4,
             "\x01\x02\x03\x04" + std::string("\x05\x06\x07\x08") + u16(80) + u16(90) + u8(kTcp));
  capture.fd(50, 9, FdType::IPv4Server, std::string("\x7f\0\0\x01", 4) + u16(514) + u8(kUdp));
  capture.event(50, 6, {i64(7), u32(100)});  // a read that lasts to the end
  const auto reads = [&](std::int64_t tid, std::initializer_list<std::int64_t> fds) {
    for (const std::int64_t fd : fds) capture.event(tid, 6, {i64(fd), u32(1)}).event(tid, 7, {i64(1), "x"});
  };
  reads(5, {3});
  capture.event(5, 2, {text("/tmp/a"), u32(1), u32(0)});
  capture.event(5, 3, {i64(4), text("/tmp/a"), u32(1), u32(0), u32(0x801)});
  capture.event(5, 124, {i64(4)}).event(5, 125, {i64(6)});
  reads(5, {4, 6});
  capture.event(5, 8, {i64(3), u32(1)}).event(5, 9, {i64(-11), "y"});
  capture.event_at_once(5, kPipeEvent, {i64(3), u64(77), u32(16), u32(16), u32(1), u32(2)});
  capture.event(5, 222).event(5, 223, child(6, 5, 5, 1, 0)).event(6, 223, child(0, 6, 6, 5, 0));
  capture.event(5, 222)
      .event(5, 223, child(7, 5, 5, 1, 1 | 1U << 13))
      .event(7, 223, child(0, 7, 5, 1, 1 | 1U << 13));
  reads(6, {3, 4, 6});
  reads(7, {3, 4, 6});
  capture.event(5, 4, {i64(4)}).event(5, 5, {i64(0)});
  reads(5, {4, 6});
  reads(6, {4});
  reads(7, {4});
  capture.event_at_once(6, kIdentityEvent, {u32(1), u32(33), u32(2), u32(33), u32(3), u32(3), u32(1000)});
  reads(6, {3});
  capture.event(5, 94).event(5, 95, {i64(0), text("/var")});
  capture.event(5, 2, {text("b"), u32(1), u32(0)});
  capture.event(5, 3, {i64(8), text("b"), u32(1), u32(0), u32(0x801)});
  reads(5, {8});
  // The parent of a vfork(2) sleeps until its child executes a program.
  capture.event(5, 226).event(9, 227, child(0, 9, 9, 5, 0));
  capture.event(9, 292, {text("/bin/cat")}).event(9, 293, executed(9, 9, "cat", 5));
  reads(9, {3, 8});
  capture.event(5, 227, child(9, 5, 5, 1, 0));
  reads(9, {3, 8});
  capture.event(6, 186, {i64(0)});
  reads(50, {8, 9});
  return capture;
}

// What a line can show of an event, but its number, and what depends on the first event of a capture.
constexpr std::string_view kEverything =
    "*%evt.rawtime %thread.tid %proc.pid %proc.ppid %proc.name %proc.exe %proc.args %proc.cwd %evt.dir "
    "%evt.type %evt.info %fd.num %fd.type %fd.name %fd.ino %fd.cip %fd.sport %user.uid %proc.ruid %proc.suid "
    "%user.loginuid %evt.latency %pipe.slots %pipe.writers";

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
