// Processes that wait for each other, in captures that are made byte by byte, and those that nearly do.
#include <gmock/gmock.h>

#include <array>
#include <csignal>

#include "trace/waits_site.h"

namespace slurper {
namespace {

using namespace test;                  // NOLINT(google-build-using-namespace)
using namespace std::string_literals;  // NOLINT(google-build-using-namespace)
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(WaitCycles, AProgramAndItsFilterThatReadFromEachOther) {
  CaptureBuilder capture = filter();
  capture.event(6, kReadType, {i64(3), u32(10)}).event(5, kReadType, {i64(5), u32(10)});
  end_after(capture, seconds(3));
  const auto findings = findings_in(capture);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings.front().pattern, Pattern::WaitCycle);
  EXPECT_TRUE(findings.front().is_harm);
  EXPECT_THAT(story_text(findings.front()),
              AllOf(HasSubstr("program (5) waits for child (6): it is in read on a pipe (event "),
                    HasSubstr("child (6) waits for program (5): it is in read on a pipe (event "),
                    HasSubstr("Each waits for the next one, and none of them can go on.")));
  EXPECT_THAT(text_of(findings.front().advice), HasSubstr("must close the pipe, and flush its buffer"));
}

TEST(WaitCycles, AFilterThatStillWorksIsInNoCycle) {
  CaptureBuilder capture = filter();
  capture.event(6, kSleepType, {u64(0)}).event(5, kReadType, {i64(5), u32(10)});
  end_after(capture, seconds(3));
  const Told result = told(capture);
  EXPECT_THAT(result.explanation.findings, IsEmpty());
  EXPECT_THAT(result.waits.back(),
              AllOf(HasSubstr("program (5) waits for child (6): it is in read on a pipe"),
                    HasSubstr("child (6) has been in nanosleep for 3.0 seconds")));
}

// Process 7 has inherited the other ends, and may write.
TEST(WaitCycles, APipeThatSeveralMayWriteToIsInNoCycle) {
  CaptureBuilder capture = filter({7});
  capture.event(6, kReadType, {i64(3), u32(10)}).event(5, kReadType, {i64(5), u32(10)});
  end_after(capture, seconds(3));
  const Told result = told(capture);
  EXPECT_THAT(result.explanation.findings, IsEmpty());
  EXPECT_THAT(result.waits.front(), HasSubstr("2 processes have the other end."));
}

// Processes that are not in the recording may have inherited pipes that were made before it.
TEST(WaitCycles, PipesFromBeforeTheRecordingAreInNoCycleOfReads) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "program"}).process({.tid = 6, .pid = 6, .name = "filter"});
  capture.fd(5, 4, FdType::Fifo, sized(""), 71).fd(6, 3, FdType::Fifo, sized(""), 71);
  capture.fd(5, 5, FdType::Fifo, sized(""), 72).fd(6, 6, FdType::Fifo, sized(""), 72);
  for (const auto& [from, fd, to, fd_there] : {std::array{5, 4, 6, 3}, std::array{6, 6, 5, 5}}) {
    capture.event(from, kWriteType, {i64(fd), u32(1)}).event(from, kWriteType + 1, {i64(1), "x"});
    capture.event(to, kReadType, {i64(fd_there), u32(1)}).event(to, kReadType + 1, {i64(1), "x"});
  }
  capture.event(6, kReadType, {i64(3), u32(10)}).event(5, kReadType, {i64(5), u32(10)});
  end_after(capture, seconds(3));
  EXPECT_THAT(findings_in(capture), IsEmpty());
}

// Both ends wait for the other one to speak, as they may.
TEST(WaitCycles, AnIdleConnectionIsInNoCycle) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "client"}).process({.tid = 6, .pid = 6, .name = "server"});
  const std::string ends = u64(0xa1) + u64(0xb2) + sized("/run/s");
  capture.fd(5, 3, FdType::Unix, ends, 100).fd(6, 3, FdType::Unix, ends, 200);
  for (const std::int64_t pid : {5, 6}) {
    capture.event(pid, kWriteType, {i64(3), u32(1)}).event(pid, kWriteType + 1, {i64(1), "x"});
    capture.event(11 - pid, kReadType, {i64(3), u32(1)}).event(11 - pid, kReadType + 1, {i64(1), "x"});
  }
  for (const std::int64_t pid : {5, 6}) capture.event(pid, kReadType, {i64(3), u32(10)});
  end_after(capture, seconds(3));
  const Told result = told(capture);
  EXPECT_THAT(result.explanation.findings, IsEmpty());
  EXPECT_THAT(result.waits.front(),
              HasSubstr("client (5) waits for server (6): it is in read on <u>/run/s (event 9)."));
}

TEST(WaitCycles, AConnectionWhoseBuffersAreFullInBothDirections) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "left"}).process({.tid = 6, .pid = 6, .name = "right"});
  const std::string address = "\x7f\0\0\1"s;
  const std::string ends = address + address + u16(5000) + u16(80);
  capture.fd(5, 3, FdType::IPv4, ends + u8(2), 100).fd(6, 3, FdType::IPv4, ends + u8(2), 200);
  for (const std::int64_t pid : {5, 6}) capture.event(pid, kWriteType, {i64(3), u32(10'000'000)});
  end_after(capture, seconds(3));
  const auto findings = findings_in(capture);
  ASSERT_THAT(findings, SizeIs(2));
  EXPECT_EQ(findings.front().pattern, Pattern::WaitCycle);
  EXPECT_THAT(
      story_text(findings.front()),
      AllOf(HasSubstr("because the other end had not read what was written before"),
            HasSubstr("left (5) waits for right (6): it is in write on <4t>127.0.0.1:5000->127.0.0.1:80"),
            HasSubstr("none of them can go on")));
}

