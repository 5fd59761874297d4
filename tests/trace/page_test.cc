// The page of a capture: what it contains, and that nothing in it acts.
#include <gmock/gmock.h>

#include "trace/own_events.h"
#include "trace/page/page_document.h"
#include "trace/page_site.h"

namespace slurper {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kMaxPage = std::size_t{10} << 20;

std::string page_text(std::string_view text, std::size_t max = std::string::npos) {
  std::string out;
  append_page_text(out, text, max);
  return out;
}

int count_of(const std::string& text, const std::string& word) {
  int count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

int count_of(const json& column, std::int64_t number) {
  return static_cast<int>(std::count(column.begin(), column.end(), json(number)));
}

// A column in which each number is the difference from the one before.
std::vector<std::int64_t> summed(const json& column) {
  std::vector<std::int64_t> numbers;
  std::int64_t sum = 0;
  for (const json& one : column) numbers.push_back(sum += one.get<std::int64_t>());
  return numbers;
}

std::string argument(const json& data, std::size_t call) {
  return data["calls"]["texts"][data["calls"]["arguments"][call].get<std::size_t>()];
}

TEST(TracePage, HasACallOnceWithItsBeginningAndItsEnd) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).file(5, 3, "/etc/hosts");
  capture.event(5, kReadEnter, {i64(3), u32(10)}).event(5, kReadExit, {i64(3), "a\nb"});
  capture.event(5, 4, {i64(3)}).event(5, 5, {i64(-5)});
  const json data = data_of(page_of(capture));
  const json& calls = data["calls"];
  EXPECT_EQ(summed(calls["number"]), (std::vector<std::int64_t>{2, 4}));
  EXPECT_EQ(calls["enter"], json::parse("[1, 1]"));
  EXPECT_EQ(summed(calls["start"]), (std::vector<std::int64_t>{0, 2000}));
  EXPECT_EQ(calls["duration"], json::parse("[1000, 1000]"));
  EXPECT_EQ(calls["fd"], json::parse("[3, 3]"));
  EXPECT_EQ(calls["result"], json::parse("[3, -5]"));
  EXPECT_EQ(calls["state"], json::parse("[1, 5]"));
  EXPECT_EQ(argument(data, 0), "size=10 data=a.b");
  EXPECT_EQ(data["names"], json::parse(R"(["read", "close"])"));
  EXPECT_EQ(data["errors"], json::parse(R"({"-5": "EIO"})"));
  EXPECT_EQ(data["who"], json::parse(R"([[5, 5, "app"]])"));
  EXPECT_EQ(data["files"], json::parse(R"([["file", "<f>", "/etc/hosts", -1, "77"]])"));
  EXPECT_EQ(data["events"], 4);
}

TEST(TracePage, HasCallsThatHaveNotEnded) {
  const json data = data_of(page_of(conversation()));
  const auto last = data["calls"]["state"].size() - 2;  // numbered by its beginning
  EXPECT_EQ(data["calls"]["state"][last], 2);
  EXPECT_EQ(data["calls"]["duration"][last], 5'002'000);
}

TEST(TracePage, BothEndsOfAPipeHaveOneKey) {
  const json data = data_of(page_of(conversation()));
  std::map<std::string, std::set<int>> keys;
  for (const json& file : data["files"]) keys[file[2]].insert(file[3].get<int>());
  EXPECT_EQ(keys["/run/x"], std::set<int>{0});
  EXPECT_EQ(keys["/etc/hosts"], std::set<int>{-1});
  EXPECT_EQ(data["pipes"]["slots"], json::parse("[16]"));
  EXPECT_EQ(data["pipes"]["most"], json::parse("[16]"));
}

TEST(TracePage, HasTheWriteOfEachRead) {
  const json data = data_of(page_of(conversation()));
  const json& links = data["links"];
  EXPECT_EQ(summed(links["read"]), (std::vector<std::int64_t>{3, 7, 11, 15, 19, 23, 27, 31, 35, 39}));
  EXPECT_EQ(count_of(links["write"], 2), 10);  // by the beginnings of both calls
  EXPECT_EQ(count_of(links["doubt"], 0), 10);
}

