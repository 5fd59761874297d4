// The sinks of a log together: their changes, their stop, and what they report.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "log/log_writer.h"
#include "sink/sinks.h"
#include "support/no_descriptors.h"
#include "support/recorded_messages.h"
#include "support/temp_dir.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using test::text_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using namespace std::chrono_literals;

constexpr int kSinks = 3;

// Hangs in open() until all sinks have been asked to end.
class HangingSink : public Sink {
 public:
  HangingSink(std::latch& all_hang, std::latch& all_told) : all_hang_(all_hang), all_told_(all_told) {}

  Result<std::optional<Reached>> open(const SinkContext& context) override {
    all_hang_.count_down();
    pollfd stop = {.fd = context.stop_fd, .events = POLLIN, .revents = 0};
    while (::poll(&stop, 1, -1) < 1) continue;
    all_told_.arrive_and_wait();
    return fail(ErrorKind::Busy, own_words("open"), own_words("slurper is ending"));
  }
  Status deliver(std::span<const Record>) override { return {}; }
  void close() override {}

 private:
  std::latch& all_hang_;
  std::latch& all_told_;
};

// Opens when what it writes does not come back.
class LoopingSink : public Sink {
 public:
  explicit LoopingSink(const std::atomic<bool>& loops) : loops_(loops) {}

  Result<std::optional<Reached>> open(const SinkContext&) override {
    if (loops_) return fail(ErrorKind::Loop, own_words("write"), own_words("it comes back"));
    return std::nullopt;
  }
  Status deliver(std::span<const Record>) override { return {}; }
  void close() override {}

 private:
  const std::atomic<bool>& loops_;
};

// The destination of the sinks. It outlives them.
struct Destination {
  std::mutex mutex;
  std::vector<std::string> lines;
  std::atomic<int> made = 0;
  std::atomic<int> open = 0;       // sinks that have it open now
  std::atomic<bool> hangs{false};  // the next call of a sink hangs, whatever the sink is told
  std::atomic<bool> is_hanging{false};

  std::vector<std::string> all() {
    const std::lock_guard lock(mutex);
    return lines;
  }
};

class CollectingSink : public Sink {
 public:
  explicit CollectingSink(Destination& to) : to_(to) {}

  Result<std::optional<Reached>> open(const SinkContext& context) override {
    acks_ = context.acks;
    hang();
    EXPECT_EQ(++to_.open, 1) << "two sinks have it at once";
    return std::nullopt;
  }
  Status deliver(std::span<const Record> batch) override {
    hang();
    const std::lock_guard lock(to_.mutex);
    for (const Record& record : batch) to_.lines.emplace_back(record.raw());
    acks_->up_to(batch.back().next_offset());
    return {};
  }
  void close() override { --to_.open; }

 private:
  void hang() const {
    to_.is_hanging = to_.hangs.load();
    while (to_.hangs) std::this_thread::sleep_for(1ms);
  }

  Destination& to_;
  std::shared_ptr<Acknowledgements> acks_;
};

ConfiguredSink configured(PreparedSink prepared) {
  return {.settings = {.name = prepared.name, .type = prepared.type, .place = {}, .options = {}},
          .files = {},
          .prepared = std::move(prepared)};
}

// A sink with these settings: another version is another setting.
ConfiguredSink collecting(const std::string& name, int version, Destination& to) {
  ConfiguredSink sink = configured(
      {.name = name, .type = "test", .options = {}, .make = [&]() -> Result<std::unique_ptr<Sink>> {
         ++to.made;
         return std::make_unique<CollectingSink>(to);
       }});
  static int line = 0;  // of the configuration's file, which is no setting
  sink.settings.place = fmt::format("test.toml:{}:1", ++line);
  sink.settings.options = {{.name = "version",
                            .values = {std::to_string(version)},
                            .is_list = false,
                            .place = sink.settings.place}};
  return sink;
}

template <typename... Sink>
std::vector<ConfiguredSink> list_of(Sink... sinks) {
  std::vector<ConfiguredSink> list;
  (list.push_back(std::move(sinks)), ...);
  return list;
}

