// What an operator asks of a sink that runs: pause, resume, rewind.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "log/cursor_file.h"
#include "sink/rewind_place.h"
#include "sink/runner.h"
#include "sink/runner_site.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::text_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Verb = SinkOrder::Verb;
using Kind = RewindTo::Kind;

// A destination that acknowledges when the test says so. It outlives the sinks that write to it.
struct Destination {
  std::mutex mutex;
  std::vector<std::string> lines;          // that it was handed, each behind its offset
  std::shared_ptr<Acknowledgements> acks;  // of the sink's present life
  std::uint64_t handed = 0;                // up to this offset
  std::function<Status()> before_open = [] { return Status(); };
  std::function<void()> in_deliver = [] {};
  std::atomic<bool> acknowledges = true;
  std::atomic<int> opens = 0;
  std::atomic<int> closes = 0;

  std::vector<std::string> all() {
    const std::lock_guard lock(mutex);
    return lines;
  }
};

class OrderedSink : public Sink {
 public:
  explicit OrderedSink(Destination& to) : to_(to) {}

  Result<std::optional<Reached>> open(const SinkContext& context) override {
    ++to_.opens;
    if (Status good = to_.before_open(); !good) return std::unexpected(good.error());
    const std::lock_guard lock(to_.mutex);
    to_.acks = context.acks;
    return std::nullopt;
  }
  Status deliver(std::span<const Record> batch) override {
    to_.in_deliver();
    const std::lock_guard lock(to_.mutex);
    for (const Record& record : batch)
      to_.lines.push_back(fmt::format("{} {}", record.offset(), record.raw()));
    to_.handed = batch.back().next_offset();
    if (to_.acknowledges) to_.acks->up_to(to_.handed);
    return {};
  }
  void close() override { ++to_.closes; }

 private:
  Destination& to_;
};

class SinkOrders : public RunnerSite {
 protected:
  void TearDown() override {
    hangs_ = false;
    RunnerSite::TearDown();
  }
  // The sink hangs in the delivery of a line for as long as hangs_ says.
  void start_and_hang() {
    to_.in_deliver = [this] {
      is_hanging_ = true;
      while (hangs_) std::this_thread::sleep_for(1ms);
    };
    write("one\n");
    start();
    ASSERT_TRUE(eventually([&] { return is_hanging_.load(); }));
  }
  void start(bool is_paused = false) {
    RunnerOptions options;
    options.start = StartAt::Beginning;
    options.source.batch_time = 0ms;
    options.retry_max = 1h;
    runner_ = make_runner(
        options, [this]() -> Result<std::unique_ptr<Sink>> { return std::make_unique<OrderedSink>(to_); });
    if (is_paused) runner_->begin_paused();
    ASSERT_TRUE(runner_->start());
  }
  std::shared_ptr<SinkOrder> give(Verb verb, const RewindTo& to = {}) {
    auto order = std::make_shared<SinkOrder>(verb, to);
    const Status given = runner_->give(order);
    EXPECT_TRUE(given) << text_of(given.error());
    return order;
  }
  static Result<SinkOrder::Done> outcome_of(const std::shared_ptr<SinkOrder>& order) {
    EXPECT_TRUE(eventually([&] { return order->outcome().has_value(); }));
    return order->outcome().value_or(fail(ErrorKind::Internal, {}, own_words("no outcome")));
  }
  Result<SinkOrder::Done> done(Verb verb, const RewindTo& to = {}) { return outcome_of(give(verb, to)); }
  // Where the order has left the sink.
  std::uint64_t place(Verb verb, const RewindTo& to = {}) {
    const auto outcome = done(verb, to);
    EXPECT_TRUE(outcome) << text_of(outcome.error());
    return outcome ? outcome->offset.value : ~std::uint64_t{0};
  }
  std::string refusal(const RewindTo& to) {
    const auto outcome = done(Verb::Rewind, to);
    return outcome ? "done" : text_of(outcome.error().why);
  }
  bool has(std::size_t lines) {
    return eventually([&] { return to_.all().size() >= lines; });
  }
  bool acked(std::uint64_t offset) {
    return eventually([&] { return runner_->status().acked == offset; });
  }
  void finish() {
    runner_->finish();
    ASSERT_TRUE(eventually([&] { return runner_->ended(); }));
    ASSERT_TRUE(runner_->stop(std::chrono::steady_clock::time_point::max()));
  }
  CursorRecord cursor() {
    const auto reading = read_cursor(kernel(), writer_->paths(), "test");
    EXPECT_TRUE(reading && reading->record);
    return reading ? reading->record.value_or(CursorRecord{}) : CursorRecord{};
  }

