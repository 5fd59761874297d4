// Who waits for whom, in captures that are made byte by byte: each case with one that nearly is it. Real
// programs are in tests/recorder.
#include <gmock/gmock.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "trace/explain/explainer.h"
#include "trace/explain/words.h"
#include "trace/own_events.h"
#include "trace/trace_site.h"

namespace slurper {
namespace {

using namespace test;                  // NOLINT(google-build-using-namespace)
using namespace std::string_literals;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// Types of events: the beginnings of calls; their ends are one above.
constexpr std::uint16_t kGenericType = 0;
constexpr std::uint16_t kCloseType = 4;
constexpr std::uint16_t kReadType = 6;
constexpr std::uint16_t kWriteType = 8;
constexpr std::uint16_t kSocketType = 18;
constexpr std::uint16_t kConnectType = 22;
constexpr std::uint16_t kFutexType = 64;
constexpr std::uint16_t kEpollWaitType = 78;
constexpr std::uint16_t kPollType = 80;
constexpr std::uint16_t kSleepType = 134;
constexpr std::uint16_t kFcntlType = 150;
constexpr std::uint16_t kProcessExitType = 186;
constexpr std::uint16_t kCloneExit = 223;
constexpr std::uint16_t kSignalType = 232;
constexpr std::uint16_t kFlockType = 242;
constexpr std::uint16_t kOpenAtType = 306;
constexpr std::uint16_t kPipe2Type = 392;

// Numbers of generic calls.
constexpr std::uint16_t kWait4 = 61;
constexpr std::uint16_t kWait4Code = 69;  // sysdig's
constexpr std::uint16_t kEpollControl = 233;
constexpr std::uint16_t kEpollCreate = 291;

constexpr std::uint32_t kExclusive = 2;
constexpr std::uint32_t kUnlock = 8;

struct Told {
  Explanation explanation;
  std::vector<std::string> waits;  // of the calls that have not ended, in order of their beginnings
};

std::string joined_texts(const std::vector<Statement>& sentences) {
  std::string text;
  for (const Statement& one : sentences) text.append(text.empty() ? "" : " ").append(text_of(one));
  return text;
}

Told told(const CaptureBuilder& capture) {
  Told told;
  Model model;
  Explainer explainer(model, Explainer::Notes::Kept);
  for_each_event(capture.bytes(), model, [&explainer](const TraceEvent& event) { explainer.take(event); });
  model.for_each_pending(
      [&](const TraceEvent& call) { told.waits.push_back(joined_texts(explainer.waits_of(call))); });
  told.explanation = explainer.end();
  return told;
}

std::vector<TraceFinding> findings_in(const CaptureBuilder& capture) {
  return told(capture).explanation.findings;
}

// What is said of the last call that has ended.
std::string last_ended(const CaptureBuilder& capture) {
  std::string text;
  Model model;
  Explainer explainer(model, Explainer::Notes::Kept);
  for_each_event(capture.bytes(), model, [&](const TraceEvent& event) {
    explainer.take(event);
    if (!event.is_own && event.enter != nullptr) text = joined_texts(explainer.waits_of(event));
  });
  return text;
}

CaptureBuilder& end_after(CaptureBuilder& capture, std::chrono::nanoseconds time) {
  return capture.pause(time).event_at_once(1, kEndEvent, {});
}

void close_fd(CaptureBuilder& capture, std::int64_t pid, std::int64_t fd) {
  capture.event(pid, kCloseType, {i64(fd)}).event(pid, kCloseType + 1, {i64(0)});
}

void make_pipe(CaptureBuilder& capture, std::int64_t pid, std::int64_t fd, std::uint64_t inode) {
  capture.event(pid, kPipe2Type)
      .event(pid, kPipe2Type + 1, {i64(0), i64(fd), i64(fd + 1), u64(inode), u32(0)});
}

// The program, 5, has made two pipes and a filter, 6, which reads its questions from 3 and writes its answers
// to
// 6. The program writes to 4 and reads from 5.
CaptureBuilder filter(std::initializer_list<std::int64_t> others = {}) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "program"});
  make_pipe(capture, 5, 3, 71);
  make_pipe(capture, 5, 5, 72);
  capture.event(6, kCloneExit, child(0, 6, 6, 5, 0));
  for (const std::int64_t other : others) capture.event(other, kCloneExit, child(0, other, other, 5, 0));
  for (const std::int64_t fd : {3, 6}) close_fd(capture, 5, fd);
  for (const std::int64_t fd : {4, 5}) close_fd(capture, 6, fd);
  return capture;
}

