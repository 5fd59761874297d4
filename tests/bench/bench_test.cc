// The benchmark's own test: it must see what a bad reader does. It looks at no clock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/fd.h"
#include "bench/asked.h"
#include "bench/forward.h"
#include "bench/lines.h"
#include "bench/looked.h"
#include "bench/peers.h"
#include "bench/receiver.h"
#include "bench/run.h"
#include "bench/scenarios.h"
#include "bench/statistics.h"
#include "bench/traced.h"
#include "support/temp_dir.h"
#include "support/text_of.h"

namespace slurper::bench {
namespace {

using test::text_of;

using testing::HasSubstr;

class Lines : public testing::Test {
 protected:
  // `count` lines of writer 0, in order.
  std::vector<std::string> some_lines(std::uint64_t count) {
    std::vector<std::string> lines;
    for (std::uint64_t i = 0; i < count; ++i) {
      std::array<char, kLongestLine> line;
      const std::size_t length = maker_.make(line.data(), 0, i, Moment(1000 + static_cast<std::int64_t>(i)));
      lines.emplace_back(line.data(), length);
    }
    return lines;
  }

  Verdict check(const std::vector<std::string>& lines, std::uint64_t accepted,
                std::span<const Sample> samples = {}) {
    std::string text;
    for (const std::string& line : lines) text += line;
    return check_lines(maker_, text, std::array{accepted}, samples);
  }