  Destination to_;
  std::atomic<bool> hangs_ = true;
  std::atomic<bool> is_hanging_ = false;
  std::unique_ptr<SinkRunner> runner_;
};

TEST_F(SinkOrders, APausedSinkDeliversNothingUntilItResumes) {
  write("one\n");
  start();
  ASSERT_TRUE(acked(4));
  const auto paused = done(Verb::Pause);
  ASSERT_TRUE(paused);
  EXPECT_TRUE(paused->changed);
  EXPECT_EQ(paused->offset.value, 4U);
  EXPECT_EQ(paused->given_back, 0U);
  EXPECT_EQ(to_.closes, 1) << "its connection is closed";
  EXPECT_TRUE(runner_->status().paused);
  write("two\n");
  const auto again = done(Verb::Pause);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->changed);
  EXPECT_EQ(again->behind, 4U);
  EXPECT_EQ(to_.opens, 1);
  EXPECT_THAT(to_.all(), ElementsAre("0 one"));
  const auto resumed = done(Verb::Resume);
  ASSERT_TRUE(resumed);
  EXPECT_TRUE(resumed->changed);
  EXPECT_EQ(resumed->offset.value, 4U);
  ASSERT_TRUE(has(2));
  EXPECT_FALSE(runner_->status().paused);
  EXPECT_FALSE(done(Verb::Resume)->changed);
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two"));
}

TEST_F(SinkOrders, WhatIsInFlightIsFinishedBeforeAPause) {
  to_.acknowledges = false;
  write("one\ntwo\n");
  start();
  ASSERT_TRUE(has(2));
  const auto order = give(Verb::Pause);
  ASSERT_TRUE(eventually([&] { return runner_->status().paused; }));
  EXPECT_FALSE(order->outcome());
  {
    const std::lock_guard lock(to_.mutex);
    to_.acks->up_to(to_.handed);
  }
  const auto paused = outcome_of(order);
  ASSERT_TRUE(paused);
  EXPECT_EQ(paused->offset.value, 8U);
  EXPECT_EQ(paused->given_back, 0U);
  finish();
  EXPECT_EQ(cursor().offset.value, 8U);
}

TEST_F(SinkOrders, WhatIsNotAcknowledgedIsGivenBackAndDeliveredAgain) {
  to_.acknowledges = false;
  write("one\ntwo\n");
  start();
  ASSERT_TRUE(has(2));
  const auto paused = done(Verb::Pause);
  ASSERT_TRUE(paused);
  EXPECT_EQ(paused->offset.value, 0U);
  EXPECT_EQ(paused->given_back, 2U);
  {
    // An acknowledgement that comes too late moves nothing.
    const std::lock_guard lock(to_.mutex);
    to_.acks->up_to(to_.handed);
  }
  to_.acknowledges = true;
  EXPECT_EQ(place(Verb::Resume), 0U);
  ASSERT_TRUE(acked(8));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two", "0 one", "4 two"));
}

TEST_F(SinkOrders, APausedSinkIsNotWrong) {
  to_.before_open = [] { return fail(ErrorKind::Io, own_words("connect"), own_words("it is down")); };
  start();
  ASSERT_TRUE(eventually([&] { return messages_.alerts().contains("A SINK FAILS"); }));
  ASSERT_TRUE(done(Verb::Pause));
  EXPECT_EQ(messages_.alerts(), "all well");
  const SinkStatus status = runner_->status();
  EXPECT_TRUE(status.paused);
  EXPECT_FALSE(status.failing);
  EXPECT_TRUE(status.last_failure);
  const int opens = to_.opens;
  ASSERT_TRUE(done(Verb::Resume));
  EXPECT_TRUE(eventually([&] { return to_.opens > opens; })) << "it tries at once";
  EXPECT_TRUE(eventually([&] { return messages_.alerts().contains("A SINK FAILS"); }));
}

// A pause does not survive a restart, but what comes meanwhile is not skipped.
TEST_F(SinkOrders, ASinkThatHasNeverRunHasACursorFromItsPauseOn) {
  write("one\n");
  start(true);
  ASSERT_TRUE(eventually([&] { return runner_->status().has_begun; }));
  EXPECT_EQ(to_.opens, 0);
  EXPECT_EQ(cursor().offset.value, 0U);
  finish();
  EXPECT_EQ(to_.opens, 0) << "a stop delivers nothing of a paused sink";
  start();
  ASSERT_TRUE(has(1));
}

