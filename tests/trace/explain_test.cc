// What recognisers find in captures that are made byte by byte: what is rare, or hard to bring about. Real
// programs are in tests/recorder.
#include <gmock/gmock.h>

#include <cerrno>

#include "trace/explain/explainer.h"
#include "trace/explain/record_name.h"
#include "trace/explain/words.h"
#include "trace/own_events.h"
#include "trace/trace_site.h"

namespace slurper {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Types of events: the beginnings of calls; their ends are one above.
constexpr std::uint16_t kCloseType = 4;
constexpr std::uint16_t kReadType = 6;
constexpr std::uint16_t kWriteType = 8;
constexpr std::uint16_t kAcceptType = 246;
constexpr std::uint16_t kConnectType = 22;
constexpr std::uint16_t kProcessExitType = 186;

const std::string empty_stdin("\1\5\0\1\0\0\0\0", 8);

Explanation explained(const CaptureBuilder& capture) {
  Model model;
  Explainer explainer(model, Explainer::Notes::Kept);
  for_each_event(capture.bytes(), model, [&explainer](const TraceEvent& event) { explainer.take(event); });
  return explainer.end();
}

// The server, 5, and its application, 6, with a connection between them.
CaptureBuilder conversation() {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "httpd"}).process({.tid = 6, .pid = 6, .name = "app"});
  const std::string ends = u64(0xa1) + u64(0xb2) + sized("/tmp/app.s");
  capture.fd(5, 26, FdType::Unix, ends, 100).fd(6, 4, FdType::Unix, ends, 200);
  capture.event(5, kWriteType, {i64(26), u32(16)}).event(5, kWriteType + 1, {i64(16), "0123456789abcdef"});
  capture.event(6, kReadType, {i64(4), u32(16)}).event(6, kReadType + 1, {i64(16), "0123456789abcdef"});
  return capture;
}

CaptureBuilder refused() {
  CaptureBuilder capture = conversation();
  capture.event(6, kCloseType, {i64(4)}).event(6, kCloseType + 1, {i64(0)});
  capture.event(5, kWriteType, {i64(26), u32(8)}).event(5, kWriteType + 1, {i64(-EPIPE), empty_stdin});
  return capture;
}

TEST(Explain, TheIncidentOfTheStory) {
  const Explanation explanation = explained(refused());
  ASSERT_THAT(explanation.findings, SizeIs(1));
  const TraceFinding& finding = explanation.findings.front();
  EXPECT_EQ(finding.pattern, Pattern::RefusedWrite);
  EXPECT_TRUE(finding.is_harm);
  EXPECT_EQ(
      story_text(finding),
      "The write of 8 bytes was refused with EPIPE (event 8), because app (6) had closed the other end 3 "
      "microseconds before (event 5). app (6) had read 16 of the 16 bytes written to it before. What "
      "was "
      "refused: an empty FCGI_STDIN record.");
  EXPECT_THAT(events_of(finding), ElementsAre(5, 8));
  EXPECT_THAT(text_of(finding.advice), HasSubstr("which only marks the end of the input"));
}

// The client asks 5 for something, and reads the answer if it is patient. It sends 4 bytes more, stays for a
// while, and closes before the server speaks again.
CaptureBuilder left(bool is_patient, std::chrono::seconds stays = {}) {
  const std::string ends = u64(0xa1) + u64(0xb2) + sized("/run/db.s");
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "server"}).process({.tid = 6, .pid = 6, .name = "client"});
  capture.fd(6, 4, FdType::Unix, ends, 200);
  capture.event(5, kAcceptType).event(5, kAcceptType + 1, {i64(9), "\1" + ends, u8(0), u32(0), u32(5)});
  capture.event(6, kWriteType, {i64(4), u32(5)}).event(6, kWriteType + 1, {i64(5), "query"});
  capture.event(5, kReadType, {i64(9), u32(99)}).event(5, kReadType + 1, {i64(5), "query"});
  if (is_patient) {
    capture.event(5, kWriteType, {i64(9), u32(6)}).event(5, kWriteType + 1, {i64(6), "answer"});
    capture.event(6, kReadType, {i64(4), u32(99)}).event(6, kReadType + 1, {i64(6), "answer"});
  }
  capture.event(6, kWriteType, {i64(4), u32(4)}).event(6, kWriteType + 1, {i64(4), "quit"});
  capture.pause(stays).event(6, kCloseType, {i64(4)}).event(6, kCloseType + 1, {i64(0)});
  capture.event(5, kWriteType, {i64(9), u32(3)}).event(5, kWriteType + 1, {i64(-EPIPE), "bye"});
  return capture;
}

