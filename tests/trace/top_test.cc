// TraceTop: the screens of captures from memory.
#include "trace/view/top.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "trace/page_site.h"
#include "trace/trace_site.h"

namespace slurper::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

// A Top that has taken a capture.
class Site {
 public:
  explicit Site(const CaptureBuilder& capture) : end_(capture.time()) {
    for_each_event(capture.bytes(), model_, [this](const TraceEvent& event) { top_.take(event); });
  }

  std::string screen(ScreenSize size = {}, double interval = 1) { return top_.screen(size, interval, end_); }
  TraceTop& top() { return top_; }

 private:
  std::uint64_t end_;
  Model model_;
  TraceTop top_{model_};
};

std::size_t rows_of(const std::string& screen) {
  return static_cast<std::size_t>(std::ranges::count(screen, '\n'));
}

TEST(TraceTop, ShowsRatesOfPipesAndProcesses) {
  const std::string screen = Site(conversation()).screen({}, 0.5);
  EXPECT_THAT(screen, HasSubstr(" 98 events/s\n"));
  EXPECT_THAT(screen,
              HasSubstr("\nPIPE                      ABOUT             SLOTS   READ/s WRITTEN/s RDRS WTRS\n"
                        "/run/x                    [......]       0B 16/16  1.95KiB   1.95KiB    1    1\n"));
  EXPECT_THAT(screen,
              HasSubstr("\nPROCESS                 CALLS/s  ERR/s    READ/s WRITTEN/s IN\n"
                        "app (5)                      28    4.0       20B   1.95KiB\n"
                        "reader (6)                   20      -   1.95KiB         - read 3 /run/x\n"));
}

TEST(TraceTop, TheNextScreenHasNewRates) {
  Site site(conversation());
  (void)site.screen();
  const std::string screen = site.screen();
  EXPECT_THAT(screen, HasSubstr("  0 events/s\n"));
  EXPECT_THAT(screen, HasSubstr(" 16/16        -         -    1    1\n"));
  EXPECT_THAT(screen, HasSubstr("\napp (5)                       -      -         -         -\n"));
}

TEST(TraceTop, ShowsWhoSleepsForHowLong) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).fd(5, 4, FdType::Fifo, sized("/run/x"), 99);
  capture.event(5, kWriteEnter, {i64(4), u32(100)}).pause(seconds(62));
  EXPECT_THAT(Site(capture).screen(), HasSubstr(" 62.0s write 4 /run/x\n"));
}

// Since before the recording: nobody knows for how much longer.
TEST(TraceTop, ASleepMayHaveBegunEarlier) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).fd(5, 4, FdType::Fifo, sized("/run/x"), 99);
  capture.event(5, 0x8008, {u8(0)}).event_at_once(5, kWriteEnter, {i64(4), u32(100)}).pause(seconds(3));
  EXPECT_THAT(Site(capture).screen(), HasSubstr(" >3.0s write 4 /run/x\n"));
}

TEST(TraceTop, ListsWhatHasFailedAndHowOften) {
  CaptureBuilder capture = conversation();
  capture.event(5, kWriteEnter, {i64(4), u32(100)}).event(5, kWriteExit, {i64(-11), ""});
  EXPECT_THAT(Site(capture).screen(),
              testing::ContainsRegex("\nFAILED, the latest first\n"
                                     "[0-9:]+ 2x app \\(5\\) write: EAGAIN, descriptor 4 /run/x\n"
                                     "[0-9:]+ app \\(5\\) write: EPIPE, descriptor 4 /run/x\n"));
}

// It asks, and there is nothing yet.
TEST(TraceTop, AnEmptyPipeIsNoFailure) {
  CaptureBuilder capture;
  capture.process({.tid = 6, .pid = 6, .name = "reader"}).fd(6, 3, FdType::Fifo, sized("/run/x"), 99);
  capture.event(6, kReadEnter, {i64(3), u32(4096)}).event(6, kReadExit, {i64(-11), ""});
  EXPECT_THAT(Site(capture).screen(), Not(HasSubstr("FAILED")));
}

TEST(TraceTop, KnowsTheFillOnlyIfBothSidesAreRecorded) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).fd(5, 4, FdType::Fifo, sized("/run/x"), 99);
  capture.event(5, kWriteEnter, {i64(4), u32(100)}).event(5, kWriteExit, {i64(100), ""});
  EXPECT_THAT(
      Site(capture).screen(),
      HasSubstr("\n/run/x                                    ?     ?        -      100B    ?    ?\n"));
}

TEST(TraceTop, SaysThatRecordsWereLost) {
  CaptureBuilder capture = conversation();
  capture.event(-1, 0x8002, {u16(0), u64(7)});
  EXPECT_THAT(Site(capture).screen(), HasSubstr("  7 records lost\n"));
}