TEST_F(SinkOrders, ALoopEndsWithAResume) {
  std::atomic<bool> loops = true;
  to_.before_open = [&]() -> Status {
    if (loops) return fail(ErrorKind::Loop, own_words("write"), own_words("it comes back"));
    return {};
  };
  write("one\n");
  start();
  ASSERT_TRUE(eventually([&] { return runner_->status().stopped; }));
  EXPECT_EQ(place(Verb::Rewind, {.kind = Kind::Beginning}), 0U);
  EXPECT_EQ(to_.opens, 1) << "a rewind is no reason to try again";
  loops = false;
  const auto resumed = done(Verb::Resume);
  ASSERT_TRUE(resumed);
  EXPECT_TRUE(resumed->changed && resumed->was_stopped);
  ASSERT_TRUE(has(1));
}

TEST_F(SinkOrders, ARewindDeliversAgain) {
  write("one\ntwo\nthree\n");
  start();
  ASSERT_TRUE(acked(14));
  const auto rewound = done(Verb::Rewind, {.kind = Kind::Offset, .offset = {6}});
  ASSERT_TRUE(rewound) << text_of(rewound.error());
  EXPECT_EQ(rewound->offset.value, 4U) << "the line that has the byte";
  EXPECT_EQ(rewound->behind, 10U);
  EXPECT_EQ(rewound->skipped, 0U);
  ASSERT_TRUE(has(5));
  EXPECT_TRUE(acked(14));
  EXPECT_EQ(place(Verb::Rewind, {.kind = Kind::Beginning}), 0U);
  ASSERT_TRUE(has(8));
  finish();
  EXPECT_THAT(to_.all(),
              ElementsAre("0 one", "4 two", "8 three", "4 two", "8 three", "0 one", "4 two", "8 three"));
  EXPECT_EQ(cursor().missed, 0U);
}

TEST_F(SinkOrders, AnAcknowledgementFromBeforeARewindMovesNothing) {
  to_.acknowledges = false;
  write("one\ntwo\n");
  start();
  ASSERT_TRUE(has(2));
  std::shared_ptr<Acknowledgements> former;
  std::uint64_t handed = 0;
  {
    const std::lock_guard lock(to_.mutex);
    former = to_.acks;
    handed = to_.handed;
  }
  const auto rewound = done(Verb::Rewind, {.kind = Kind::Beginning});
  ASSERT_TRUE(rewound);
  EXPECT_EQ(rewound->given_back, 2U);
  former->up_to(handed);
  ASSERT_TRUE(has(4));
  former->up_to(handed);
  runner_->request_stop();
  ASSERT_TRUE(runner_->stop(std::chrono::steady_clock::time_point::max()));
  EXPECT_EQ(cursor().offset.value, 0U);
  EXPECT_EQ(runner_->status().acked, 0U);
}

TEST_F(SinkOrders, ARewindForwardCountsWhatItSkips) {
  write("one\n");
  start();
  ASSERT_TRUE(acked(4));
  ASSERT_TRUE(done(Verb::Pause));
  write("two\nthree\nfo");
  const auto skips = done(Verb::Rewind, {.kind = Kind::End});
  ASSERT_TRUE(skips);
  EXPECT_EQ(skips->offset.value, 14U) << "the line that is under way";
  EXPECT_EQ(skips->skipped, 10U);
  EXPECT_EQ(runner_->status().missed, 10U);
  // There and back: what was delivered before, or counted before, does not count again.
  EXPECT_EQ(place(Verb::Rewind, {.kind = Kind::Offset, .offset = {8}}), 8U);
  EXPECT_EQ(done(Verb::Rewind, {.kind = Kind::End})->skipped, 0U);
  EXPECT_EQ(place(Verb::Rewind, {.kind = Kind::Offset, .offset = {8}}), 8U);
  ASSERT_TRUE(done(Verb::Resume));
  ASSERT_TRUE(has(2));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "8 three"));
  EXPECT_EQ(cursor().missed, 10U);
}