TEST(Waits, AProgramAndItsFilterThatReadFromEachOther) {
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

TEST(Waits, AFilterThatStillWorksIsInNoCycle) {
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
TEST(Waits, APipeThatSeveralMayWriteToIsInNoCycle) {
  CaptureBuilder capture = filter({7});
  capture.event(6, kReadType, {i64(3), u32(10)}).event(5, kReadType, {i64(5), u32(10)});
  end_after(capture, seconds(3));
  const Told result = told(capture);
  EXPECT_THAT(result.explanation.findings, IsEmpty());
  EXPECT_THAT(result.waits.front(), HasSubstr("2 processes have the other end."));
}

// Processes that are not in the recording may have inherited pipes that were made before it.
TEST(Waits, PipesFromBeforeTheRecordingAreInNoCycleOfReads) {
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
TEST(Waits, AnIdleConnectionIsInNoCycle) {
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

TEST(Waits, AConnectionWhoseBuffersAreFullInBothDirections) {
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

TEST(Waits, AWriteToAPeerThatWasNotRecordedAccusesNoProcess) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).process({.tid = 6, .pid = 6, .name = "bystander"});
  capture.fd(5, 3, FdType::Unix, u64(0xa1) + u64(0xb2) + sized("/run/s"), 100);
  capture.event(5, kWriteType, {i64(3), u32(1000)});
  end_after(capture, seconds(3));
  const Told result = told(capture);
  ASSERT_THAT(result.explanation.findings, SizeIs(1));
  EXPECT_FALSE(result.explanation.findings.front().is_harm);
  EXPECT_THAT(story_text(result.explanation.findings.front()),
              AllOf(HasSubstr("Who has the other end was not recorded"), Not(HasSubstr("bystander"))));
  EXPECT_THAT(result.waits.front(),
              HasSubstr("It is not known who has the other end: that process was not recorded."));
}

// Clients send to /dev/log; the server does not receive.
CaptureBuilder blocked_sender(const std::string& path) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "client"}).process({.tid = 6, .pid = 6, .name = "server"});
  capture.fd(6, 3, FdType::Unix, u64(0) + u64(0) + sized("/dev/log"), 300);
  capture.event(5, kSocketType, {u32(1), u32(2), u32(0)}).event(5, kSocketType + 1, {i64(4)});
  capture.event(5, kConnectType, {i64(4), u8(1) + text(path)});
  capture.event(5, kConnectType + 1, {i64(0), unix_tuple(0xa1, 0xb2, path)});
  capture.event(6, kSleepType, {u64(0)}).event(5, kWriteType, {i64(4), u32(100)});
  end_after(capture, seconds(3));
  return capture;
}

TEST(Waits, AServerOfDatagramsThatDoesNotReceive) {
  const auto findings = findings_in(blocked_sender("/dev/log"));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_TRUE(findings.front().is_harm);
  EXPECT_THAT(story_text(findings.front()),
              AllOf(HasSubstr("server (6) has the socket that the bytes are sent to"),
                    HasSubstr("Instead, server (6) has been in nanosleep")));
}

TEST(Waits, AServerOfAnotherPathIsNotAccused) {
  const auto findings = findings_in(blocked_sender("/run/other"));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_THAT(story_text(findings.front()), Not(HasSubstr("server")));
}

// A shell waits for its filter, whose input it still has open.
TEST(Waits, AChildThatItsParentKeepsAlive) {
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

TEST(Waits, OneOfSeveralChildrenIsNotNamed) {
  CaptureBuilder capture = filter({7});
  for (const std::int64_t fd : {3, 4, 5, 6}) close_fd(capture, 7, fd);
  capture.event(6, kReadType, {i64(3), u32(10)}).event(5, kGenericType, {u16(kWait4Code), u16(kWait4)});
  end_after(capture, seconds(3));
  const Told result = told(capture);
  EXPECT_THAT(result.explanation.findings, IsEmpty());
  EXPECT_THAT(result.waits.back(), HasSubstr("program (5) has 2 children."));
}

// The child ends the wait; what it was is gone by then.
TEST(Waits, AChildThatHasEnded) {
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

TEST(Waits, ACycleThatAUserHasEnded) {
  const auto findings = findings_in(interrupted(true));
  ASSERT_THAT(findings, testing::Not(IsEmpty()));
  EXPECT_EQ(findings.front().pattern, Pattern::WaitCycle);
}

TEST(Waits, ACycleThatASignalHasEndedDidNoHarm) {
  EXPECT_EQ(told(interrupted(false)).explanation.harm, 0U);
}

// 5 has a lock; 6 waits for it.
CaptureBuilder locked(std::string_view path_there = "/run/lock", bool is_released = false) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "holder"}).process({.tid = 6, .pid = 6, .name = "waiter"});
  capture.file(5, 3, "/run/lock").fd(6, 4, FdType::File, u32(1) + sized(path_there) + u32(0x801), 77);
  capture.event(5, kFlockType, {i64(3), u32(kExclusive)}).event(5, kFlockType + 1, {i64(0)});
  if (is_released) capture.event(5, kFlockType, {i64(3), u32(kUnlock)}).event(5, kFlockType + 1, {i64(0)});
  return capture;
}