TEST(TraceTop, ShowsAFindingAmongTheFailures) {
  Site site{CaptureBuilder()};
  site.top().take_finding(CaptureBuilder::kBegin, "a reader that has stopped, cat (9)");
  EXPECT_THAT(site.screen(), HasSubstr(" a reader that has stopped, cat (9)\n"));
}

TEST(TraceTop, AProcessThatHasEndedIsShownOnceMore) {
  CaptureBuilder capture = conversation();
  capture.event(5, 186, {i64(0), i64(0), u8(0), u8(0)});
  Site site(capture);
  EXPECT_THAT(site.screen(), HasSubstr(" (ended)\n"));
  EXPECT_THAT(site.screen(), Not(HasSubstr("\napp (5)")));
}

// The end of a path says more than its beginning, and the number of a process is never cut.
TEST(TraceTop, ShortensWhatSaysLeast) {
  CaptureBuilder capture;
  const std::string path = "/a-very-long-directory-name-for-a-fifo/with-another-in-it/events.fifo";
  capture.process({.tid = 123456, .pid = 123456, .name = "a-long-program-name"});
  capture.fd(123456, 4, FdType::Fifo, sized(path), 99);
  capture.event(123456, kWriteEnter, {i64(4), u32(100)}).pause(seconds(62));
  const std::string screen = Site(capture).screen();
  EXPECT_THAT(screen, testing::ContainsRegex("\na-long-progr\\+ \\(123456\\) "));
  EXPECT_THAT(screen, HasSubstr(" write 4 +s.fifo\n"));
  EXPECT_THAT(screen, HasSubstr("\n+nother-in-it/events.fifo "));
}

// Whatever has been in it, nobody can say more of it.
TEST(TraceTop, APipeThatNoProcessHasOpenIsGone) {
  CaptureBuilder capture = conversation();
  for (const std::int64_t tid : {5, 6}) capture.event(tid, 186, {i64(0), i64(0), u8(0), u8(0)});
  Site site(capture);
  EXPECT_THAT(site.screen(), HasSubstr("\n/run/x "));
  EXPECT_THAT(site.screen(), Not(HasSubstr("/run/x ")));
}

// The main thread may end before the others do.
TEST(TraceTop, AProcessEndsWithItsLastThread) {
  CaptureBuilder capture;
  constexpr std::uint32_t kThread = 128 | 8192;  // CLONE_FILES, CLONE_THREAD
  capture.process({.tid = 5, .pid = 5, .name = "app"});
  capture.process({.tid = 6, .pid = 5, .name = "worker", .flags = kThread}).file(5, 3, "/etc/hosts");
  for (const std::int64_t tid : {5, 6})
    capture.event(tid, kReadEnter, {i64(3), u32(10)}).event(tid, kReadExit, {i64(3), "abc"});
  for (const std::int64_t tid : {5, 6}) capture.event(tid, 186, {i64(0), i64(0), u8(0), u8(0)});
  Site site(capture);
  EXPECT_THAT(site.screen(), HasSubstr("\napp (5) "));
  EXPECT_THAT(site.screen(), Not(HasSubstr("app (5)")));
}

// Whatever there is, and whatever it is called.
TEST(TraceTop, FitsIntoTheScreen) {
  CaptureBuilder capture;
  for (std::int64_t tid = 1; tid <= 40; ++tid) {
    capture.process({.tid = tid, .pid = tid, .name = std::string(kHostile)});
    capture.fd(tid, 4, FdType::Fifo, sized(kHostile), 100 + static_cast<std::uint64_t>(tid));
    capture.event(tid, kWriteEnter, {i64(4), u32(100)}).event(tid, kWriteExit, {i64(100), ""});
    capture.event(tid, kWriteEnter, {i64(4), u32(100)}).event(tid, kWriteExit, {i64(-32), ""});
  }
  for (const ScreenSize size :
       {ScreenSize{.rows = 4, .columns = 40}, ScreenSize{.rows = 8, .columns = 60},
        ScreenSize{.rows = 23, .columns = 80}, ScreenSize{.rows = 49, .columns = 200}}) {
    const std::string screen = Site(capture).screen(size);
    EXPECT_EQ(rows_of(screen), size.rows);
    EXPECT_THAT(screen, HasSubstr("\nPROCESS"));
    EXPECT_THAT(screen, Not(HasSubstr("\033")));
    for (std::size_t at = 0; at < screen.size();) {
      const std::size_t end = screen.find('\n', at);
      EXPECT_LE(end - at, size.columns) << screen.substr(at, end - at);
      at = end + 1;
    }
  }
}

}  // namespace
}  // namespace slurper::test