TEST_F(SinkOrders, ARewindSurvivesAStopAndTheDestinationsOwnAnswer) {
  write("one\ntwo\n");
  start();
  ASSERT_TRUE(acked(8));
  ASSERT_TRUE(done(Verb::Pause));
  EXPECT_EQ(place(Verb::Rewind, {.kind = Kind::Offset, .offset = {4}}), 4U);
  finish();
  const CursorRecord record = cursor();
  EXPECT_EQ(record.offset.value, 4U);
  EXPECT_TRUE(record.set_by_hand);
  start();
  ASSERT_TRUE(has(3));
  EXPECT_EQ(to_.all().back(), "4 two");
}

TEST_F(SinkOrders, WhatTheLogNoLongerHasIsRefused) {
  write("one\ntwo\n");
  ASSERT_TRUE(writer_->rotate());
  write("three\n");
  ASSERT_TRUE(std::filesystem::remove(disk_ / "messages.00000000000000000000"));
  start();
  ASSERT_TRUE(acked(14));
  EXPECT_EQ(refusal({.kind = Kind::Offset, .offset = {4}}),
            "the log has the offsets 8 to 14. Name one of those, beginning, or end");
  EXPECT_EQ(refusal({.kind = Kind::Offset, .offset = {15}}),
            "the log has the offsets 8 to 14. Name one of those, beginning, or end");
  EXPECT_EQ(to_.closes, 0) << "a refusal does not disturb the sink";
  EXPECT_EQ(place(Verb::Rewind, {.kind = Kind::Beginning}), 8U);
  EXPECT_EQ(place(Verb::Rewind, {.kind = Kind::Offset, .offset = {14}}), 14U);
}

TEST_F(SinkOrders, ARewindThatCannotBeSavedChangesNothing) {
  class FullDisk : public Os {
   public:
    ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
      return is_full ? -ENOSPC : Os::pwrite(fd, data, size, offset);
    }
    std::atomic<bool> is_full = false;
  };
  FullDisk disk;
  os_ = &disk;
  write("one\n");
  start();
  ASSERT_TRUE(acked(4));
  disk.is_full = true;
  const auto rewound = done(Verb::Rewind, {.kind = Kind::Beginning});
  ASSERT_FALSE(rewound);
  EXPECT_THAT(text_of(rewound.error()), HasSubstr("No space left on device"));
  EXPECT_EQ(runner_->status().acked, 4U);
  disk.is_full = false;
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one"));
}

TEST_F(SinkOrders, OneIsDoneAtATimeAndOneThatWaitsCanBeWithdrawn) {
  ASSERT_NO_FATAL_FAILURE(start_and_hang());
  const auto first = give(Verb::Pause);
  const Status second_refused = runner_->give(std::make_shared<SinkOrder>(Verb::Resume));
  ASSERT_FALSE(second_refused);
  EXPECT_EQ(text_of(second_refused.error().why), "another request for it is not done yet. Try again later");
  EXPECT_TRUE(first->withdraw());
  const auto second = give(Verb::Rewind, {.kind = Kind::Beginning});  // in the place of what was withdrawn
  hangs_ = false;
  EXPECT_TRUE(outcome_of(second));
  EXPECT_FALSE(second->withdraw());
  EXPECT_FALSE(first->outcome());
  EXPECT_FALSE(runner_->status().paused);
  // One that has begun is not given up for another.
  to_.acknowledges = false;
  write("two\n");
  ASSERT_TRUE(eventually([&] { return runner_->status().in_flight > 0; }));
  const auto pause = give(Verb::Pause);
  ASSERT_TRUE(eventually([&] { return runner_->status().paused; }));
  const Status refused = runner_->give(std::make_shared<SinkOrder>(Verb::Resume));
  ASSERT_FALSE(refused);
  EXPECT_EQ(text_of(refused.error().why), "another request for it is not done yet. Try again later");
  EXPECT_TRUE(outcome_of(pause));
}

TEST_F(SinkOrders, OneThatComesTooLateLearnsThatTheSinkHasEnded) {
  ASSERT_NO_FATAL_FAILURE(start_and_hang());
  const auto order = give(Verb::Pause);
  runner_->request_stop();
  hangs_ = false;
  ASSERT_TRUE(runner_->stop(std::chrono::steady_clock::time_point::max()));
  const auto outcome = order->outcome();
  ASSERT_TRUE(outcome.has_value());
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(text_of(outcome->error().why), "it has ended. Look at slurper status");
  EXPECT_FALSE(runner_->give(std::make_shared<SinkOrder>(Verb::Resume)));
}