// Another process, which was not recorded, may read and write.
TEST(TracePage, SaysWhyTheWriteOfAReadIsNotSure) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).fd(5, 3, FdType::Fifo, sized("/run/x"), 99);
  capture.event(5, kWriteEnter, {i64(3), u32(4)}).event(5, kWriteExit, {i64(4), "line"});
  capture.event_at_once(5, kPipeEvent, {i64(3), u64(99), u32(1), u32(16), u32(1), u32(1)});
  capture.event(5, kReadEnter, {i64(3), u32(4)}).event(5, kReadExit, {i64(4), "line"});
  const json data = data_of(page_of(capture));
  for (const json& doubt : data["links"]["doubt"])
    EXPECT_NE(data["links"]["reasons"][doubt.get<std::size_t>()], "");
}

TEST(TracePage, SaysWhomASleepingCallWaitsFor) {
  const json data = data_of(page_of(chain_of_waits()));
  std::map<std::int64_t, json> waits;
  const auto numbers = summed(data["calls"]["number"]);
  for (const json& one : data["waits"]) waits[numbers[one[0].get<std::size_t>()]] = one;
  ASSERT_TRUE(waits.contains(11));  // the write of first
  EXPECT_EQ(waits[11],
            json::array({waits[11][0],
                         {"first (5) waits for second (6): it is in write on <p>/run/one (event 11).", 11},
                         {"second (6) waits for last (7): it is in write on <p>/run/two (event 10).", 10},
                         {"last (7) has been in nanosleep for 3.0 seconds (event 9).", 9}}));
  EXPECT_FALSE(waits.contains(9));
}

// The sentences of the one call that has any.
std::vector<std::string> sentences_of(const CaptureBuilder& capture) {
  std::vector<std::string> sentences;
  const json data = data_of(page_of(capture));
  EXPECT_EQ(data["waits"].size(), 1);
  for (const json& sentence : data["waits"][0])
    if (sentence.is_array()) sentences.push_back(sentence[0]);
  return sentences;
}

TEST(TracePage, SaysWhatAReaderDidWhileAWriteSlept) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).process({.tid = 6, .pid = 6, .name = "reader"});
  capture.fd(5, 4, FdType::Fifo, sized("/run/x"), 99).fd(6, 3, FdType::Fifo, sized("/run/x"), 99);
  capture.event(6, kReadEnter, {i64(3), u32(1)}).event(6, kReadExit, {i64(1), "x"});
  CaptureBuilder awake = capture;
  capture.event(6, 134, {u64(0)}).event(5, kWriteEnter, {i64(4), u32(100)});  // nanosleep
  capture.pause(std::chrono::seconds(2)).event(6, 135, {i64(0)}).event(5, kWriteExit, {i64(100), "x"});
  EXPECT_THAT(sentences_of(capture),
              testing::ElementsAre(
                  "app (5) waited for reader (6): it was in write on <p>/run/x for 2.0 seconds (event 4).",
                  "reader (6) was in nanosleep for 2.0 seconds (event 3)."));
  awake.event(5, kWriteEnter, {i64(4), u32(100)}).pause(std::chrono::seconds(2));
  awake.event(5, kWriteExit, {i64(100), "x"});
  EXPECT_THAT(sentences_of(awake), testing::ElementsAre(HasSubstr("waited for reader (6)"),
                                                        "reader (6) was not asleep for most of this time."));
}

TEST(TracePage, SaysThatSeveralProcessesMayBeWaitedFor) {
  CaptureBuilder capture;
  for (const std::int64_t pid : {5, 6, 7}) {
    capture.process({.tid = pid, .pid = pid, .name = "p" + std::to_string(pid)});
    capture.fd(pid, 3, FdType::Fifo, sized("/run/x"), 99);
  }
  for (const std::int64_t pid : {6, 7})
    capture.event(pid, kReadEnter, {i64(3), u32(1)}).event(pid, kReadExit, {i64(1), "x"});
  capture.event(5, kWriteEnter, {i64(3), u32(100)}).pause(std::chrono::seconds(2));
  capture.event(5, kWriteExit, {i64(100), "x"});
  EXPECT_THAT(sentences_of(capture),
              testing::ElementsAre("p5 (5) was in write on <p>/run/x for 2.0 seconds (event 5).",
                                   "2 processes have the other end."));
}