TEST(Explain, AServerThatSpeaksToAClientThatHasSaidGoodbyeHurtsNoProcess) {
  const Explanation explanation = explained(left(true));
  EXPECT_EQ(explanation.harm, 0U);
  ASSERT_THAT(explanation.findings, SizeIs(1));
  const TraceFinding& finding = explanation.findings.front();
  EXPECT_THAT(
      story_text(finding),
      HasSubstr("client (6) had read all answers, and closed 1 microsecond after its last 4 bytes (event "
                "12), not waiting for an answer to these."));
  EXPECT_THAT(text_of(finding.advice), HasSubstr("did not wait for these bytes"));
}

TEST(Explain, AClientThatLeavesBeforeItsAnswerIsHarm) {
  EXPECT_EQ(explained(left(false)).harm, 1U);
  EXPECT_EQ(explained(left(true, seconds(1))).harm, 1U);
}

TEST(Explain, WhoWasNotRecordedIsNotAccused) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "httpd"});
  capture.fd(5, 26, FdType::Unix, u64(0xa1) + u64(0xb2) + sized("/tmp/app.s"), 100);
  capture.event(5, kWriteType, {i64(26), u32(8)}).event(5, kWriteType + 1, {i64(-EPIPE), "12345678"});
  const Explanation explanation = explained(capture);
  ASSERT_THAT(explanation.findings, SizeIs(1));
  EXPECT_THAT(story_text(explanation.findings.front()), HasSubstr("that process was not recorded"));
}

// The bytes that came into the pipe later went to a reader that was not recorded.
TEST(Explain, AReaderThatHadLeftBeforeIsNotAccused) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "writer"}).process({.tid = 6, .pid = 6, .name = "reader"});
  capture.fd(5, 1, FdType::Fifo, sized("/run/fifo"), 71).fd(6, 0, FdType::Fifo, sized("/run/fifo"), 71);
  capture.event(5, kWriteType, {i64(1), u32(1)}).event(5, kWriteType + 1, {i64(1), "x"});
  capture.event(6, kReadType, {i64(0), u32(1)}).event(6, kReadType + 1, {i64(1), "x"});
  capture.event(6, kCloseType, {i64(0)}).event(6, kCloseType + 1, {i64(0)}).pause(seconds(1));
  capture.event(5, kWriteType, {i64(1), u32(1)}).event(5, kWriteType + 1, {i64(1), "y"});
  capture.event(5, kWriteType, {i64(1), u32(1)}).event(5, kWriteType + 1, {i64(-EPIPE), "z"});
  const Explanation explanation = explained(capture);
  ASSERT_THAT(explanation.findings, SizeIs(1));
  EXPECT_THAT(story_text(explanation.findings.front()), HasSubstr("that process was not recorded"));
}

// The application answers `written` bytes, of which the server reads 4, and closes; the server is told that
// not all was read.
CaptureBuilder reset_after(std::int64_t written) {
  CaptureBuilder capture = conversation();
  const std::string answer(static_cast<std::size_t>(written), 'a');
  capture.event(6, kWriteType, {i64(4), u32(100)}).event(6, kWriteType + 1, {i64(written), answer});
  capture.event(5, kReadType, {i64(26), u32(4)}).event(5, kReadType + 1, {i64(4), "aaaa"});
  capture.event(6, kCloseType, {i64(4)}).event(6, kCloseType + 1, {i64(0)});
  capture.event(5, kReadType, {i64(26), u32(100)}).event(5, kReadType + 1, {i64(-ECONNRESET), ""});
  return capture;
}

TEST(Explain, AResetAfterTheWholeAnswerIsANote) {
  const Explanation explanation = explained(reset_after(4));
  EXPECT_EQ(explanation.harm, 0U);
  ASSERT_THAT(explanation.findings, SizeIs(1));
  EXPECT_THAT(story_text(explanation.findings.front()),
              HasSubstr("httpd (5) had read all of the 4 bytes that app (6) had written"));
}