TEST(Waits, TheHolderOfALock) {
  CaptureBuilder capture = locked();
  capture.event(5, kSleepType, {u64(0)}).event(6, kFlockType, {i64(4), u32(kExclusive)});
  end_after(capture, seconds(3));
  const auto findings = findings_in(capture);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings.front().pattern, Pattern::BlockedLock);
  EXPECT_FALSE(findings.front().is_harm);
  EXPECT_EQ(
      story_text(findings.front()),
      "The flock (event 4) had not ended after 3.0 seconds, when the recording did, because the file was "
      "locked. waiter (6) waits for holder (5), which has had a lock on <f>/run/lock since event 2: it is "
      "in flock (event 4). holder (5) has been in nanosleep for 3.0 seconds (event 3).");
  EXPECT_THAT(text_of(findings.front().advice), HasSubstr("if holder (5) needs the lock for that long"));
}

TEST(Waits, AHolderThatIsStopped) {
  CaptureBuilder capture = locked();
  capture.event(6, kFlockType, {i64(4), u32(kExclusive)});
  capture.event(5, kSignalType, {i64(1), i64(5), u8(SIGSTOP)});
  end_after(capture, seconds(3));
  const auto findings = findings_in(capture);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_TRUE(findings.front().is_harm);
  EXPECT_EQ(text_of(findings.front().advice), "Let holder (5) continue: kill -CONT 5.");
}

TEST(Waits, WhoHasGivenTheLockUpOrLockedAnotherFileIsNotAccused) {
  for (CaptureBuilder capture : {locked("/run/lock", true), locked("/run/other")}) {
    capture.event(6, kFlockType, {i64(4), u32(kExclusive)});
    end_after(capture, seconds(3));
    const auto findings = findings_in(capture);
    ASSERT_THAT(findings, SizeIs(1));
    EXPECT_THAT(story_text(findings.front()),
                AllOf(HasSubstr("the recording does not show who took it"), Not(HasSubstr("holder"))));
  }
}

TEST(Waits, TwoThatHaveSharedALock) {
  CaptureBuilder capture = locked();
  capture.process({.tid = 7, .pid = 7, .name = "third"}).file(7, 3, "/run/lock");
  capture.event(7, kFlockType, {i64(3), u32(1)}).event(7, kFlockType + 1, {i64(0)});
  capture.event(6, kFlockType, {i64(4), u32(kExclusive)});
  end_after(capture, seconds(3));
  const auto findings = findings_in(capture);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_THAT(story_text(findings.front()), HasSubstr("2 processes have a lock on it."));
}

// Of fcntl(2), only the waker is known.
CaptureBuilder range_locked(bool has_waker) {
  CaptureBuilder capture = locked();
  capture.event(6, kFcntlType, {i64(4), u8(9)}).pause(seconds(2));
  if (has_waker) capture.event_at_once(6, kWakerEvent, {i64(5), i64(5), text("holder")});
  capture.event(6, kFcntlType + 1, {i64(0)});
  return capture;
}

TEST(Waits, WhoEndsTheWaitForARange) {
  const auto known = findings_in(range_locked(true));
  ASSERT_THAT(known, SizeIs(1));
  EXPECT_THAT(
      story_text(known.front()),
      HasSubstr("waiter (6) was in fcntl on <f>/run/lock for 2.0 seconds (event 3), until holder (5) woke "
                "it."));
  const auto unknown = findings_in(range_locked(false));
  ASSERT_THAT(unknown, SizeIs(1));
  EXPECT_THAT(story_text(unknown.front()),
              AllOf(HasSubstr("a recording does not have what fcntl(2) locks"), Not(HasSubstr("holder"))));
}

TEST(Waits, AFutexHasAWaker) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).process({.tid = 6, .pid = 6, .name = "other"});
  capture.event(5, kFutexType, {u64(1), u16(0), u64(0)}).pause(seconds(2));
  CaptureBuilder without = capture;
  capture.event_at_once(5, kWakerEvent, {i64(6), i64(6), text("other")}).event(5, kFutexType + 1, {i64(0)});
  EXPECT_THAT(last_ended(capture),
              HasSubstr("app (5) was in futex for 2.0 seconds (event 1), until other (6)"));
  without.event(5, kFutexType + 1, {i64(0)});
  EXPECT_EQ(last_ended(without), "");
}