// A shell waits for its filter, whose input it still has open.
TEST(WaitCycles, AChildThatItsParentKeepsAlive) {
  CaptureBuilder capture = filter();
  capture.event(6, kReadType, {i64(3), u32(10)}).event(5, kGenericType, {u16(kWait4Code), u16(kWait4)});
  end_after(capture, seconds(3));
  const auto findings = findings_in(capture);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings.front().pattern, Pattern::WaitCycle);
  EXPECT_THAT(story_text(findings.front()),
              AllOf(HasSubstr("program (5) waits for its child child (6) to end: it is in wait4"),
                    HasSubstr("child (6) waits for program (5)")));
}

TEST(WaitCycles, OneOfSeveralChildrenIsNotNamed) {
  CaptureBuilder capture = filter({7});
  for (const std::int64_t fd : {3, 4, 5, 6}) close_fd(capture, 7, fd);
  capture.event(6, kReadType, {i64(3), u32(10)}).event(5, kGenericType, {u16(kWait4Code), u16(kWait4)});
  end_after(capture, seconds(3));
  const Told result = told(capture);
  EXPECT_THAT(result.explanation.findings, IsEmpty());
  EXPECT_THAT(result.waits.back(), HasSubstr("program (5) has 2 children."));
}

// The child ends the wait; what it was is gone by then.
TEST(WaitCycles, AChildThatHasEnded) {
  CaptureBuilder capture = filter();
  capture.event(5, kGenericType, {u16(kWait4Code), u16(kWait4)}).pause(seconds(2));
  capture.event(6, kProcessExitType, {i64(0), i64(0), u8(0), u8(0)});
  capture.event(5, kGenericType + 1, {u16(kWait4Code)});
  EXPECT_EQ(last_ended(capture),
            "program (5) waited for its child child (6) to end: it was in wait4 for 2.0 seconds (event 14).");
}

// Interrupted by a signal, the program either ends, or goes on.
CaptureBuilder interrupted(bool ends) {
  CaptureBuilder capture = filter();
  capture.event(6, kReadType, {i64(3), u32(10)}).event(5, kReadType, {i64(5), u32(10)}).pause(seconds(2));
  capture.event(5, kReadType + 1, {i64(-512), ""});
  if (ends) {
    capture.event(5, kProcessExitType, {i64(15), i64(0), u8(SIGTERM), u8(0)});
  } else {
    close_fd(capture, 5, 4);
  }
  capture.event(6, kReadType + 1, {i64(0), ""});
  return capture;
}

TEST(WaitCycles, ACycleThatAUserHasEnded) {
  const auto findings = findings_in(interrupted(true));
  ASSERT_THAT(findings, testing::Not(IsEmpty()));
  EXPECT_EQ(findings.front().pattern, Pattern::WaitCycle);
}

TEST(WaitCycles, ACycleThatASignalHasEndedDidNoHarm) {
  EXPECT_EQ(told(interrupted(false)).explanation.harm, 0U);
}

std::string fd_list(std::initializer_list<std::int64_t> fds) {
  std::string list = u16(static_cast<std::uint16_t>(fds.size()));
  for (const std::int64_t fd : fds) list += i64(fd) + u16(1);
  return list;
}

// The program waits for an answer with poll(2).
CaptureBuilder polled(std::initializer_list<std::int64_t> fds, std::int64_t timeout) {
  CaptureBuilder capture = filter();
  capture.event(6, kReadType, {i64(3), u32(10)}).event(5, kPollType, {fd_list(fds), i64(timeout)});
  end_after(capture, seconds(3));
  return capture;
}

TEST(WaitCycles, PollOfOneDescriptorIsAWaitForItsOtherEnd) {
  const auto findings = findings_in(polled({5}, -1));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings.front().pattern, Pattern::WaitCycle);
  EXPECT_THAT(story_text(findings.front()),
              HasSubstr("program (5) waits for child (6): it is in poll on a pipe"));
}

TEST(WaitCycles, PollWithATimeOutOrOfSeveralDescriptorsIsInNoCycle) {
  EXPECT_THAT(findings_in(polled({5}, 5000)), IsEmpty());
  EXPECT_THAT(findings_in(polled({5, 0}, -1)), IsEmpty());
}

void generic(CaptureBuilder& capture, std::uint16_t number, std::int64_t result,
             const std::array<std::uint64_t, 3>& arguments) {
  capture.event(5, kGenericType, {u16(number), u16(number)}).event(5, kGenericType + 1, {u16(number)});
  capture.event_at_once(5, kResultEvent,
                        {i64(result), u64(10), u64(arguments[0]), u64(arguments[1]), u64(arguments[2]),
                         u64(0), u64(0), u64(0)});
}

// The program watches descriptor 5 with epoll, and another one if it is to.
CaptureBuilder watched(bool watches_another) {
  CaptureBuilder capture = filter();
  capture.file(5, 9, "/etc/hosts");
  generic(capture, kEpollCreate, 10, {0, 0, 0});
  generic(capture, kEpollControl, 0, {10, 1, 5});
  if (watches_another) generic(capture, kEpollControl, 0, {10, 1, 9});
  capture.event(5, kEpollWaitType, {i64(8)});
  end_after(capture, seconds(3));
  return capture;
}

TEST(WaitCycles, EpollOfOneDescriptor) {
  EXPECT_THAT(told(watched(false)).waits,
              ElementsAre(HasSubstr("program (5) waits for child (6): it is in epoll_wait on a pipe")));
  EXPECT_THAT(told(watched(true)).waits, ElementsAre(""));
}

}  // namespace
}  // namespace slurper