TEST(TracePage, SaysThatAChainOfWaitsIsACircle) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "left"}).process({.tid = 6, .pid = 6, .name = "right"});
  for (const std::int64_t pid : {5, 6}) {
    capture.fd(pid, 1, FdType::Fifo, sized("/run/" + std::to_string(pid)), static_cast<std::uint64_t>(pid));
    capture.fd(11 - pid, 0, FdType::Fifo, sized("/run/" + std::to_string(pid)),
               static_cast<std::uint64_t>(pid));
  }
  for (const std::int64_t pid : {5, 6}) {
    capture.event(pid, kWriteEnter, {i64(1), u32(1)}).event(pid, kWriteExit, {i64(1), "x"});
    capture.event(11 - pid, kReadEnter, {i64(0), u32(1)}).event(11 - pid, kReadExit, {i64(1), "x"});
  }
  for (const std::int64_t pid : {5, 6}) capture.event(pid, kWriteEnter, {i64(1), u32(100'000)});
  capture.pause(std::chrono::seconds(2)).event_at_once(5, kEndEvent, {});
  const json data = data_of(page_of(capture));
  ASSERT_EQ(data["waits"].size(), 2);
  for (const json& one : data["waits"])
    EXPECT_THAT(one.back()[0].get<std::string>(), HasSubstr("So the chain comes back to "));
}

TEST(TracePage, BothEndsOfAConnectionHaveOneKey) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).process({.tid = 6, .pid = 6});
  capture.fd(5, 3, FdType::Unix, u64(10) + u64(11) + sized("/s"))
      .fd(6, 3, FdType::Unix, u64(11) + u64(10) + sized("/s"));
  capture.event(5, kWriteEnter, {i64(3), u32(1)}).event(5, kWriteExit, {i64(1), "x"});
  capture.event(6, kReadEnter, {i64(3), u32(1)}).event(6, kReadExit, {i64(1), "x"});
  const json data = data_of(page_of(capture));
  ASSERT_EQ(data["files"].size(), 2);
  EXPECT_EQ(data["files"][0][3], 0);
  EXPECT_EQ(data["files"][1][3], 0);
}

TEST(TracePage, HasTheResultOfACallThatSysdigKnowsByNameOnly) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5});
  capture.event(5, 0, {u16(78), u16(74)}).event(5, 1, {u16(78)});
  capture.event_at_once(5, kResultEvent, {i64(-5), u64(10), u64(3), u64(0), u64(0), u64(0), u64(0), u64(0)});
  const json data = data_of(page_of(capture));
  EXPECT_EQ(data["calls"]["result"], json::parse("[-5]"));
  EXPECT_EQ(data["calls"]["state"], json::parse("[5]"));
}

TEST(TracePage, NotesWhatSlurperHasRecorded) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).event(5, 4, {i64(3)}).event(5, 5, {i64(0)});
  capture.event_at_once(5, kDropsEvent, {u16(1), u64(17)});
  const json data = data_of(page_of(capture));
  EXPECT_EQ(data["lost"], 17);
  EXPECT_THAT(argument(data, 1), HasSubstr("lost=17"));
}

TEST(TracePage, AClockThatWasSetBackMovesNothingBack) {
  CaptureBuilder capture;
  const std::int64_t step = -3'600'000'000'000;
  capture.process({.tid = 5, .pid = 5}).event(5, 4, {i64(3)}).event(5, 5, {i64(0)});
  capture.pause(std::chrono::nanoseconds(step)).event_at_once(5, kClockEvent, {i64(step)});
  capture.event(5, 4, {i64(4)}).event(5, 5, {i64(0)});
  const json data = data_of(page_of(capture));
  EXPECT_EQ(summed(data["calls"]["start"]), (std::vector<std::int64_t>{0, 1000, 2000}));
}

TEST(TracePage, ShowsWhatTheFilterLetsThrough) {
  const json data = data_of(page_of(conversation(), "evt.res = EPIPE"));
  EXPECT_EQ(data["calls"]["result"], json::parse("[-32]"));
  EXPECT_EQ(data["filter"], "evt.res = EPIPE");
}

TEST(TracePage, AnEmptyCaptureHasAPage) {
  const json data = data_of(page_of(CaptureBuilder()));
  EXPECT_EQ(data["events"], 0);
  EXPECT_EQ(data["calls"]["number"], json::array());
}

