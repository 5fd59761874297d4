// Who waits for whom, in captures that are made byte by byte: each case with one that nearly is it. Real
// programs are in tests/recorder.
#include <gmock/gmock.h>

#include <cerrno>
#include <csignal>

#include "trace/waits_site.h"

namespace slurper {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

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