// For as long as it lives, this process gets no thread (EAGAIN): their stacks would be too large.
class NoThreads {
 public:
  NoThreads() {
    EXPECT_EQ(::pthread_getattr_default_np(&before_), 0);
    pthread_attr_t huge;
    EXPECT_EQ(::pthread_attr_init(&huge), 0);
    EXPECT_EQ(::pthread_attr_setstacksize(&huge, std::size_t{1} << 50), 0);
    EXPECT_EQ(::pthread_setattr_default_np(&huge), 0);
    (void)::pthread_attr_destroy(&huge);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() {
    EXPECT_EQ(::pthread_setattr_default_np(&before_), 0);
    (void)::pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_;
};

// Over a log that is empty at first.
class SinksTogether : public testing::Test {
 protected:
  void SetUp() override {
    LogSettings settings;
    settings.path = disk_ / "messages";
    auto writer = LogWriter::open(kernel(), settings, Uuid{1});
    ASSERT_TRUE(writer) << text_of(writer.error());
    writer_ = std::move(*writer);
    writer_->publish();
    times_ = TimeIndex::open(kernel(), writer_->paths(), writer_->log_id(), {}, {.log_end = {}, .head = {}});
  }
  Sinks sinks(std::vector<PreparedSink> prepared) {
    std::vector<ConfiguredSink> all;
    for (PreparedSink& sink : prepared) all.push_back(configured(std::move(sink)));
    return running(std::move(all));
  }
  Sinks running(std::vector<ConfiguredSink> sinks, Sinks::Limits limits = {}) {
    return Sinks(
        {.os = kernel(),
         .paths = writer_->paths(),
         .ids = writer_->log_ids(),
         .machine = {},
         .access = {},
         .sync = {},
         .feed = writer_->feed(),
         .times = *times_},
        std::move(sinks), messages_.listener(), [](const Phrase& phrase) { return text_of(phrase); },
        [this] { ++wakes_; }, limits);
  }
  void write(std::string_view text) {
    const auto written = writer_->append(text);
    ASSERT_TRUE(written && *written == text.size());
    writer_->publish();
  }
  bool says(const std::string& text) {
    return test::eventually([&] { return messages_.text().contains(text); });
  }
  // As the intake's thread does, which the sinks wake.
  template <typename Condition>
  static bool comes(Sinks& sinks, Condition condition) {
    return test::eventually([&] {
      sinks.check_due();
      return condition();
    });
  }
  static bool has(Sinks& sinks, Destination& to, std::size_t lines) {
    return comes(sinks, [&] { return to.all().size() >= lines; });
  }

  // Writes a line at which the sink hangs.
  void hang_at(std::string_view line, Destination& to) {
    to.hangs = true;
    write(line);
    ASSERT_TRUE(test::eventually([&] { return to.is_hanging.load(); }));
  }

  test::RecordedMessages messages_;
  std::atomic<int> wakes_ = 0;

 private:
  const test::TempDir disk_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<TimeIndex> times_;
};

TEST_F(SinksTogether, OneThatHangsHoldsUpNoOthersStop) {
  std::latch all_hang(kSinks);
  std::latch all_told(kSinks);
  std::vector<PreparedSink> prepared;
  for (int i = 0; i < kSinks; ++i)
    prepared.push_back({.name = "hangs" + std::to_string(i),
                        .type = "test",
                        .options = {},
                        .make = [&]() -> Result<std::unique_ptr<Sink>> {
                          return std::make_unique<HangingSink>(all_hang, all_told);
                        }});
  Sinks hanging = sinks(std::move(prepared));
  ASSERT_TRUE(hanging.start());
  all_hang.wait();  // one that is told before it has begun does not begin
  EXPECT_TRUE(hanging.stop(0ms, 30s)) << "each would have waited for the one before it";
}

TEST_F(SinksTogether, ALoopIsReportedUntilTheSinkIsToldToGoOn) {
  std::atomic<bool> loops = true;
  std::vector<PreparedSink> prepared;
  prepared.push_back(
      {.name = "back", .type = "test", .options = {}, .make = [&]() -> Result<std::unique_ptr<Sink>> {
         return std::make_unique<LoopingSink>(loops);
       }});
  Sinks looping = sinks(std::move(prepared));
  ASSERT_TRUE(looping.start());
  const auto are = [&](const std::string& text) {
    return test::eventually([&] { return messages_.alerts() == text; });
  };
  EXPECT_TRUE(are("A SINK HAS STOPPED UNTIL SIGHUP: 'back': cannot write: it comes back"))
      << messages_.alerts();
  const SinkStatus status = looping.status().at(0);
  EXPECT_EQ(status.name, "back");
  EXPECT_TRUE(status.has_begun && status.failing && status.stopped);
  loops = false;
  looping.resume();
  EXPECT_TRUE(are("all well")) << messages_.alerts();
  EXPECT_TRUE(looping.stop(0ms, 30s));
}

TEST_F(SinksTogether, OneThatIsAddedBeginsAtTheLogsEnd) {
  Sinks sinks = running({});
  ASSERT_TRUE(sinks.start());
  write("before\n");
  Destination to;
  sinks.apply(list_of(collecting("new", 1, to)));
  write("after\n");
  EXPECT_TRUE(has(sinks, to, 1));
  EXPECT_THAT(to.all(), ElementsAre("after"));
  EXPECT_THAT(messages_.text(), HasSubstr("1: added the sink 'new'\n1: the sink 'new' starts at offset 7; "));
  EXPECT_EQ(sinks.status().at(0).name, "new");
  EXPECT_TRUE(sinks.stop(30s, 30s));
}

TEST_F(SinksTogether, OneWithEqualSettingsIsLeftAlone) {
  Destination to;
  Destination other;
  Sinks sinks = running(list_of(collecting("kept", 1, to), collecting("gone", 1, other)));
  ASSERT_TRUE(sinks.start());
  write("one\n");
  EXPECT_TRUE(has(sinks, to, 1));
  sinks.apply(list_of(collecting("kept", 1, to)));
  write("two\n");
  EXPECT_TRUE(has(sinks, to, 2));
  EXPECT_TRUE(comes(sinks, [&] { return sinks.ending().empty(); }));
  EXPECT_EQ(to.made, 1);
  EXPECT_THAT(messages_.text(), Not(HasSubstr("'kept'")));
  EXPECT_TRUE(sinks.stop(30s, 30s));
  EXPECT_THAT(to.all(), ElementsAre("one", "two"));
}

TEST_F(SinksTogether, OneThatIsRemovedIsSettledAndResumesWhenItReturns) {
  Destination to;
  Sinks sinks = running(list_of(collecting("back", 1, to)));
  ASSERT_TRUE(sinks.start());
  write("one\n");
  EXPECT_TRUE(has(sinks, to, 1));
  write("two\n");
  sinks.apply({});
  EXPECT_TRUE(
      says("1: removed the sink 'back': it delivers what the log has, and ends. Its cursor remains, and "
           "the sink resumes there if it returns\n"));
  EXPECT_TRUE(comes(sinks, [&] { return sinks.ending().empty() && to.open == 0; }));
  EXPECT_THAT(messages_.text(),
              HasSubstr("1: the sink 'back' has ended at offset 8, 0B before the log's end\n"));
  EXPECT_THAT(to.all(), ElementsAre("one", "two"));
  EXPECT_TRUE(test::eventually([&] { return wakes_ > 0; }));
  EXPECT_TRUE(sinks.status().empty());
  write("three\n");
  sinks.apply(list_of(collecting("back", 2, to)));
  EXPECT_TRUE(has(sinks, to, 3));
  EXPECT_THAT(messages_.text(), HasSubstr("1: the sink 'back' starts at offset 8; 6B wait for it\n"));
  EXPECT_TRUE(sinks.stop(30s, 30s));
  EXPECT_THAT(to.all(), ElementsAre("one", "two", "three"));
}

TEST_F(SinksTogether, OneThatIsChangedOftenDeliversEachLineOnce) {
  Destination to;
  std::vector<std::string> lines;
  Sinks sinks = running(list_of(collecting("new", 0, to)));
  ASSERT_TRUE(sinks.start());
  for (int version = 0; version < 50; ++version) {
    lines.push_back(std::to_string(version));
    write(lines.back() + '\n');
    // It is changed as it is at work, and while it ends.
    if (version % 3 == 0) {
      EXPECT_TRUE(has(sinks, to, lines.size()));
    }
    sinks.apply(list_of(collecting("new", version, to)));
    sinks.check_due();
  }
  EXPECT_TRUE(has(sinks, to, lines.size()));
  EXPECT_TRUE(comes(sinks, [&] { return sinks.ending().empty(); }));
  EXPECT_TRUE(
      says("1: changed the sink 'new': it ends, and then starts with its new settings at its cursor\n"));
  EXPECT_TRUE(sinks.stop(30s, 30s));
  EXPECT_EQ(to.all(), lines);
}

TEST_F(SinksTogether, TheNewestSettingsComeAfterOneThatHangs) {
  Destination old_one;
  Destination never;
  Destination newest;
  Destination other;
  Sinks sinks = running(list_of(collecting("hangs", 1, old_one), collecting("other", 1, other)),
                        {.patience = 0ms, .grace = 0ms});
  ASSERT_TRUE(sinks.start());
  hang_at("one\n", old_one);
  EXPECT_TRUE(has(sinks, other, 1));
  sinks.apply(list_of(collecting("hangs", 2, never), collecting("other", 1, other)));
  EXPECT_TRUE(comes(sinks, [&] { return messages_.text().contains("cannot start yet"); }));
  EXPECT_THAT(
      messages_.text(),
      HasSubstr("3: the sink 'hangs', which a reload has changed or removed, does not end. Its thread is "
                "abandoned, and keeps its cursor and its files until it ends\n"));
  EXPECT_THAT(messages_.text(),
              HasSubstr("2: the sink 'hangs' cannot start yet: the former sink 'hangs' has its cursor or its "
                        "file, and does not end. Its lines wait in the log\n"));
  EXPECT_EQ(messages_.alerts(), "A SINK DOES NOT END: 'hangs': a reload has changed or removed it");
  sinks.apply(list_of(collecting("hangs", 3, newest), collecting("other", 1, other)));
  EXPECT_EQ(sinks.status().size(), 2U);
  EXPECT_EQ(sinks.ending().size(), 1U);
  write("two\n");
  EXPECT_TRUE(has(sinks, other, 2));
  EXPECT_THAT(messages_.alerts(), HasSubstr("A SINK DOES NOT END: 'hangs'"));
  EXPECT_EQ(newest.made, 0);
  old_one.hangs = false;
  EXPECT_TRUE(comes(sinks, [&] { return old_one.all().size() + newest.all().size() >= 2; }));
  EXPECT_TRUE(comes(sinks, [&] { return messages_.alerts() == "all well"; })) << messages_.alerts();
  EXPECT_TRUE(sinks.stop(30s, 30s));
  std::vector<std::string> all = old_one.all();
  std::ranges::copy(newest.all(), std::back_inserter(all));
  EXPECT_THAT(all, ElementsAre("one", "two"));
  EXPECT_EQ(never.made, 0);
  EXPECT_EQ(other.made, 1);
}

TEST_F(SinksTogether, OneThatReturnsWhileItHangsWaits) {
  Destination to;
  Sinks sinks = running(list_of(collecting("hangs", 1, to)), {.patience = 0ms, .grace = 0ms});
  ASSERT_TRUE(sinks.start());
  hang_at("one\n", to);
  sinks.apply({});
  EXPECT_TRUE(says("does not end"));
  sinks.apply(list_of(collecting("hangs", 1, to)));
  EXPECT_TRUE(comes(sinks, [&] { return messages_.text().contains("cannot start yet"); }));
  sinks.apply({});  // what waits has nothing to end
  EXPECT_THAT(messages_.alerts(), HasSubstr("A SINK DOES NOT END"));
  sinks.apply(list_of(collecting("hangs", 1, to)));
  to.hangs = false;
  write("two\n");
  EXPECT_TRUE(has(sinks, to, 2));
  EXPECT_TRUE(sinks.stop(30s, 30s));
  EXPECT_THAT(to.all(), ElementsAre("one", "two"));
}

// Two sinks can't write one file at the same time, so one with a new name waits for the former.
TEST_F(SinksTogether, OneThatIsRenamedWaitsForItsFile) {
  Destination to;
  const auto sink_of_file = [&](const std::string& name) {
    ConfiguredSink sink = collecting(name, 1, to);
    sink.files = {"/var/log/copy"};
    return sink;
  };
  Sinks sinks = running(list_of(sink_of_file("old")), {.patience = 0ms, .grace = 0ms});
  ASSERT_TRUE(sinks.start());
  write("one\n");
  EXPECT_TRUE(has(sinks, to, 1));
  hang_at("two\n", to);
  sinks.apply(list_of(sink_of_file("new")));
  EXPECT_TRUE(comes(sinks, [&] { return messages_.text().contains("the sink 'new' cannot start yet"); }));
  EXPECT_EQ(to.made, 1);
  to.hangs = false;
  EXPECT_TRUE(comes(sinks, [&] { return to.made == 2; }));
  EXPECT_TRUE(sinks.stop(30s, 30s));
}

TEST_F(SinksTogether, AStopLeavesBehindOneThatAReloadCouldNotEnd) {
  Destination to;
  Sinks sinks = running(list_of(collecting("hangs", 1, to)), {.patience = 0ms, .grace = 0ms});
  ASSERT_TRUE(sinks.start());
  hang_at("one\n", to);
  sinks.apply(list_of(collecting("hangs", 2, to)));
  EXPECT_TRUE(says("does not end. Its thread is abandoned"));
  EXPECT_FALSE(sinks.stop(0ms, 0ms));
  EXPECT_THAT(messages_.text(),
              HasSubstr("3: the sink 'hangs' does not end: its thread is abandoned, and lines"));
  to.hangs = false;
  EXPECT_TRUE(sinks.stop(30s, 30s));
}

TEST_F(SinksTogether, OneThatFailedFailsNoMoreWhenItIsRemoved) {
  PreparedSink fails{.name = "fails", .type = "test", .options = {}, .make = [] {
                       return Result<std::unique_ptr<Sink>>(
                           fail(ErrorKind::Busy, own_words("connect"), own_words("no one is there")));
                     }};
  Sinks sinks = running(list_of(configured(std::move(fails))));
  ASSERT_TRUE(sinks.start());
  const auto are = [&](const std::string& text) {
    return comes(sinks, [&] { return messages_.alerts() == text; });
  };
  EXPECT_TRUE(are("A SINK FAILS: 'fails': cannot connect: no one is there")) << messages_.alerts();
  sinks.apply({});
  EXPECT_TRUE(are("all well")) << messages_.alerts();
  EXPECT_TRUE(sinks.stop(0ms, 30s));
}

TEST_F(SinksTogether, WithoutADescriptorOneThatIsAddedWaitsForIt) {
  Destination to;
  Sinks sinks = running({});
  ASSERT_TRUE(sinks.start());
  write("before\n");
  {
    const test::NoDescriptors none;
    sinks.apply(list_of(collecting("poor", 1, to)));
  }
  write("after\n");
  EXPECT_TRUE(sinks.retry_at());
  EXPECT_THAT(messages_.text(),
              HasSubstr("The change of the sink 'poor' waits for that, and slurper tries again "
                        "every second\n"));
  EXPECT_THAT(messages_.alerts(), HasSubstr("A SINK FAILS: 'poor': "));
  sinks.apply({});
  EXPECT_EQ(messages_.alerts(), "all well");
  {
    const test::NoDescriptors none;
    sinks.apply(list_of(collecting("poor", 1, to)));
  }
  write("at last\n");
  EXPECT_TRUE(has(sinks, to, 1));
  EXPECT_FALSE(sinks.retry_at());
  EXPECT_TRUE(comes(sinks, [&] { return messages_.alerts() == "all well"; })) << messages_.alerts();
  EXPECT_TRUE(sinks.stop(30s, 30s));
  EXPECT_THAT(to.all(), ElementsAre("at last"));
}

TEST_F(SinksTogether, WithoutAThreadOneThatLeavesEndsAndItsSuccessorWaits) {
  Destination to;
  Sinks sinks = running(list_of(collecting("poor", 1, to)));
  ASSERT_TRUE(sinks.start());
  write("one\n");
  EXPECT_TRUE(has(sinks, to, 1));
  {
    const NoThreads none;
    sinks.apply(list_of(collecting("poor", 2, to)));
  }
  EXPECT_THAT(messages_.text(), HasSubstr("cannot start the thread 'sink-end'"));
  write("two\n");
  EXPECT_TRUE(test::eventually([&] { return to.open == 0; }));
  EXPECT_EQ(to.made, 1);
  EXPECT_TRUE(comes(sinks, [&] { return to.made == 2 && to.all().size() == 2; }));
  EXPECT_TRUE(comes(sinks, [&] { return messages_.alerts() == "all well"; })) << messages_.alerts();
  {
    const NoThreads none;
    sinks.apply({});
  }
  EXPECT_TRUE(sinks.stop(30s, 30s));
  EXPECT_THAT(to.all(), ElementsAre("one", "two"));
}

TEST_F(SinksTogether, ReportWhatIsDoubtfulOfTheirSettings) {
  std::vector<PreparedSink> prepared;
  prepared.push_back({.name = "odd",
                      .type = "test",
                      .options = {},
                      .make = []() -> Result<std::unique_ptr<Sink>> { return nullptr; },
                      .warnings = {own_words("the filter is never true")}});
  const Sinks odd = sinks(std::move(prepared));
  EXPECT_EQ(messages_.text(), "2: sink settings: the filter is never true\n");
}

TEST_F(SinksTogether, WithoutADescriptorNoneStarts) {
  std::vector<PreparedSink> prepared;
  prepared.push_back(
      {.name = "poor", .type = "test", .options = {}, .make = []() -> Result<std::unique_ptr<Sink>> {
         return fail(ErrorKind::Internal, own_words("run"), own_words("it was not started"));
       }});
  Sinks poor = sinks(std::move(prepared));
  const Status started = [&] {
    const test::NoDescriptors none;
    return poor.start();
  }();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().errnum, EMFILE);
  EXPECT_TRUE(poor.stop(0ms, 0ms));
}

}  // namespace
}  // namespace slurper