// Under load, from several threads: the cursor never passes a line that the destination was not handed.
TEST_F(SinkOrders, LoseNoLineWhateverTheirOrder) {
  constexpr int kOrders = 300;
  constexpr int kLinesEach = 20;
  start();
  std::atomic<int> orders = 0;
  std::vector<std::jthread> operators;
  for (unsigned i = 0; i < 3; ++i) {
    operators.emplace_back([&, i] {
      constexpr std::array kVerbs = {Verb::Pause, Verb::Resume, Verb::Rewind};
      for (unsigned turn = i; orders < kOrders; ++turn) {
        const RewindTo back{.kind = Kind::Offset, .offset = {runner_->status().acked / 10 * 9}};
        const auto order = std::make_shared<SinkOrder>(kVerbs[turn % 3], back);
        if (!runner_->give(order)) continue;
        EXPECT_TRUE(eventually([&] { return order->outcome().has_value(); }));
        ++orders;
      }
    });
  }
  int lines = 0;
  for (int order = 0; order < kOrders; ++order) {
    for (int i = 0; i < kLinesEach; ++i) write(fmt::format("{}\n", lines++));
    ASSERT_TRUE(eventually([&] { return orders > order; }));
  }
  operators.clear();
  ASSERT_TRUE(done(Verb::Resume));
  ASSERT_TRUE(acked(writer_->feed().end().value));
  finish();
  std::vector<bool> seen(static_cast<std::size_t>(lines));
  for (const std::string& one : to_.all()) seen.at(std::stoul(one.substr(one.find(' ') + 1))) = true;
  EXPECT_EQ(std::ranges::count(seen, false), 0);
  EXPECT_EQ(cursor().missed, 0U);
}

// The times of lines: blocks at 100 s, 200 s, 300 s after some midnight.
class RewindTimes : public RunnerSite {
 protected:
  void line_at(std::chrono::seconds time, std::string_view line) {
    times_->mark({.offset = writer_->end(), .time = begin_ + time});
    times_->write();
    write(line);
  }
  std::string place_of(std::chrono::milliseconds time) {
    const RecordSource::Options options;
    const SinkLog log = sink_log();
    const RecordSource source(log.os, log.paths, log.feed, log.times, log.ids.id, options);
    const auto found = find_rewind_place(log, source, {.kind = Kind::Time, .time = begin_ + time}, {});
    return found ? std::to_string(found->value) : text_of(found.error().why);
  }

  const Timestamp begin_{std::chrono::seconds(1'700'000'000)};
};

TEST_F(RewindTimes, LeadToTheFirstLineThatCameThenOrLater) {
  line_at(100s, "one\n");
  line_at(200s, "two\n");
  line_at(300s, "three\n");
  EXPECT_EQ(place_of(0s), "0") << "the log has all that ever came";
  EXPECT_EQ(place_of(100s), "0");
  EXPECT_EQ(place_of(100'400ms), "0") << "within half a second";
  EXPECT_EQ(place_of(101s), "4");
  EXPECT_EQ(place_of(200s), "4");
  EXPECT_EQ(place_of(300s), "8");
  EXPECT_EQ(place_of(301s), "14") << "what comes next";
  EXPECT_EQ(place_of(std::chrono::years(100)), "this time is yet to come. Name an earlier time, or end");
}

TEST_F(RewindTimes, SkipNothingIfTheClockWasSetBack) {
  line_at(300s, "one\n");
  line_at(100s, "two\n");
  line_at(400s, "three\n");
  EXPECT_EQ(place_of(200s), "0");
  EXPECT_EQ(place_of(350s), "8");
}

TEST_F(RewindTimes, AreRefusedIfTheLogNoLongerHasThem) {
  line_at(100s, "one\n");
  ASSERT_TRUE(writer_->rotate());
  line_at(200s, "two\n");
  ASSERT_TRUE(std::filesystem::remove(disk_ / "messages.00000000000000000000"));
  EXPECT_THAT(
      place_of(100s),
      HasSubstr("the log no longer has the lines of this time: it begins at offset 4, with lines of "));
  EXPECT_EQ(place_of(200s), "4");
}

TEST_F(RewindTimes, AreUnknownWithoutTheirFile) {
  write("one\n");
  ASSERT_TRUE(std::filesystem::remove(disk_ / ".messages.times"));
  EXPECT_EQ(place_of(100s), "when the log's lines came is unknown. Name an offset, beginning, or end");
}

}  // namespace
}  // namespace slurper