TEST(Explain, AResetThatCutsTheAnswerIsHarm) {
  const Explanation explanation = explained(reset_after(9));
  EXPECT_EQ(explanation.harm, 1U);
  ASSERT_THAT(explanation.findings, SizeIs(1));
  EXPECT_EQ(explanation.findings.front().pattern, Pattern::Reset);
}

// A reader at the end of a FIFO, to which is written again `before_end` before the recording ends.
CaptureBuilder idle_reader(std::chrono::milliseconds before_end) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "writer"}).process({.tid = 6, .pid = 6, .name = "reader"});
  capture.fd(5, 1, FdType::Fifo, sized("/run/fifo"), 71).fd(6, 0, FdType::Fifo, sized("/run/fifo"), 71);
  capture.event(6, kReadType, {i64(0), u32(1)}).event(6, kReadType + 1, {i64(0), ""}).pause(seconds(5));
  capture.event(5, kWriteType, {i64(1), u32(1)}).event(5, kWriteType + 1, {i64(1), "y"});
  capture.pause(before_end).event_at_once(5, kEndEvent, {});
  return capture;
}

TEST(Explain, AReaderThatDoesNotReadOnHasStopped) {
  const Explanation explanation = explained(idle_reader(seconds(2)));
  ASSERT_THAT(explanation.findings, SizeIs(1));
  EXPECT_EQ(explanation.findings.front().pattern, Pattern::StoppedReader);
  EXPECT_THAT(story_text(explanation.findings.front()), HasSubstr("reader (6) has not read since then"));
}

TEST(Explain, AReaderThatMayBeAboutToReadHasNot) {
  const Explanation explanation = explained(idle_reader(std::chrono::milliseconds(1)));
  EXPECT_EQ(explanation.harm, 0U);
}

TEST(Explain, ARefusalThatIsRepeatedIsOneFinding) {
  CaptureBuilder capture = refused();
  for (int i = 0; i < 3; ++i)
    capture.event(5, kWriteType, {i64(26), u32(8)}).event(5, kWriteType + 1, {i64(-EPIPE), empty_stdin});
  const Explanation explanation = explained(capture);
  ASSERT_THAT(explanation.findings, SizeIs(1));
  EXPECT_THAT(story_text(explanation.findings.front()),
              HasSubstr("3 calls that followed failed, too, the last at event 14."));
}

TEST(Explain, AnEndMarkThrownAwayUnreadHurtsNoProcess) {
  CaptureBuilder capture = conversation();
  capture.event(5, kWriteType, {i64(26), u32(8)}).event(5, kWriteType + 1, {i64(8), empty_stdin});
  capture.event(6, kCloseType, {i64(4)});
  capture.event_at_once(6, kUnreadEvent, {u64(200), u64(8), u64(0xa1), u64(0xb2)});
  capture.event(6, kCloseType + 1, {i64(0)});
  const Explanation explanation = explained(capture);
  EXPECT_EQ(explanation.harm, 0U);
  ASSERT_THAT(explanation.findings, SizeIs(1));
  EXPECT_THAT(
      story_text(explanation.findings.front()),
      HasSubstr("httpd (5) had written them (event 6). What was not read: an empty FCGI_STDIN record."));
  EXPECT_THAT(text_of(explanation.findings.front().advice), HasSubstr("no process was hurt"));
}

// Two processes with two pipes: each writes to the one that the other should read.
CaptureBuilder two_pipes() {
  CaptureBuilder capture;
  capture.process({.tid = 1, .pid = 1, .name = "sh"});
  capture.process({.tid = 5, .pid = 5, .name = "left"}).process({.tid = 6, .pid = 6, .name = "right"});
  for (const std::int64_t pid : {5, 6}) {
    const std::int64_t writes_to = pid == 5 ? 71 : 72;
    const std::int64_t reads_from = pid == 5 ? 72 : 71;
    capture.fd(pid, 1, FdType::Fifo, sized("/run/" + std::to_string(writes_to)),
               static_cast<std::uint64_t>(writes_to));
    capture.fd(pid, 0, FdType::Fifo, sized("/run/" + std::to_string(reads_from)),
               static_cast<std::uint64_t>(reads_from));
    // So that it is known which end is which.
    capture.event(pid, kWriteType, {i64(1), u32(1)}).event(pid, kWriteType + 1, {i64(1), "x"});
  }
  for (const std::int64_t pid : {5, 6})
    capture.event(pid, kReadType, {i64(0), u32(1)}).event(pid, kReadType + 1, {i64(1), "x"});
  return capture;
}

