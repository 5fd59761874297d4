#include "control/status_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slurper {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

Snapshot snapshot() {
  Snapshot snapshot{
      .fifo = {.path = "/run/fifo",
               .pipe_size = 1 << 20,
               .held = 100,
               .most_held = 5000,
               .device = 26,
               .inode = 4711},
      .intake = {.head = {3048},
                 .tail = {1000},
                 .ring_size = 64 << 20,
                 .dropped_lines = 7,
                 .dropped_bytes = 700,
                 .times_full = 3,
                 .time_full = 1500ms,
                 .short_reads = 2,
                 .taken_by_others = 12,
                 .most_in_ring = 4096,
                 .ledger = {.received = 3648, .inherited = 0, .logged = 900, .held = 2048, .dropped = 700}},
      .watch = {.second_readers = 1,
                .writers = {"'rsyslogd' (pid 12)"},
                .readers = {"'cat' (pid 13)"},
                .sees_all = true},
      .log = {.path = "/var/log/messages",
              .synced = {900},
              .rotations = 4,
              .lines = 50,
              .end = {1000},
              .segments = 3,
              .segment_bytes = 12345},
      .sinks = {{.name = "relp", .acked = 400, .records = 3, .has_begun = true, .failing = true}},
      .alerts = {{.alert = Alert::SinkFails, .subject = "'relp'", .cause = "Connection refused"}}};
  snapshot.rates = {{.window = 1s, .bytes = 1000, .lines = 10}};
  snapshot.sinks[0].last_failure = Error{.kind = ErrorKind::Io, .what = {}, .why = {}};
  return snapshot;
}

StatusReport report_of(const Snapshot& snapshot) {
  return to_report(snapshot, {.words = [](const Error&) { return "cannot connect"; },
                              .arrival = [](StreamOffset offset) -> std::optional<Timestamp> {
                                return Timestamp(std::chrono::seconds(offset.value));
                              }});
}

TEST(StatusReport, IsReadBackAsItWasWritten) {
  const StatusReport report = report_of(snapshot());
  const std::string text = to_json(report);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(parse_report(text), report) << text;
}

TEST(StatusReport, IsJsonWithWhatTheStagesKnow) {
  const json found = json::parse(to_json(report_of(snapshot())));
  EXPECT_EQ(found["version"], 1);
  EXPECT_EQ(found["health"], "degraded");
  EXPECT_EQ(found["alerts"][0], json::parse(R"({"name":"sink-fails","title":"A SINK FAILS","subject":"'relp'",
                                                 "cause":"Connection refused"})"));
  EXPECT_EQ(found["fifo"]["path"], "/run/fifo");
  EXPECT_EQ(found["fifo"]["readers"], json({"'cat' (pid 13)"}));
  EXPECT_EQ(found["fifo"]["taken_by_others"], 12);
  EXPECT_EQ(found["ring"]["held"], 2048);
  EXPECT_EQ(found["ring"]["most_held"], 4096);
  EXPECT_EQ(found["log"]["end"], 1000);
  EXPECT_EQ(found["ledger"]["received"], 3648);
  EXPECT_EQ(found["ledger_is_balanced"], true);
  EXPECT_EQ(found["rates"][0]["lines_per_second"], 10);
  const json& sink = found["sinks"][0];
  EXPECT_EQ(sink["state"], "failing");
  EXPECT_EQ(sink["lag_bytes"], 600);
  EXPECT_EQ(sink["waiting_since"], 400'000);
  EXPECT_EQ(sink["last_error"], "cannot connect");
}

TEST(StatusReport, IsHealthyIfNothingIsWrong) {
  Snapshot found = snapshot();
  found.alerts.clear();
  EXPECT_TRUE(report_of(found).is_healthy());
  found.sinks[0].has_problem = true;
  EXPECT_EQ(report_of(found).alerts.at(0).name, "sink-problem");
}

TEST(StatusReport, SaysThatTheLedgerDoesNotBalance) {
  Snapshot found = snapshot();
  found.intake.ledger.received += 1;
  const StatusReport report = report_of(found);
  EXPECT_FALSE(report.ledger_is_balanced);
  EXPECT_EQ(report.alerts.at(0).name, "ledger-unbalanced");
}

// A path may be any bytes.
TEST(StatusReport, LosesNoByteOfAPath) {
  Snapshot found = snapshot();
  found.fifo.path = "/run/\x1b[2J\"\\\n\xff";
  const std::string text = to_json(report_of(found));
  const json fifo = json::parse(text)["fifo"];
  EXPECT_EQ(fifo["path"], "/run/\x1b[2J\"\\\n\uFFFD");
  EXPECT_EQ(fifo["path_base64"], "L3J1bi8bWzJKIlwK/w==");
  for (const char byte : text) EXPECT_TRUE(byte < 0 || byte >= 0x20);
  found.fifo.path = "/run/\x1b[2J\"\\\n";
  EXPECT_EQ(parse_report(to_json(report_of(found)))->fifo.path, found.fifo.path);
}

// The other side may be of another version.
TEST(StatusReport, IgnoresWhatItDoesNotKnow) {
  const auto report = parse_report(R"({"version":1,"health":"healthy","new":{"a":[1]},"pid":"x","log":[]})");
  ASSERT_TRUE(report);
  EXPECT_EQ(report->pid, 0U);
  EXPECT_FALSE(parse_report("{}"));
  EXPECT_FALSE(parse_report("[1]"));
  EXPECT_FALSE(parse_report("nonsense"));
}

}  // namespace
}  // namespace slurper