  LineMaker maker_;
};

TEST_F(Lines, AreOfTheSizesThatTheyShouldBe) {
  std::size_t bytes = 0;
  for (const std::string& line : some_lines(10'000)) {
    ASSERT_GE(line.size(), kShortestLine);
    ASSERT_LE(line.size(), kLongestLine);
    bytes += line.size();
  }
  EXPECT_NEAR(static_cast<double>(bytes) / 10'000, 150, 3);
}

TEST_F(Lines, AllThereIsNoFault) {
  const Verdict verdict = check(some_lines(1000), 1000);
  EXPECT_EQ(verdict.lines, 1000);
  EXPECT_EQ(verdict.faults(), 0);
}

TEST_F(Lines, ALostLineIsSeen) {
  auto lines = some_lines(1000);
  lines.erase(lines.begin() + 500);
  EXPECT_EQ(check(lines, 1000).lost, 1);
  EXPECT_EQ(check(lines, 1000).faults(), 1);
}

TEST_F(Lines, ALostTailIsSeen) {
  EXPECT_EQ(check(some_lines(990), 1000).lost, 10);
}

TEST_F(Lines, ADoubledLineIsSeen) {
  auto lines = some_lines(1000);
  lines.insert(lines.begin() + 700, lines[500]);
  EXPECT_EQ(check(lines, 1000).duplicated, 1);
  EXPECT_EQ(check(lines, 1000).faults(), 1);
}

TEST_F(Lines, AnExchangeIsSeen) {
  auto lines = some_lines(1000);
  std::swap(lines[500], lines[501]);
  EXPECT_EQ(check(lines, 1000).reordered, 1);
  EXPECT_EQ(check(lines, 1000).faults(), 1);
}

TEST_F(Lines, ADamagedByteIsSeen) {
  for (const std::size_t at : std::initializer_list<std::size_t>{0, 22, 30, 45, 58}) {
    auto lines = some_lines(1000);
    lines[500][at] ^= 1;
    EXPECT_GE(check(lines, 1000).faults(), 1) << at;
  }
}

TEST_F(Lines, GluedLinesAreTorn) {
  auto lines = some_lines(1000);
  lines[500].pop_back();
  const Verdict verdict = check(lines, 1000);
  EXPECT_EQ(verdict.torn, 1);
  EXPECT_EQ(verdict.lost, 2);
}

TEST_F(Lines, AnUnfinishedEndIsTorn) {
  auto lines = some_lines(1000);
  lines.back().pop_back();
  EXPECT_EQ(check(lines, 1000).torn, 1);
}

TEST_F(Lines, ALineThatNobodyWroteIsTorn) {
  EXPECT_EQ(check(some_lines(1000), 999).torn, 1);
}

TEST_F(Lines, LatencyEndsWithTheSampleThatHoldsTheWholeLine) {
  const auto lines = some_lines(2);  // written at 1000 and 1001 us
  const std::uint64_t first = lines[0].size();
  const std::uint64_t both = first + lines[1].size();
  const std::array samples = {Sample{Moment(1100), first}, Sample{Moment(1200), both - 1},
                              Sample{Moment(1300), both}};
  EXPECT_THAT(check(lines, 2, samples).latencies, testing::ElementsAre(Moment(100), Moment(299)));
}

TEST(Statistics, TheMedianIsTheMiddle) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
}

TEST(Tables, ShowRatiosByRepeatAndJudgeThem) {
  const Scenario scenario{.name = "s",
                          .title = "t",
                          .plan = {},
                          .columns = {{.heading = "x cat",
                                       .metric = "m",
                                       .basis = Basis::Ratio,
                                       .digits = 2,
                                       .target = Target{Target::Relation::AtLeast, 2}}}};
  std::vector<Record> records;
  // Repeat 1 was slow for both: the ratio is 2 all the same.
  for (unsigned repeat = 0; repeat < 3; ++repeat) {
    const double speed = repeat == 1 ? 1 : 100;
    records.push_back({"s", "cat", repeat, {{{"m", speed}}, ""}});
    records.push_back({"s", "fast", repeat, {{{"m", speed * 2}}, ""}});
    records.push_back({"s", "slow", repeat, {{{"m", speed * 1.9}}, ""}});
    records.push_back({"s", "liar", repeat, {{{"m", speed * 9}}, repeat == 2 ? "1 line lost" : ""}});
  }
  EXPECT_TRUE(passed(scenario, records, "fast"));
  EXPECT_FALSE(passed(scenario, records, "slow"));
  EXPECT_FALSE(passed(scenario, records, "liar"));
  EXPECT_FALSE(passed(scenario, records, "absent"));
  const std::string text = table(scenario, records);
  EXPECT_THAT(text, HasSubstr("fast      2.00        ok\n"));
  EXPECT_THAT(text, HasSubstr("slow      1.90    MISSED\n"));
  EXPECT_THAT(text, HasSubstr("liar      9.00  1 FAILED\n"));
  EXPECT_THAT(text, HasSubstr("liar: 1 of its runs failed, first: 1 line lost\n"));
}

TEST(Tables, ShowTargetsAsTheyAreJudged) {
  EXPECT_EQ((Target{Target::Relation::AtLeast, 1.4}.text(2)), ">= 1.4");
  EXPECT_EQ((Target{Target::Relation::AtLeast, 0.95}.text(2)), ">= 0.95");
  EXPECT_EQ((Target{Target::Relation::Below, 3000}.text(0)), "< 3000");
  EXPECT_EQ((Target{Target::Relation::AtMost, 0}.text(0)), "0");
}

// The whole harness, with real processes.
class Run : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "slurper-bench-test-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    places_ = {folder_ / "disk", folder_ / "ram"};
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  Outcome run(const std::string& command) {
    const RunPlan plan{.writers = {.writers = 2, .lines = 2'000}};
    auto outcome = run_once(maker_, {.name = "peer", .command = command}, plan, places_);
    if (outcome) return *outcome;
    ADD_FAILURE() << text_of(outcome.error());
    return {};
  }

  LineMaker maker_;
  std::filesystem::path folder_;
  Places places_;
};

TEST_F(Run, AReaderThatKeepsEverythingPasses) {
  const Outcome outcome = run(BENCH_LOOP " {fifo} {out}");
  EXPECT_EQ(outcome.failure, "");
  EXPECT_EQ(outcome.metrics.at("lost"), 0);
  EXPECT_EQ(outcome.metrics.at("refused"), 0);
  EXPECT_GT(outcome.metrics.at("lines_per_second"), 0);
  EXPECT_GT(outcome.metrics.at("cpu_per_million"), 0);
}

TEST_F(Run, AReaderThatLosesALineFails) {
  const Outcome outcome = run("sed -u 1000d 0<>{fifo} >>{out}");
  EXPECT_EQ(outcome.metrics.at("lost"), 1);
  EXPECT_THAT(outcome.failure, HasSubstr("1 lines lost"));
}

TEST_F(Run, AReaderThatDoublesALineFails) {
  EXPECT_THAT(run("sed -u 1000p 0<>{fifo} >>{out}").failure, HasSubstr("1 duplicated"));
}

TEST_F(Run, AReaderThatDiesFails) {
  EXPECT_THAT(run("sed -u 1000q 0<>{fifo} >>{out}").failure, HasSubstr("ended before its time"));
}

TEST_F(Run, AReaderThatNeverStartsFails) {
  EXPECT_THAT(run("sh -c 'echo no such thing >&2; exit 1'").failure, HasSubstr("no such thing"));
}

TEST_F(Run, CountsTheReadersCpuUpToItsEnd) {
  const Outcome outcome = run(BENCH_LOOP " {fifo} {out}");
  EXPECT_GE(outcome.metrics.at("whole_cpu_per_million"), outcome.metrics.at("cpu_per_million") * 0.9);
}

// A recorder that ends with the process, and one that is none.
TEST_F(Run, CallsAreCountedWithARecorderAndWithout) {
  const CallPlan plan{.calls = 20'000, .pipe_size = 1 << 16};
  const auto untraced = run_traced({.name = "untraced", .command = ""}, plan, places_);
  ASSERT_TRUE(untraced) << text_of(untraced.error());
  EXPECT_EQ(untraced->failure, "");
  EXPECT_GT(untraced->metrics.at("call_us"), 0);
  EXPECT_FALSE(untraced->metrics.contains("lost"));
  const auto traced = run_traced(
      {.name = "traced",
       .command = "sh -c 'echo begun >{out}; tail -f /dev/null --pid={pid}; echo 7 records lost >&2'"},
      plan, places_);
  ASSERT_TRUE(traced) << text_of(traced.error());
  EXPECT_EQ(traced->failure, "");
  EXPECT_EQ(traced->metrics.at("lost"), 7);
  EXPECT_GT(traced->metrics.at("events_per_second"), 0);
}

TEST_F(Run, ALookIsTimedAndHasToFindTheProcess) {
  const LookPlan plan{.processes = 20};
  const auto found = run_look({.name = "lsof", .command = "lsof {fifo} >{out}"}, plan, places_);
  ASSERT_TRUE(found) << text_of(found.error());
  EXPECT_EQ(found->failure, "");
  EXPECT_GT(found->metrics.at("wall_ms"), 0);
  EXPECT_GT(found->metrics.at("cpu_ms"), 0);
  const auto other = run_look({.name = "blind", .command = "echo >{out}"}, plan, places_);
  ASSERT_TRUE(other) << text_of(other.error());
  EXPECT_EQ(other->failure, "it did not find the process");
}

TEST_F(Run, ARecorderThatNeverBeginsFails) {
  const auto outcome = run_traced({.name = "traced", .command = "sh -c 'echo no such right >&2; exit 1'"},
                                  {.calls = 1}, places_);
  ASSERT_TRUE(outcome) << text_of(outcome.error());
  EXPECT_THAT(outcome->failure, HasSubstr("no such right"));
}

// From a FIFO to a receiver that counts, in blocks.
class Forward : public Run {
 protected:
  Outcome forward(const Peer& peer) {
    const RunPlan plan{.writers = {.lines = 20'000, .in_blocks = true}};
    auto outcome = run_forward(maker_, peer, plan, places_);
    if (outcome) return *outcome;
    ADD_FAILURE() << text_of(outcome.error());
    return {};
  }
};

TEST_F(Forward, AProgramThatPassesEverythingOnPasses) {
  const Outcome outcome = forward({.name = "peer",
                                   .command = "bash -c 'exec cat 0<>{fifo} >/dev/tcp/127.0.0.1/{port}'",
                                   .receiver = Habit::Counts});
  EXPECT_EQ(outcome.failure, "");
  EXPECT_GT(outcome.metrics.at("lines_per_second"), 0);
  EXPECT_GT(outcome.metrics.at("cpu_per_million"), 0);
}

TEST_F(Forward, AProgramThatLosesALineFails) {
  const Outcome outcome = forward(
      {.name = "peer", .command = "sh {disk}/config", .config = "exec sed -u 1000d 0<>{fifo} >{out}\n"});
  EXPECT_EQ(outcome.failure, "20000 lines written, 19999 arrived");
}

TEST_F(Forward, AProgramThatTakesNothingFails) {
  EXPECT_THAT(forward({.name = "peer", .command = "sh -c 'echo no such thing >&2; exit 1'"}).failure,
              HasSubstr("no such thing"));
}

class Receivers : public testing::Test {
 protected:
  // A connection to a receiver; empty, with errno, if it fails.
  static UniqueFd connect_to(const Receiver& receiver) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(receiver.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
    return fd;
  }

  // Whether `bytes` bytes of zeros can be sent before a second has passed without room for one.
  static bool takes(const Receiver& receiver, std::size_t bytes) {
    const UniqueFd fd = connect_to(receiver);
    const std::vector<char> zeros(1 << 20);
    while (bytes > 0) {
      pollfd waiting{.fd = fd.get(), .events = POLLOUT, .revents = 0};
      if (::poll(&waiting, 1, 1000) <= 0) return false;
      const ssize_t sent =
          ::send(fd.get(), zeros.data(), std::min(bytes, zeros.size()), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) return false;
      bytes -= static_cast<std::size_t>(sent);
    }
    return true;
  }

  static constexpr std::size_t kMoreThanBuffers = 64 << 20;
};

TEST_F(Receivers, OneThatIsDownRefuses) {
  const auto receiver = Receiver::start(Habit::Down);
  ASSERT_TRUE(receiver);
  EXPECT_FALSE(connect_to(*receiver));
  EXPECT_EQ(errno, ECONNREFUSED);
}

TEST_F(Receivers, OneThatDiscardsTakesEverything) {
  const auto receiver = Receiver::start(Habit::Discards);
  ASSERT_TRUE(receiver);
  EXPECT_TRUE(takes(*receiver, kMoreThanBuffers));
}

TEST_F(Receivers, OneThatIsSlowTakesWhatTheKernelTakes) {
  const auto receiver = Receiver::start(Habit::Slow);
  ASSERT_TRUE(receiver);
  EXPECT_FALSE(takes(*receiver, kMoreThanBuffers));
}

// Both ways to the answer, on a week that is small.
TEST(Asked, EveryWayGetsTheTenMinutes) {
  const test::TempDir directory;
  const Places places{.disk = directory / "disk", .ram = directory / "ram"};
  std::filesystem::create_directories(places.disk);
  std::filesystem::create_directories(places.ram);
  const auto week = WeekOfLines::make(LineMaker(), std::uint64_t{110} << 20, places);
  ASSERT_TRUE(week) << text_of(week.error());
  EXPECT_GT(week->answer_size(), 50'000U);
  const std::vector<Peer> peers = peers_of(Field::Questions, {.slurper = SLURPER_PROGRAM});
  ASSERT_EQ(peers.size(), 2U);
  for (const Peer& peer : peers) {
    const auto outcome = run_asked(peer, *week, places);
    ASSERT_TRUE(outcome) << text_of(outcome.error());
    EXPECT_EQ(outcome->failure, "") << peer.name;
    EXPECT_GT(outcome->metrics.at("cpu_ms"), 0) << peer.name;
  }
  const auto wrong = run_asked({.name = "wrong", .command = "echo no >{out}"}, *week, places);
  ASSERT_TRUE(wrong) << text_of(wrong.error());
  EXPECT_THAT(wrong->failure, HasSubstr("its answer has 3 bytes instead of"));
}

}  // namespace
}  // namespace slurper::bench