TEST(TracePage, HasTheFindingsWithTheirProof) {
  const json findings = data_of(page_of(conversation()))["findings"];
  ASSERT_EQ(findings.size(), 2U) << findings;
  EXPECT_EQ(findings[0]["harm"], true) << "harm comes first";
  EXPECT_THAT(findings[1]["text"].get<std::string>(),
              testing::StartsWith("A full pipe, app (5), <p>/run/x, at "));
  EXPECT_EQ(findings[1]["harm"], false) << "the pipe had room when it was written to again";
  EXPECT_NE(findings[1]["advice"], "");
  EXPECT_THAT(findings[1]["events"].get<std::vector<int>>(), testing::Contains(42)) << "the refused write";
}

// The filter chooses what is shown. What has gone wrong is a matter of all events.
TEST(TracePage, TheFilterHidesNoFinding) {
  EXPECT_EQ(data_of(page_of(conversation(), "proc.name = reader"))["findings"].size(), 2U);
}

TEST(TracePage, TextsAreNoMarkup) {
  EXPECT_EQ(page_text("</script>&"), R"("\u003c/script\u003e\u0026")");
  EXPECT_EQ(page_text("\"\\"), R"("\"\\")");
  EXPECT_EQ(page_text("\n\x1b[2J\xff\xe2\x80\xa8\xc3\xa4"), R"("\\x0a\\x1b[2J\\xff\\xe2\\x80\\xa8ä")");
  EXPECT_EQ(page_text("<<<<", 12), R"("\u003c\u003c…")");
}

TEST(TracePage, NamesOfACaptureAreNoMarkup) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = std::string(kHostile)}).file(5, 3, kHostile);
  capture.event(5, kReadEnter, {i64(3), u32(10)}).event(5, kReadExit, {i64(3), std::string(kHostile)});
  const std::string page = page_of(capture);
  EXPECT_EQ(count_of(page, "<script"), 2);
  EXPECT_EQ(count_of(page, "</script"), 2);
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  const std::string shown =
      "a\"</script><script>hacked=1</script><img src=x "
      "onerror=hacked=2>&lt;\\xe2\\x80\\xa8\\x1b[2J\\xff'`${hacked=3}";
  EXPECT_EQ(data_of(page)["who"][0][2], shown);
  EXPECT_EQ(data_of(page)["files"][0][2], shown);
}

// The largest capture that is shown call by call, with data that grows when it is escaped.
TEST(TracePage, AHundredThousandEventsFitInTenMebibytes) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/var/log/messages");
  for (int i = 0; i < 50'000; ++i) {
    const std::string data = std::to_string(i) + std::string(200, '<');
    capture.event(5, kReadEnter, {i64(3), u32(300)}).event(5, kReadExit, {i64(206), data});
  }
  const std::string page = page_of(capture);
  EXPECT_LT(page.size(), kMaxPage);
  EXPECT_EQ(data_of(page)["calls"]["number"].size(), 50'000);
  EXPECT_FALSE(data_of(page).contains("cells"));
}

TEST(TracePage, OfMoreEventsItHasTheFailedAndTheLongestCalls) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/var/log/messages");
  constexpr int kCalls = 120'000;
  for (int i = 0; i < kCalls; ++i) {
    capture.event(5, kReadEnter, {i64(3), u32(300)});
    if (i % 1000 == 7) capture.pause(std::chrono::microseconds(50));
    capture.event(5, kReadExit, {i64(i % 1000 == 0 ? -5 : 1), "x"});
  }
  const std::string page = page_of(capture);
  EXPECT_LT(page.size(), kMaxPage);
  const json data = data_of(page);
  EXPECT_EQ(data["events"], 2 * kCalls);
  EXPECT_EQ(data["allCalls"], kCalls);
  EXPECT_EQ(data["calls"]["number"].size(), TracePage::kMaxAggregatedCalls);
  EXPECT_TRUE(std::ranges::is_sorted(summed(data["calls"]["number"])));
  EXPECT_EQ(count_of(data["calls"]["result"], -5), kCalls / 1000);
  EXPECT_EQ(count_of(data["calls"]["duration"], 51'000), kCalls / 1000);
  // Each cell: its place, calls and failed calls.
  ASSERT_EQ(data["cells"].size(), 1);
  const json& cells = data["cells"][0];
  int calls = 0;
  int failed = 0;
  for (std::size_t i = 1; i < cells.size(); i += 3) {
    EXPECT_LT(cells[i].get<std::size_t>(), TracePage::kMaxCells);
    calls += cells[i + 1].get<int>();
    failed += cells[i + 2].get<int>();
  }
  EXPECT_EQ(calls, kCalls);
  EXPECT_EQ(failed, kCalls / 1000);
  EXPECT_EQ(data["cellEvents"][0], 1);
}

// Lines between single calls are those of calls that the page has; the others are counted, by their ends.
TEST(TracePage, OfMoreEventsItCountsWhatWentThroughPipes) {
  constexpr int kLines = 40'000;
  const std::string page = page_of(busy_pipes(1, kLines));
  EXPECT_LT(page.size(), kMaxPage);
  const json data = data_of(page);
  ASSERT_EQ(data["flows"].size(), 1);
  const json& flow = data["flows"][0];
  EXPECT_EQ((std::vector<int>{flow[0], flow[1], flow[2], flow[3], flow[4]}),
            (std::vector<int>{5, 10, 6, 10, 0}));
  int count = 0;
  for (std::size_t i = 5; i < flow.size(); i += 2) {
    EXPECT_LT(flow[i].get<std::size_t>(), TracePage::kMaxCells);
    count += flow[i + 1].get<int>();
  }
  EXPECT_EQ(count, kLines);
  EXPECT_EQ(data["flowsLeftOut"], 0);

  std::set<std::int64_t> calls;
  const auto numbers = summed(data["calls"]["number"]);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    calls.insert(numbers[i]);
    calls.insert(numbers[i] - data["calls"]["enter"][i].get<std::int64_t>());
  }
  const auto reads = summed(data["links"]["read"]);
  EXPECT_GT(reads.size(), 0U);
  EXPECT_LT(reads.size(), kLines);
  for (const std::int64_t read : reads) EXPECT_TRUE(calls.contains(read)) << read;
}