// 5 opens a FIFO to write to it, which 6 had open for reading.
CaptureBuilder without_reader(std::int64_t signal, std::string_view path, std::uint32_t flags) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "writer"}).process({.tid = 6, .pid = 6, .name = "reader"});
  capture.fd(6, 0, FdType::Fifo, sized("/run/fifo"), 71);
  capture.event(6, kReadType, {i64(0), u32(1)}).event(6, kReadType + 1, {i64(1), "x"});
  if (signal >= 0)
    capture.event(6, kProcessExitType, {i64(signal), i64(0), u8(static_cast<std::uint8_t>(signal)), u8(0)});
  capture.pause(milliseconds(5)).event(5, kOpenAtType, {i64(-100), text(path), u32(flags), u32(0)});
  end_after(capture, seconds(3));
  return capture;
}

TEST(Waits, AWriterWhoseReaderWasKilled) {
  const auto findings = findings_in(without_reader(SIGKILL, "/run/fifo", kOpenForWriting));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings.front().pattern, Pattern::BlockedOpen);
  EXPECT_TRUE(findings.front().is_harm);
  EXPECT_THAT(
      story_text(findings.front()),
      AllOf(HasSubstr("The openat (event 4) had not ended after 3.0 seconds, when the recording did: no "
                      "process had the FIFO open for reading."),
            HasSubstr("reader (6) had it open for reading until SIGKILL killed it, 3.0 seconds before")));
  EXPECT_THAT(text_of(findings.front().advice), HasSubstr("Start the reader."));
}

TEST(Waits, AReaderThatComesBeforeItsWritersIsANote) {
  const auto findings = findings_in(without_reader(-1, "/run/fifo", kOpenForReading));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_FALSE(findings.front().is_harm);
}

TEST(Waits, OtherOpensThatTakeLongAreNotKnownToWait) {
  EXPECT_THAT(findings_in(without_reader(SIGKILL, "/mnt/slow", kOpenForWriting)), IsEmpty());
  EXPECT_THAT(findings_in(without_reader(SIGKILL, "/run/fifo", kOpenForReading | kOpenForWriting)),
              IsEmpty());
  EXPECT_THAT(findings_in(without_reader(SIGKILL, "/run/fifo", kOpenForWriting | kOpenNonblocking)),
              IsEmpty());
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

TEST(Waits, PollOfOneDescriptorIsAWaitForItsOtherEnd) {
  const auto findings = findings_in(polled({5}, -1));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings.front().pattern, Pattern::WaitCycle);
  EXPECT_THAT(story_text(findings.front()),
              HasSubstr("program (5) waits for child (6): it is in poll on a pipe"));
}

TEST(Waits, PollWithATimeOutOrOfSeveralDescriptorsIsInNoCycle) {
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

TEST(Waits, EpollOfOneDescriptor) {
  EXPECT_THAT(told(watched(false)).waits,
              ElementsAre(HasSubstr("program (5) waits for child (6): it is in epoll_wait on a pipe")));
  EXPECT_THAT(told(watched(true)).waits, ElementsAre(""));
}

// The reader ends in one way or another; then the write fails.
std::string refused_after(std::int64_t signal) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).process({.tid = 6, .pid = 6, .name = "reader"});
  capture.fd(5, 1, FdType::Fifo, sized("/run/x"), 71).fd(6, 0, FdType::Fifo, sized("/run/x"), 71);
  capture.event(5, kWriteType, {i64(1), u32(1)}).event(5, kWriteType + 1, {i64(1), "x"});
  capture.event(6, kReadType, {i64(0), u32(1)}).event(6, kReadType + 1, {i64(1), "x"});
  if (signal < 0) {
    close_fd(capture, 6, 0);
  } else {
    capture.event(6, kProcessExitType, {i64(signal), i64(0), u8(static_cast<std::uint8_t>(signal)), u8(0)});
  }
  capture.pause(milliseconds(3));
  capture.event(5, kWriteType, {i64(1), u32(1)}).event(5, kWriteType + 1, {i64(-EPIPE), "y"});
  return last_ended(capture);
}

TEST(Waits, ARefusedWriteNamesTheReaderThatHasLeft) {
  EXPECT_THAT(refused_after(SIGKILL),
              HasSubstr("Its reader, reader (6), was killed by SIGKILL 3 milliseconds before "
                        "the call ended (event 5)."));
  EXPECT_THAT(refused_after(0),
              HasSubstr("Its reader, reader (6), ended 3 milliseconds before the call did"));
  EXPECT_THAT(refused_after(-1),
              HasSubstr("Its reader, reader (6), closed the other end 3 milliseconds before"));
}

}  // namespace
}  // namespace slurper