TEST(Explain, ProcessesThatWaitForEachOther) {
  CaptureBuilder capture = two_pipes();
  capture.event(5, kWriteType, {i64(1), u32(100'000)}).event(6, kWriteType, {i64(1), u32(100'000)});
  capture.pause(seconds(3)).event_at_once(1, kEndEvent, {});
  const Explanation explanation = explained(capture);
  ASSERT_THAT(explanation.findings, SizeIs(2));
  const TraceFinding& finding = explanation.findings.front();
  EXPECT_EQ(finding.pattern, Pattern::WaitCycle);
  EXPECT_THAT(
      story_text(finding),
      HasSubstr(
          "left (5) waits for right (6): it is in write on <p>/run/71 (event 9). right (6) waits for left "
          "(5): it is in write on <p>/run/72 (event 10). Each waits for the next one"));
}

TEST(Explain, AProcessThatWaitsForAReaderIsInNoCycle) {
  CaptureBuilder capture = two_pipes();
  capture.event(5, kWriteType, {i64(1), u32(100'000)}).event(6, 134, {u64(0)});
  capture.pause(seconds(3)).event_at_once(1, kEndEvent, {});
  const Explanation explanation = explained(capture);
  ASSERT_THAT(explanation.findings, SizeIs(1));
  EXPECT_EQ(explanation.findings.front().pattern, Pattern::BlockedWrite);
  EXPECT_THAT(story_text(explanation.findings.front()),
              HasSubstr("Instead, right (6) has been in nanosleep since event 10"));
}

TEST(Explain, ALongWriteWithOthersAmongIt) {
  CaptureBuilder capture = two_pipes();
  capture.process({.tid = 7, .pid = 7, .name = "other"}).fd(7, 1, FdType::Fifo, sized("/run/71"), 71);
  capture.event(5, kWriteType, {i64(1), u32(100'000)});
  capture.event(7, kWriteType, {i64(1), u32(4)}).event(7, kWriteType + 1, {i64(4), "abc\n"});
  capture.event(5, kWriteType + 1, {i64(100'000), "long"});
  const Explanation explanation = explained(capture);
  ASSERT_THAT(explanation.findings, SizeIs(1));
  EXPECT_EQ(explanation.findings.front().pattern, Pattern::MixedWrites);
  EXPECT_TRUE(explanation.findings.front().is_harm);
}

TEST(Explain, WritesThatTheKernelKeepsInOnePieceAreNotMixed) {
  CaptureBuilder capture = two_pipes();
  capture.process({.tid = 7, .pid = 7, .name = "other"}).fd(7, 1, FdType::Fifo, sized("/run/71"), 71);
  capture.event(5, kWriteType, {i64(1), u32(4096)});
  capture.event(7, kWriteType, {i64(1), u32(4)}).event(7, kWriteType + 1, {i64(4), "abc\n"});
  capture.event(5, kWriteType + 1, {i64(4096), "long"});
  EXPECT_THAT(explained(capture).findings, IsEmpty());
}

TEST(Explain, AShortWriteWhoseRestFollowsIsNotTorn) {
  CaptureBuilder capture = two_pipes();
  capture.event(5, kWriteType, {i64(1), u32(10'000)}).event(5, kWriteType + 1, {i64(8192), "long"});
  capture.event(5, kWriteType, {i64(1), u32(1808)}).event(5, kWriteType + 1, {i64(1808), "rest"});
  EXPECT_THAT(explained(capture).findings, IsEmpty());
}

TEST(Explain, AShortWriteThatAnotherTears) {
  CaptureBuilder capture = two_pipes();
  capture.process({.tid = 7, .pid = 7, .name = "other"}).fd(7, 1, FdType::Fifo, sized("/run/71"), 71);
  capture.event(5, kWriteType, {i64(1), u32(10'000)}).event(5, kWriteType + 1, {i64(8192), "long"});
  capture.event(7, kWriteType, {i64(1), u32(4)}).event(7, kWriteType + 1, {i64(4), "abc\n"});
  capture.event(5, kWriteType, {i64(1), u32(1808)}).event(5, kWriteType + 1, {i64(1808), "rest"});
  const Explanation explanation = explained(capture);
  ASSERT_THAT(explanation.findings, SizeIs(1));
  EXPECT_EQ(explanation.findings.front().pattern, Pattern::TornWrite);
  EXPECT_THAT(
      story_text(explanation.findings.front()),
      HasSubstr("The write wrote 8192 of 10000 bytes (event 10). Before the rest followed (event 14), "
                "other (7) wrote 4 bytes (event 12)"));
}

TEST(Explain, AFullPipeThatTheWriterTriesAgainIsANote) {
  CaptureBuilder capture = two_pipes();
  capture.event(5, kWriteType, {i64(1), u32(4)}).event(5, kWriteType + 1, {i64(-EAGAIN), "one\n"});
  capture.event(5, kWriteType, {i64(1), u32(4)}).event(5, kWriteType + 1, {i64(4), "one\n"});
  const Explanation retried = explained(capture);
  EXPECT_EQ(retried.harm, 0U);
  ASSERT_THAT(retried.findings, SizeIs(1));
  EXPECT_THAT(story_text(retried.findings.front()), HasSubstr("wrote the same bytes later, at event 12."));
}

TEST(Explain, AFullPipeThatHasCostALine) {
  CaptureBuilder capture = two_pipes();
  capture.event(5, kWriteType, {i64(1), u32(4)}).event(5, kWriteType + 1, {i64(-EAGAIN), "one\n"});
  capture.event(5, kWriteType, {i64(1), u32(4)}).event(5, kWriteType + 1, {i64(4), "two\n"});
  const Explanation dropped = explained(capture);
  EXPECT_EQ(dropped.harm, 1U);
  EXPECT_THAT(story_text(dropped.findings.front()), HasSubstr("what was refused is lost."));
}

TEST(Explain, AFullQueueOfConnections) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "client"}).fd(5, 3, FdType::Unix, u64(0) + u64(0) + sized(""));
  const std::string address = u8(1) + text("/run/server");
  capture.event(5, kConnectType, {i64(3), address}).event(5, kConnectType + 1, {i64(-EAGAIN), ""});
  const Explanation explanation = explained(capture);
  ASSERT_THAT(explanation.findings, SizeIs(1));
  EXPECT_EQ(explanation.findings.front().pattern, Pattern::FullQueue);
}

TEST(Explain, ADeathBySigpipeWithoutARefusedWrite) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"});
  capture.event(5, kProcessExitType, {i64(13), i64(0), u8(13), u8(0)});
  const Explanation explanation = explained(capture);
  ASSERT_THAT(explanation.findings, SizeIs(1));
  EXPECT_EQ(explanation.findings.front().pattern, Pattern::KilledBySigpipe);
}

TEST(RecordName, KnowsRecordsBySight) {
  EXPECT_TRUE(name_record(empty_stdin, 8).is_end_mark);
  const std::string params("\1\4\0\1\0\3\5\0abc\0\0\0\0\0\1\5\0\1\0\0\0\0", 24);
  EXPECT_EQ(name_record(params, params.size()).text,
            "an FCGI_PARAMS record of 3 bytes, an empty FCGI_STDIN record");
  EXPECT_FALSE(name_record(params, params.size()).is_end_mark);
  EXPECT_EQ(name_record("GET / HTTP/1.1\r\nHost: x", 23).text, "an HTTP request, 'GET / HTTP/1.1'");
  EXPECT_EQ(name_record("HTTP/1.1 200 OK\r\n", 17).text, "an HTTP response, 'HTTP/1.1 200 OK'");
  EXPECT_EQ(name_record("<13>app: x\n", 11).text, "a syslog message, '<13>app: x'");
  EXPECT_EQ(name_record("<999>x", 6).text, "");
  EXPECT_EQ(name_record("hello", 5).text, "");
}

TEST(Words, EveryPatternHasAName) {
  for (int i = 0; i <= static_cast<int>(Pattern::FullQueue); ++i) {
    EXPECT_FALSE(name_of(static_cast<Pattern>(i)).empty());
    EXPECT_FALSE(title_of(static_cast<Pattern>(i)).empty());
  }
}

TEST(Words, EverySayingHasWords) {
  for (int i = 0; i <= static_cast<int>(Saying::DoFindSender); ++i)
    EXPECT_FALSE(text_of(Statement{.saying = static_cast<Saying>(i)}).empty()) << i;
}

}  // namespace
}  // namespace slurper