TEST(TracePage, OfManyPipesItHasThoseThatWereUsedMost) {
  constexpr int kPipes = 200;
  constexpr int kLines = 240'000;
  const std::string page = page_of(busy_pipes(kPipes, kLines));
  EXPECT_LT(page.size(), kMaxPage);
  const json data = data_of(page);
  EXPECT_LT(data["flows"].size(), kPipes);
  std::size_t cells = 0;
  int count = 0;
  int least = kLines;
  for (const json& flow : data["flows"]) {
    int of_flow = 0;
    for (std::size_t i = 5; i < flow.size(); i += 2) of_flow += flow[i + 1].get<int>();
    count += of_flow;
    least = std::min(least, of_flow);
    cells += (flow.size() - 5) / 2;
  }
  EXPECT_LE(cells, TracePage::kMaxShownFlowCells);
  const int left_out = data["flowsLeftOut"];
  EXPECT_EQ(count + left_out, kLines);
  EXPECT_GE(least, left_out / (kPipes - static_cast<int>(data["flows"].size())));
}

// Short pipelines, of which each pipe is used once.
TEST(TracePage, PipesThatWereUsedOnceAreNotForgotten) {
  const json data = data_of(page_of(busy_pipes(30'000, 30'000)));
  EXPECT_GT(data["flows"].size(), 1'000);
}

TEST(TracePage, APageThatHasAllCallsCountsNone) {
  EXPECT_FALSE(data_of(page_of(busy_pipes(1, 100))).contains("flows"));
}

TEST(TracePage, ACallWhoseBeginningWasLostWaitsForNoProcess) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).fd(5, 4, FdType::Fifo, sized("/run/x"), 99);
  capture.event(5, kWriteExit, {i64(-32), "y"});
  EXPECT_EQ(data_of(page_of(capture))["waits"].size(), 0);
}

TEST(TracePage, SaysHowTheReaderOfARefusedWriteHasLeft) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).process({.tid = 6, .pid = 6, .name = "reader"});
  capture.fd(5, 4, FdType::Fifo, sized("/run/x"), 99).fd(6, 3, FdType::Fifo, sized("/run/x"), 99);
  capture.event(6, kReadEnter, {i64(3), u32(1)}).event(6, kReadExit, {i64(1), "x"});
  capture.event(6, 186, {i64(9), i64(0), u8(9), u8(0)}).pause(std::chrono::milliseconds(3));
  capture.event(5, kWriteEnter, {i64(4), u32(1)}).event(5, kWriteExit, {i64(-32), "y"});
  EXPECT_THAT(
      sentences_of(capture),
      testing::ElementsAre(HasSubstr("app (5) was in write on <p>/run/x"),
                           "Its reader, reader (6), was killed by SIGKILL 3 milliseconds before the call "
                           "ended (event 3)."));
}

}  // namespace
}  // namespace slurper
