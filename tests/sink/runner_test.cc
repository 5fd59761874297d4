#include "sink/runner.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>

#include "base/text.h"
#include "log/line_begin.h"
#include "log/log_writer.h"
#include "record/syslog_header.h"
#include "sink/dead_letters.h"
#include "sink/options.h"
#include "sink/registry.h"
#include "sink/runner_site.h"
#include "support/files.h"
#include "support/recorded_messages.h"
#include "support/temp_dir.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using test::text_of;

using namespace std::chrono_literals;
using test::eventually;
using test::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;

// A destination that behaves as the test says. What it holds outlives the sinks that write to it.
struct Destination {
  std::vector<Level> says_at_open = {};
  std::mutex mutex;
  std::vector<std::string> lines;  // that it has, each behind its offset
  std::optional<Reached> tells;    // in open()
  std::function<Status()> before_make = [] { return Status(); };
  std::function<Status()> before_open = [] { return Status(); };
  std::function<Status()> before_deliver = [] { return Status(); };
  std::function<Status()> before_flush = [] { return Status(); };
  std::string refuses;             // lines with this in them
  std::string shows;               // in the status, from open() on
  std::string shows_problem;       // the same
  bool acknowledges_late = false;  // only in flush()
  bool shows_header = false;       // of each line, its part and program stand before it
  std::atomic<int> makes = 0;
  std::atomic<int> opens = 0;
  std::atomic<int> batches = 0;
  std::size_t largest_batch = 0;
  Timestamp latest_arrival{};

  std::vector<std::string> all() {
    const std::lock_guard lock(mutex);
    return lines;
  }
};

class TestSink : public Sink {
 public:
  explicit TestSink(Destination& destination) : to_(destination) {}

  Result<std::optional<Reached>> open(const SinkContext& context) override {
    EXPECT_FALSE(open_);
    EXPECT_EQ(context.name, "test");
    const std::lock_guard lock(to_.mutex);
    ++to_.opens;
    if (Status good = to_.before_open(); !good) return std::unexpected(good.error());
    for (const Level level : to_.says_at_open) context.say(level, own_words("has words of its own"));
    open_ = true;
    if (!to_.shows.empty()) context.show(own_words(to_.shows));
    if (!to_.shows_problem.empty()) context.show_problem(own_words(to_.shows_problem));
    acks_ = context.acks;
    return to_.tells;
  }
  Status deliver(std::span<const Record> batch) override {
    EXPECT_TRUE(open_);
    EXPECT_FALSE(batch.empty());
    if (Status good = to_.before_deliver(); !good) return good;
    const std::lock_guard lock(to_.mutex);
    ++to_.batches;
    to_.largest_batch = std::max(to_.largest_batch, batch.size());
    for (const Record& record : batch) {
      to_.latest_arrival = std::max(to_.latest_arrival, record.arrival());
      if (!to_.refuses.empty() && record.raw().find(to_.refuses) != std::string_view::npos) {
        acks_->reject(record.offset(), own_words("it is bad"));
        continue;
      }
      to_.lines.push_back(fmt::format("{} {}", record.offset(), record.raw()));
      if (to_.shows_header)
        to_.lines.back().insert(
            0, fmt::format("{} {}: ", static_cast<int>(record.part()), record.header().program));
    }
    handed_ = batch.back().next_offset();
    if (!to_.acknowledges_late) acks_->up_to(handed_);
    return {};
  }
  Status flush() override {
    if (Status good = to_.before_flush(); !good) return good;
    EXPECT_TRUE(to_.acknowledges_late);
    acks_->up_to(handed_);
    return {};
  }
  void close() override {
    EXPECT_TRUE(open_);
    open_ = false;
  }

 private:
  Destination& to_;
  std::shared_ptr<Acknowledgements> acks_;
  bool open_ = false;
  std::uint64_t handed_ = 0;
};

class RunnerTest : public RunnerSite {
 protected:
  // With `start=beginning`, unless said otherwise.
  void open(std::vector<std::pair<std::string, std::string>> pairs = {}) {
    const auto is_start = [](const auto& pair) { return pair.first == "start"; };
    if (std::ranges::none_of(pairs, is_start)) pairs.emplace_back("start", "beginning");
    SinkSettings settings{.name = "test", .type = "test", .place = "here", .options = {}};
    for (const auto& [name, value] : pairs)
      settings.options.push_back({.name = name, .values = {value}, .is_list = false, .place = "here"});
    ConfiguredOptions options(settings, settings_of({}));
    const RunnerOptions runner_options = RunnerOptions::from(options);
    ASSERT_TRUE(options.check()) << text_of(options.check().error());
    runner_ = make_runner(runner_options, [this]() -> Result<std::unique_ptr<Sink>> {
      ++to_.makes;
      if (Status good = to_.before_make(); !good) return std::unexpected(good.error());
      return std::make_unique<TestSink>(to_);
    });
  }
  void start(const std::vector<std::pair<std::string, std::string>>& pairs = {}) {
    open(pairs);
    if (runner_) {
      ASSERT_TRUE(runner_->start());
    }
  }
  // To the end of the log.
  void finish() {
    runner_->finish();
    ASSERT_TRUE(eventually([&] { return runner_->ended(); })) << said();
    ASSERT_TRUE(runner_->stop(std::chrono::steady_clock::time_point::max()));
    runner_.reset();
  }
  std::string said() { return messages_.text(); }
  bool says(const std::string& text) {
    return eventually([&] { return said().find(text) != std::string::npos; });
  }
  bool has(std::size_t lines) {
    return eventually([&] { return to_.all().size() >= lines; });
  }

  Destination to_;
  std::unique_ptr<SinkRunner> runner_;
};

TEST_F(RunnerTest, DeliversWhatIsWrittenAsItIsWritten) {
  write("one\n");
  start();
  ASSERT_TRUE(has(1));
  write("two\nthr");
  ASSERT_TRUE(has(2));
  write("ee\n");
  ASSERT_TRUE(has(3));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two", "8 three"));
  EXPECT_EQ(said(), "");
}

TEST_F(RunnerTest, MeasuresEachLineFromItsArrivalToItsAcknowledgement) {
  const auto came = std::chrono::steady_clock::now() - 3s;
  times_->coming({0}, came);
  to_.acknowledges_late = true;
  write("one\ntwo\n");
  start();
  const auto counts = [&] {
    std::uint64_t all = 0;
    for (const std::uint64_t bucket : runner_->status().latencies.buckets) all += bucket;
    return all;
  };
  ASSERT_TRUE(eventually([&] { return counts() == 2; }));
  const auto seconds = runner_->status().latencies.seconds;
  EXPECT_GE(seconds, 2 * 3.0);
  EXPECT_LE(seconds, 2 * std::chrono::duration<double>(std::chrono::steady_clock::now() - came).count());
  finish();
}

TEST_F(RunnerTest, ASinkShowsAPhraseInTheStatusWhileItIsOpen) {
  to_.shows = "has found \x1b a server";
  start();
  const std::string words = text_of(own_words(printable(to_.shows)));
  ASSERT_TRUE(eventually([&] { return runner_->status().shown == words; }));
  {
    const std::lock_guard lock(to_.mutex);
    to_.before_open = [] { return fail(ErrorKind::Io, own_words("connect"), own_words("it has gone")); };
    to_.before_deliver = [] { return fail(ErrorKind::Io, own_words("send"), own_words("it has gone")); };
  }
  write("one\n");
  EXPECT_TRUE(eventually([&] { return runner_->status().failing; }));
  EXPECT_EQ(runner_->status().shown, "");
}

TEST_F(RunnerTest, ASinkThatWorksShowsAProblemWhileItIsOpen) {
  to_.shows_problem = "has lines in another file";
  start();
  ASSERT_TRUE(eventually([&] { return runner_->status().shown == to_.shows_problem; }));
  EXPECT_TRUE(runner_->status().has_problem);
  {
    const std::lock_guard lock(to_.mutex);
    to_.shows_problem.clear();
    to_.shows = "is well";
    to_.before_deliver = [failed = false]() mutable -> Status {
      if (std::exchange(failed, true)) return {};
      return fail(ErrorKind::Io, own_words("send"), own_words("it has gone"));
    };
  }
  write("one\n");
  ASSERT_TRUE(eventually([&] { return runner_->status().shown == "is well"; }));
  EXPECT_FALSE(runner_->status().has_problem);
}

// A batch may be in thousands of segments: a stop is looked for among them.
TEST_F(RunnerTest, ABatchOfManySegmentsIsReadInSteps) {
  constexpr int kSegments = 300;
  for (int i = 0; i < kSegments; ++i) {
    write("x\n");
    ASSERT_TRUE(writer_->rotate());
    writer_->publish();
  }
  class Opens : public Os {
   public:
    int open(const char* path, int flags, mode_t mode) override {
      if (std::string_view(path).find("/messages.0") != std::string_view::npos) ++segments;
      return Os::open(path, flags, mode);
    }
    int segments = 0;
  };
  Opens os;
  const RecordSource::Options options;
  RecordSource source(os, writer_->paths(), writer_->feed(), *times_, writer_->log_id(), options);
  (void)source.seek(StreamOffset{0});  // there is nothing before it
  int steps = 0;
  for (int before = 0; source.read_up_to() < writer_->feed().end(); ++steps) {
    ASSERT_TRUE(source.read());
    EXPECT_LE(os.segments - before, 70);
    before = os.segments;
  }
  EXPECT_GE(steps, 4);
  EXPECT_EQ(source.take().records.size(), static_cast<std::size_t>(kSegments));
  start();
  ASSERT_TRUE(has(kSegments));
  finish();
}

// Only the operator can mend a loop: to try again would make it turn again.
TEST_F(RunnerTest, AfterALoopItWaitsUntilItIsToldToGoOn) {
  std::atomic<bool> loops = true;
  to_.before_deliver = [&]() -> Status {
    if (loops)
      return fail(ErrorKind::Loop, own_words("write"), own_words("it comes back"), own_words("Mend it"));
    return {};
  };
  write("one\n");
  start();
  ASSERT_TRUE(eventually([&] { return runner_->status().stopped; }));
  EXPECT_EQ(text_of(runner_->status().failure.value()), "cannot write: it comes back. Mend it");
  EXPECT_TRUE(runner_->status().failing);
  EXPECT_TRUE(
      says("3: the sink 'test' stops: cannot write: it comes back. Mend it. Its lines wait in the log\n"));
  write("two\n");
  runner_->resume();
  ASSERT_TRUE(says("resumes"));
  ASSERT_TRUE(eventually([&] { return runner_->status().stopped; })) << "it still loops";
  EXPECT_EQ(to_.opens, 2) << "it tried by itself";
  loops = false;
  runner_->resume();
  ASSERT_TRUE(has(2));
  EXPECT_TRUE(says("works again"));
  EXPECT_FALSE(runner_->status().stopped);
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two"));
}

TEST_F(RunnerTest, AStopEndsTheWaitForTheOperator) {
  to_.before_deliver = [] { return fail(ErrorKind::Loop, own_words("write"), own_words("it comes back")); };
  write("one\n");
  start();
  ASSERT_TRUE(eventually([&] { return runner_->status().stopped; }));
  finish();
}

TEST_F(RunnerTest, ComesAfterTheIntakeWhereCpusAreScarce) {
  const int ours = ::getpriority(PRIO_PROCESS, 0);
  std::atomic<int> its = ours;
  to_.before_deliver = [&] {
    its = ::getpriority(PRIO_PROCESS, 0);  // to Linux, of the calling thread
    return Status();
  };
  start();
  write("one\n");
  finish();
  EXPECT_EQ(its, std::min(ours + 10, 19));
  EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), ours);
}

TEST_F(RunnerTest, GoesOnWhereItWas) {
  write("one\ntwo\n");
  start();
  finish();
  write("three\n");
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two", "8 three"));
}

TEST_F(RunnerTest, BeginsWithTheLineThatIsUnderWay) {
  write("old\nold, too, but not yet at its e");
  start({{"start", "end"}});
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(disk_ / ".messages.cursor-test"); }));
  finish();  // and what was written until the first line is not lost
  write("nd\nnew\n");
  start({{"start", "end"}});
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("4 old, too, but not yet at its end", "37 new"));
}

TEST_F(RunnerTest, ALineThatIsNotCompleteIsTheNextOnes) {
  write("one\ntw");
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one"));
  write("o\n");
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two"));
}

TEST_F(RunnerTest, TriesAgainUntilItWorksAndSaysSoOnce) {
  std::atomic<int> failures = 0;
  to_.before_deliver = [&]() -> Status {
    if (++failures <= 3)
      return fail(ErrorKind::Io, own_words("reach the destination"), own_words("it is away"));
    return {};
  };
  write("one\ntwo\n");
  start({{"retry_max", "100ms"}});
  ASSERT_TRUE(has(2));
  ASSERT_TRUE(says("works again"));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two"));
  EXPECT_EQ(to_.opens, 4);
  const std::string text = said();
  EXPECT_THAT(text,
              HasSubstr("3: the sink 'test' fails: cannot reach the destination: it is away. Its lines wait "
                        "in the log, and slurper tries again, at least every 100ms"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
}

TEST_F(RunnerTest, AFailedOpenIsTriedAgain) {
  std::atomic<int> failures = 0;
  to_.before_open = [&]() -> Status {
    if (++failures <= 2) return fail(ErrorKind::Io, own_words("connect"), own_words("no server is there"));
    return {};
  };
  start({{"retry_max", "100ms"}});
  ASSERT_TRUE(says("works again"));  // without a line to prove it with
  finish();
}

// As a server behind a balancer that takes what it is sent and then resets the connection.
TEST_F(RunnerTest, WhatIsTakenWithoutAWordDoesNotWorkAgain) {
  to_.acknowledges_late = true;
  std::atomic<int> failures = 0;
  to_.before_flush = [&]() -> Status {
    if (++failures <= 3) return fail(ErrorKind::Io, own_words("write"), own_words("it was reset"));
    return {};
  };
  write("one\n");
  start({{"retry_max", "100ms"}, {"batch_time", "0s"}});
  ASSERT_TRUE(says("works again"));
  finish();
  EXPECT_EQ(std::ranges::count(said(), '\n'), 2) << said();
}

TEST_F(RunnerTest, WhatIsWrittenBeforeItFirstConnectsIsNotSkipped) {
  std::atomic<bool> up = false;
  to_.before_open = [&]() -> Status {
    if (!up) return fail(ErrorKind::Io, own_words("connect"), own_words("no server is there"));
    return {};
  };
  write("before\n");
  start({{"start", "end"}, {"retry_max", "100ms"}});
  ASSERT_TRUE(says("fails"));
  write("after\n");
  up = true;
  ASSERT_TRUE(has(1)) << said();
  EXPECT_THAT(to_.all(), ElementsAre(testing::EndsWith("after")));
  finish();
}

TEST_F(RunnerTest, WhatWasNotAcknowledgedComesAgain) {
  to_.acknowledges_late = true;
  std::atomic<bool> broken = false;
  to_.before_deliver = [&]() -> Status {
    if (broken.exchange(false)) return fail(ErrorKind::Io, own_words("write"), own_words("it broke"));
    return {};
  };
  write("one\n");
  start({{"retry_max", "100ms"}, {"batch_time", "0s"}});
  ASSERT_TRUE(eventually([&] { return runner_->status().acked == 4; }));
  broken = true;
  write("two\n");
  ASSERT_TRUE(has(2));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two"));
}

TEST_F(RunnerTest, TheDestinationsWordWins) {
  write("one\ntwo\nthree\n");
  to_.tells = 4;
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("4 two", "8 three"));
  to_.tells = 8;  // it has lost what it had
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("4 two", "8 three", "8 three"));
}

// In a folder that another user may write to, what stands at their path is what that user likes.
TEST(DeadLettersTest, NothingButTheirOwnFileIsChanged) {
  const test::TempDir directory;
  const std::string path = directory / "messages.rejected-x";
  const std::string precious = directory / "precious";
  test::write_file(precious, "");
  ASSERT_EQ(::chmod(precious.c_str(), 0600), 0);
  ASSERT_EQ(::link(precious.c_str(), path.c_str()), 0);
  const Uuid log{};  // a record only points to it
  const Record record(log, 0, 5, "line", Part::Whole, Timestamp{}, &parse_syslog_header);
  const gid_t other_group = ::geteuid() == 0 ? 65534 : ::getegid();
  const auto append = [&] {
    DeadLetters letters(kernel(), path, {.mode = 0644, .group = other_group},
                        [](const Phrase& phrase) { return test::text_of(phrase); });
    return letters.append("x", record, own_words("it is bad"));
  };
  EXPECT_TRUE(append());
  struct stat st{};
  ASSERT_EQ(::lstat(precious.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600U);
  EXPECT_EQ(st.st_gid, ::getegid());

  ASSERT_EQ(::unlink(path.c_str()), 0);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const Status refused = append();
  ASSERT_FALSE(refused);
  EXPECT_THAT(text_of(refused.error()), HasSubstr("not a regular file"));

  ASSERT_EQ(::unlink(path.c_str()), 0);
  test::write_file(path, "");  // as a crash leaves it
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_TRUE(append());
  ASSERT_EQ(::lstat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0644U);
}

// Has no room for what is written, from a moment on.
class FullDisk : public Os {
 public:
  ssize_t write(int fd, const void* data, std::size_t size) override {
    return is_full_ ? -ENOSPC : Os::write(fd, data, size);
  }
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    return is_full_ ? -ENOSPC : Os::pwrite(fd, data, size, offset);
  }
  void fill() { is_full_ = true; }

 private:
  std::atomic<bool> is_full_ = false;
};

TEST(DeadLettersTest, AFullDiskIsAnError) {
  const test::TempDir directory;
  const std::string path = directory / "messages.rejected-x";
  FullDisk os;
  os.fill();
  const Uuid log{};
  const Record record(log, 0, 5, "line", Part::Whole, Timestamp{}, &parse_syslog_header);
  DeadLetters letters(os, path, {}, [](const Phrase& phrase) { return test::text_of(phrase); });
  EXPECT_EQ(text_of(letters.append("x", record, own_words("it is bad")).error()),
            "cannot write to the dead letters '" + path +
                "': No space left on device. Make room on its file system");
}

TEST_F(RunnerTest, ASlotOfItsCursorThatIsDamagedIsReported) {
  write("one\n");
  start();
  finish();
  const std::string path = disk_ / ".messages.cursor-test";
  std::string bytes = test::read_file(path);
  bytes.replace(8, 8, "damaged!");
  test::write_file(path, bytes);
  write("two\n");
  start();
  ASSERT_TRUE(has(2));
  finish();
  EXPECT_EQ(said(), "2: the sink 'test' continues with one slot of its cursor: slot A of the cursor '" +
                        path + "' is damaged: its checksum is wrong\n");
}

TEST_F(RunnerTest, ACursorThatCannotBeSavedAtTheEndMayRepeatLines) {
  FullDisk disk;
  os_ = &disk;
  write("one\n");
  start();
  ASSERT_TRUE(eventually([&] { return runner_->status().acked == 4; }));
  disk.fill();
  finish();
  EXPECT_THAT(said(), HasSubstr("2: the sink 'test' may repeat lines: cannot write the cursor '" +
                                (disk_ / ".messages.cursor-test") +
                                "': No space left on device. Make room on its file system\n"));
}

// The log's folder was replaced, and the new one has another log's cursor.
TEST_F(RunnerTest, ACursorThatCannotFollowTheLogsFolderIsReportedUntilItCan) {
  write("one\n");
  start();
  ASSERT_TRUE(eventually([&] { return runner_->status().acked == 4; }));
  const std::string path = disk_ / ".messages.cursor-test";
  const std::string others = disk_ / "others";
  {
    auto cursor = CursorFile::open(kernel(), LogPaths(others), "test", Uuid{3}, {});
    ASSERT_TRUE(cursor) << text_of(cursor.error());
    ASSERT_TRUE(cursor->write({}, Durability::Cached));
  }
  std::filesystem::rename(disk_ / ".others.cursor-test", path);
  writer_->feed().renew();
  ASSERT_TRUE(says("Move it away\n"));
  EXPECT_EQ(said(), fmt::format("3: the sink 'test' cannot keep its cursor for the next start, and tries "
                                "again: cannot use the cursor '{}': it belongs to another log, {}; this one "
                                "is {}. Move it away\n",
                                path, format(Uuid{3}), format(writer_->log_id())));
  std::filesystem::remove(path);
  write("two\n");
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(path); }));
  finish();
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two"));
}

TEST_F(RunnerTest, ASinksOwnWordsAreReportedAtItsLevel) {
  to_.says_at_open = {Level::Debug, Level::Info, Level::Warning, Level::Error};
  start();
  finish();
  EXPECT_EQ(said(),
            "0: the sink 'test' has words of its own\n1: the sink 'test' has words of its own\n"
            "2: the sink 'test' has words of its own\n3: the sink 'test' has words of its own\n");
}

TEST_F(RunnerTest, WhatIsRefusedGoesToTheDeadLetters) {
  to_.refuses = "bad";
  write("one\nbad \"one\"\ntwo\nbad\xff\n");
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "14 two"));
  EXPECT_THAT(test::read_file(disk_ / "messages.rejected-test"),
              testing::MatchesRegex("\\{\"sink\":\"test\",\"reason\":\"it is bad\",\"line\":\"bad "
                                    "\\\\\"one\\\\\"\",\"record\":\\{.*\"offset\":4\\}\\}\n"
                                    "\\{\"sink\":\"test\",.*\"offset\":18\\}\\}\n"));
  EXPECT_THAT(said(), HasSubstr("was refused a line: it is bad"));
  // Counted over restarts, reported once.
  start();
  ASSERT_TRUE(eventually([&] { return runner_->status().has_begun; }));
  EXPECT_EQ(runner_->status().rejected, 2U);
  finish();
}

TEST_F(RunnerTest, ADeadLetterThatCanNotBeWrittenHoldsTheSinkUp) {
  to_.refuses = "bad";
  std::filesystem::create_directory(disk_ / "messages.rejected-test");
  write("bad\none\n");
  start({{"retry_max", "100ms"}});
  ASSERT_TRUE(says("cannot open the dead letters"));
  EXPECT_EQ(runner_->status().acked, 0U);
  std::filesystem::remove(disk_ / "messages.rejected-test");
  ASSERT_TRUE(says("works again"));
  finish();
  EXPECT_TRUE(std::filesystem::exists(disk_ / "messages.rejected-test"));
}

TEST_F(RunnerTest, OnlyWhatIsWantedIsDeliveredAndTheRestIsPassed) {
  write("one good\ntwo\nthree good\nfour\n");
  start({{"filter", "raw contains good"}});
  ASSERT_TRUE(eventually([&] { return runner_->status().acked == 29; }));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one good", "13 three good"));
}

TEST_F(RunnerTest, BatchesAreAsLargeAsTheyMayBe) {
  for (int i = 0; i < 1000; ++i) write("line\n");
  start({{"batch_lines", "64"}});
  ASSERT_TRUE(has(1000));
  EXPECT_EQ(to_.largest_batch, 64U);
  finish();
}

TEST_F(RunnerTest, AFewLinesWaitForMoreAndManyDoNot) {
  start({{"batch_time", "1h"}, {"batch_lines", "3"}});
  ASSERT_TRUE(eventually([&] { return to_.opens == 1; }));
  write("one\ntwo\n");
  write("three\n");
  ASSERT_TRUE(has(3));
  EXPECT_EQ(to_.batches, 1);
  write("four\n");
  finish();  // does not wait for an hour
  EXPECT_EQ(to_.batches, 2);
  EXPECT_EQ(to_.all().size(), 4U);
}

TEST_F(RunnerTest, ALineInPartsIsGoneOnWithAtItsBeginning) {
  const std::string line(1000, 'x');
  std::atomic<int> batches = 0;
  to_.before_deliver = [&]() -> Status {
    if (++batches == 2) return fail(ErrorKind::Io, own_words("write"), own_words("it broke"));
    return {};
  };
  write(line + "\nshort\n");
  start({{"max_line", "480"}, {"batch_lines", "1"}, {"batch_time", "0s"}, {"retry_max", "100ms"}});
  ASSERT_TRUE(has(5));
  finish();
  EXPECT_THAT(to_.all(),
              ElementsAre("0 " + line.substr(0, 480), "0 " + line.substr(0, 480),
                          "480 " + line.substr(0, 480), "960 " + line.substr(0, 40), "1001 short"));
}

constexpr std::string_view kBigHeader = "<34>1 2026-11-21T10:00:00Z host big 77 ID - ";

// Filters ask for a header, which only the first part shows, or for what only the first part has.
TEST_F(RunnerTest, AFilterDecidesForAllPartsOfALineByTheFirst) {
  const std::string line = std::string(kBigHeader) + std::string(1000, 'x') + "end";
  write(line + "\nsmall\n" + line + '\n');
  for (const auto& [filter, parts] :
       std::vector<std::pair<const char*, std::size_t>>{{"program = big", 6},
                                                        {"not program = big", 1},
                                                        {"msg contains end", 0},
                                                        {"part = first", 6},
                                                        {"part = last", 0},
                                                        {"severity = crit and length = 480", 6}}) {
    to_.lines.clear();
    std::filesystem::remove(disk_ / ".messages.cursor-test");
    start({{"max_line", "480"}, {"filter", filter}, {"batch_lines", "2"}, {"batch_time", "0s"}});
    finish();
    EXPECT_EQ(to_.all().size(), parts) << filter;
  }
}

// Wherever a sink resumes, records are what they would have been: cut at the same places, wanted or not, with
// the header of the line, be its beginning in another segment, compressed or far away.
TEST_F(RunnerTest, ALineThatIsGoneOnWithInTheMiddleHasItsHeader) {
  const std::string line = std::string(kBigHeader) + std::string(300'000, 'x');
  const std::string small = "<13>1 2026-11-21T10:00:00Z host small - - - " + std::string(1000, 'y');
  write(small + '\n' + small + '\n');
  ASSERT_TRUE(writer_->rotate());
  write(small + '\n' + line + '\n' + small + "\nplain\n");
  const std::uint64_t begin = 3 * (small.size() + 1);
  to_.shows_header = true;
  const std::vector<std::pair<std::string, std::string>> settings = {
      {"max_line", "480"}, {"filter", "program = big or raw = plain"}, {"batch_lines", "100"}};
  start(settings);
  finish();
  const std::vector<std::string> all = to_.all();
  ASSERT_EQ(all.size(), 1 + (line.size() + 479) / 480);
  for (const std::size_t parts : {1UZ, 2UZ, 200UZ, all.size() - 2}) {
    to_.lines.clear();
    to_.tells = begin + 480 * parts;
    start(settings);
    finish();
    EXPECT_EQ(to_.all(), std::vector(all.begin() + static_cast<std::ptrdiff_t>(parts), all.end())) << parts;
  }
  // In a line that is not wanted.
  to_.lines.clear();
  to_.tells = 480;
  start(settings);
  finish();
  EXPECT_EQ(to_.all(), all);
}

TEST_F(RunnerTest, WhatIsGoneIsToldAndCounted) {
  write("one\n");
  start();
  finish();
  write("two\n");
  ASSERT_TRUE(writer_->rotate());
  write("three\n");
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{0}));
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "8 three"));
  EXPECT_THAT(said(), HasSubstr("came too late for 4B of the log"));
  start();
  ASSERT_TRUE(eventually([&] { return runner_->status().has_begun; }));
  EXPECT_EQ(runner_->status().missed, 4U);
  finish();
}

TEST_F(RunnerTest, WhatIsGoneCountsOnceHoweverOftenASinkComesBackToIt) {
  write("one\n");
  start();
  finish();
  write("two\n");
  ASSERT_TRUE(writer_->rotate());
  write("three\n");
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{0}));
  to_.before_deliver = [failures = 0]() mutable -> Status {
    if (++failures > 3) return {};
    return fail(ErrorKind::Io, own_words("send"), own_words("not yet"));
  };
  start({{"retry_max", "100ms"}});
  ASSERT_TRUE(has(2));
  EXPECT_EQ(runner_->status().missed, 4U);
  finish();
}

TEST_F(RunnerTest, WhatOthersDidToAFileIsWhyItsLinesAreMissed) {
  write("zero\n");
  start();
  finish();
  write("one\n");
  std::filesystem::rename(disk_ / "messages", disk_ / "moved away");
  ASSERT_TRUE(writer_->reopen());
  write("two\n");
  start();
  ASSERT_TRUE(has(2));
  EXPECT_EQ(said(),
            "3: the sink 'test' came too late for 4B of the log: another process moved their file away\n");
  finish();
  write("three\n");
  std::filesystem::resize_file(disk_ / "messages", 0);
  write("four\n");
  start();
  ASSERT_TRUE(has(3));
  EXPECT_THAT(said(), HasSubstr("3: the sink 'test' came too late for 6B of the log: another process removed "
                                "or cut their file\n"));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 zero", "9 two", "19 four"));
}

TEST_F(RunnerTest, WhatWasRemovedBeforeASinkBeganIsNotMissedAndWhatGoesLaterIs) {
  write("one\n");
  ASSERT_TRUE(writer_->rotate());
  write("two\n");
  ASSERT_TRUE(writer_->rotate());
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{0}));
  to_.before_open = []() -> Status {
    return fail(ErrorKind::Io, own_words("connect"), own_words("no server is there"));
  };
  start({{"retry_max", "100ms"}});
  ASSERT_TRUE(says("no server is there"));
  finish();
  write("three\n");
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{4}));
  to_.before_open = [] { return Status(); };
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("8 three"));
  EXPECT_THAT(said(), HasSubstr("came too late for 4B of the log"));
}

TEST_F(RunnerTest, AStopBeforeItHasBegunNotesNothing) {
  write("one\n");
  open();
  EXPECT_TRUE(runner_->stop(std::chrono::steady_clock::time_point::max()));
  ASSERT_TRUE(runner_->start());
  ASSERT_TRUE(eventually([&] { return runner_->ended(); }));
  runner_.reset();
  ASSERT_TRUE(writer_->rotate());
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{0}));
  write("two\n");
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("4 two"));
  EXPECT_EQ(said(), "");
}

// No offset is given out twice, so a loss of power leaves a gap that may be as long as the ring.
TEST_F(RunnerTest, WhatALossOfPowerTookIsNotMissed) {
  write("one\n");
  start();
  finish();
  writer_.reset();  // not closed
  auto writer = LogWriter::open(kernel(), settings_, Uuid{2});
  ASSERT_TRUE(writer) << text_of(writer.error());
  writer_ = std::move(*writer);
  writer_->publish();
  const std::uint64_t begin = writer_->end().value;
  ASSERT_GT(begin, 4U);
  write("two\n");
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", fmt::format("{} two", begin)));
  EXPECT_EQ(said(), fmt::format("1: the sink 'test' continues at offset {}, after what the log lost when the "
                                "machine went down\n",
                                begin));
  start();
  ASSERT_TRUE(eventually([&] { return runner_->status().has_begun; }));
  EXPECT_EQ(runner_->status().missed, 0U);
  finish();
}

// A destination that says which is the last record that it took.
TEST_F(RunnerTest, WhatTheFilterPassedIsNotMissedWhateverTheDestinationSays) {
  write("one good\ntwo\nthree\n");
  start({{"filter", "raw contains good"}});
  ASSERT_TRUE(eventually([&] { return runner_->status().acked == 19; }));
  finish();
  ASSERT_TRUE(writer_->rotate());
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{0}));
  to_.tells = 9;
  write("four good\n");
  start({{"filter", "raw contains good"}});
  ASSERT_TRUE(has(2));
  EXPECT_EQ(runner_->status().missed, 0U);
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one good", "19 four good"));
  EXPECT_EQ(said(), "");
}

TEST_F(RunnerTest, ADestinationThatWentBackGetsAgainWhatTheLogHas) {
  write("one\ntwo\n");
  ASSERT_TRUE(writer_->rotate());
  write("three\n");
  start();
  finish();
  to_.tells = 4;
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two", "8 three", "4 two", "8 three"));
  EXPECT_THAT(said(),
              HasSubstr("2: the sink 'test' has a destination that lost lines: it had everything before "
                        "offset 14, and now has everything before offset 4. "));
  // And what is gone is named.
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{0}));
  start();
  ASSERT_TRUE(has(6));
  EXPECT_EQ(runner_->status().missed, 0U) << "it was delivered once";
  finish();
  EXPECT_EQ(to_.all().back(), "8 three");
  EXPECT_THAT(said(),
              HasSubstr("3: the sink 'test' cannot deliver again what its destination lost at the offsets "
                        "4 to 8 (4B): they were removed"));
}

// And what came since is missed.
TEST_F(RunnerTest, OfOneGapEachPartIsToldAsWhatItIs) {
  write("one\ntwo\n");
  start();
  finish();
  write("three\n");
  ASSERT_TRUE(writer_->rotate());
  write("four\n");
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{0}));
  to_.tells = 4;
  start();
  ASSERT_TRUE(has(3));
  EXPECT_EQ(runner_->status().missed, 6U);
  finish();
  EXPECT_EQ(to_.all().back(), "14 four");
  EXPECT_THAT(said(), HasSubstr("at the offsets 4 to 8 (4B)"));
  EXPECT_THAT(said(), HasSubstr("came too late for 6B of the log"));
}

TEST_F(RunnerTest, ADestinationThatWentBackNeedNotBeRefilled) {
  write("one\ntwo\n");
  start();
  finish();
  to_.tells = 4;
  for (int times = 0; times < 2; ++times) {
    start({{"on_reset", "continue"}});
    finish();
  }
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two"));
  EXPECT_THAT(said(),
              HasSubstr("2: the sink 'test' has a destination that lost lines: it had everything before "
                        "offset 8, and now has everything before offset 4. on_reset = \"continue\""));
  EXPECT_EQ(std::ranges::count(said(), '\n'), 1) << "once";
  write("three\n");
  start({{"on_reset", "continue"}});
  finish();
  EXPECT_EQ(to_.all().back(), "8 three");
}

TEST_F(RunnerTest, ADestinationThatWentBackMayStopTheSink) {
  write("one\ntwo\n");
  start();
  finish();
  to_.tells = 4;
  write("three\n");
  start({{"on_reset", "stop"}, {"retry_max", "100ms"}});
  const int opens = to_.opens;
  ASSERT_TRUE(eventually([&] { return to_.opens >= opens + 2; }));
  EXPECT_THAT(said(), HasSubstr("3: the sink 'test' fails: cannot continue after what its destination has: "
                                "the destination lost lines: it had everything before offset 8, and now has "
                                "everything before offset 4. on_reset = \"stop\" waits for you. Restore the "
                                "destination; or set on_reset"));
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two"));
  {
    const std::lock_guard lock(to_.mutex);
    to_.tells = 8;  // it was restored
  }
  ASSERT_TRUE(has(3));
  finish();
  EXPECT_EQ(to_.all().back(), "8 three");
}

// A log that was restored from a backup has other lines at the offsets that the destination knows.
TEST_F(RunnerTest, AnAnswerOfAnotherHistoryOfTheLogSkipsNothing) {
  write("one\ntwo\r\nthree\n");
  to_.tells = Reached(9, line_checksum("two"));
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("9 three")) << "a CR at the line's end does not count";
  std::filesystem::remove(disk_ / ".messages.cursor-test");
  to_.lines.clear();
  to_.tells = Reached(9, line_checksum("TWO"));
  start({{"retry_max", "100ms"}});
  const int opens = to_.opens;
  ASSERT_TRUE(eventually([&] { return to_.opens >= opens + 2; }));
  EXPECT_THAT(said(),
              HasSubstr(fmt::format("the destination's last line, which ends at offset 9, is not this "
                                    "log's line there: its checksum is {}, and here it is {}. Look at "
                                    "the last record there",
                                    line_checksum("TWO"), line_checksum("two"))));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre());
}

TEST_F(RunnerTest, AnAnswerOfAnotherMachineSkipsNothing) {
  write("one\ntwo\n");
  machine_ = {1};
  to_.tells = Reached(4, line_checksum("one"), MachineId{2});
  start({{"retry_max", "100ms"}});
  const int opens = to_.opens;
  ASSERT_TRUE(eventually([&] { return to_.opens >= opens + 2; }));
  EXPECT_THAT(
      said(),
      HasSubstr("the destination's last line, which ends at offset 4, came from a copy of this log on "
                "the machine 02000000-0000-0000-0000-000000000000, and this is the machine "
                "01000000-0000-0000-0000-000000000000"));
  EXPECT_THAT(to_.all(), ElementsAre());
  {
    const std::lock_guard lock(to_.mutex);
    to_.tells = Reached(4, line_checksum("one"), machine_);
  }
  ASSERT_TRUE(has(1));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("4 two"));
}

// What the log no longer has can't be compared.
TEST_F(RunnerTest, AnAnswerBehindWhatIsGoneIsTaken) {
  write("one\ntwo\n");
  ASSERT_TRUE(writer_->rotate());
  write("three\n");
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{0}));
  to_.tells = Reached(8, line_checksum("nothing like it"));
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("8 three"));
}

// Which can't say whether the destination has lost something.
TEST_F(RunnerTest, ACursorThatDoesNotKnowWhatWasDelivered) {
  write("one\ntwo\n");
  {
    auto cursor = CursorFile::open(kernel(), writer_->paths(), "test", writer_->log_id(), {});
    ASSERT_TRUE(cursor) << text_of(cursor.error());
    ASSERT_TRUE(cursor->write({.offset = StreamOffset{8}}, Durability::Cached));
  }
  to_.tells = 4;
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("4 two"));
  EXPECT_EQ(said(), "");
  to_.lines.clear();
  {
    auto cursor = CursorFile::open(kernel(), writer_->paths(), "test", writer_->log_id(), {});
    ASSERT_TRUE(cursor->write({.offset = StreamOffset{8}}, Durability::Cached));
  }
  ASSERT_TRUE(writer_->rotate());
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{0}));
  write("three\n");
  start();
  ASSERT_TRUE(has(1));
  EXPECT_EQ(runner_->status().missed, 0U);
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("8 three"));
  EXPECT_THAT(said(), HasSubstr("1: the sink 'test' does not find the offsets 4 to 8 in the log"));
}

TEST_F(RunnerTest, WhatWasRefusedIsNotWhatWasDelivered) {
  to_.refuses = "bad";
  write("one\nbad\n");
  start();
  finish();
  to_.tells = 4;
  write("two\n");
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "8 two"));
  EXPECT_EQ(std::ranges::count(test::read_file(disk_ / "messages.rejected-test"), '\n'), 1);
}

// The operator's word goes over the destination's, forwards and back.
TEST_F(RunnerTest, ACursorThatIsSetByHandIsObeyed) {
  const std::vector<std::pair<std::string, std::string>> only_good = {{"filter", "raw contains good"}};
  write("good one\nbad\ngood two\n");
  start(only_good);
  finish();
  to_.tells = 9;
  ASSERT_TRUE(set_cursor(kernel(), writer_->paths(), "test", writer_->log_id(), StreamOffset{22}));
  write("bad\n");
  start(only_good);
  ASSERT_TRUE(eventually([&] { return runner_->status().acked == 26; }));
  finish();
  // What it was set beyond stays behind it.
  start(only_good);
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 good one", "13 good two"));
  to_.lines.clear();
  to_.tells = 22;
  ASSERT_TRUE(set_cursor(kernel(), writer_->paths(), "test", writer_->log_id(), StreamOffset{0}));
  start(only_good);
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 good one", "13 good two"));
  EXPECT_EQ(said(), "");
}

TEST_F(RunnerTest, ACursorBeyondTheLogsEndIsAFailure) {
  write("one\n");
  {
    auto cursor = CursorFile::open(kernel(), writer_->paths(), "test", writer_->log_id(), {});
    ASSERT_TRUE(cursor) << text_of(cursor.error());
    ASSERT_TRUE(cursor->write({.offset = StreamOffset{1000}}, Durability::Cached));
  }
  start({{"retry_max", "100ms"}});
  ASSERT_TRUE(eventually([&] { return to_.opens == 4; }));
  EXPECT_THAT(said(),
              HasSubstr("3: the sink 'test' fails: cannot continue at its cursor: it is at offset 1000, and "
                        "the log ends at 4. Was the log restored from a backup? Restore all of it, or "
                        "set the cursor: slurper cursor '"));
  EXPECT_EQ(std::ranges::count(said(), '\n'), 1);
  ASSERT_TRUE(runner_->stop(std::chrono::steady_clock::time_point::max()));
  runner_.reset();
  ASSERT_TRUE(set_cursor(kernel(), writer_->paths(), "test", writer_->log_id(), StreamOffset{0}));
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one"));
}

// Anyone who may write to a destination may make it say anything.
TEST_F(RunnerTest, AnAnswerThatCanNotBeIsAFailureAndSkipsNothing) {
  write("one\ntwo\n");
  to_.tells = 1000;
  start({{"retry_max", "100ms"}});
  ASSERT_TRUE(eventually([&] { return to_.opens == 4; }));
  EXPECT_THAT(said(),
              HasSubstr("3: the sink 'test' fails: cannot continue after what its destination has: the "
                        "destination says that it has everything before offset 1000, but the log ends at "
                        "8. Look at the last record there"));
  EXPECT_EQ(std::ranges::count(said(), '\n'), 1);
  {
    const std::lock_guard lock(to_.mutex);
    to_.tells = 6;
  }
  const int opens = to_.opens;
  ASSERT_TRUE(eventually([&] { return to_.opens >= opens + 2; }));
  EXPECT_THAT(text_of(runner_->status().failure.value()),
              HasSubstr("but that is in the middle of the line at offset 4"));
  EXPECT_THAT(to_.all(), ElementsAre());
  {
    const std::lock_guard lock(to_.mutex);
    to_.tells = 4;
  }
  ASSERT_TRUE(has(1));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("4 two"));
}

TEST_F(RunnerTest, AnAnswerMayBeWhereAPartOfALineBeginsAsMaxLineCutsIt) {
  const std::string line(1000, 'x');
  const std::string more = std::string(99'000, 'y') + '\n';  // the line's beginning is far before the answer
  write("short\n" + line + more);
  const auto answered = [&](std::uint64_t answer) {
    to_.lines.clear();
    to_.tells = answer;
    std::filesystem::remove(disk_ / ".messages.cursor-test");
    start({{"max_line", "480"}, {"retry_max", "100ms"}});
    const int opens = to_.opens;
    EXPECT_TRUE(eventually([&] { return to_.opens > opens + 1 || !to_.all().empty(); }));
    finish();
    return to_.all().empty() ? "nothing" : to_.all().front().substr(0, to_.all().front().find(' '));
  };
  EXPECT_EQ(answered(6), "6");
  EXPECT_EQ(answered(6 + 480), "486");
  EXPECT_EQ(answered(6 + 100 * 480), "48006");
  EXPECT_EQ(answered(6 + 481), "nothing");
  EXPECT_EQ(answered(6 + 479), "nothing");
  EXPECT_EQ(answered(5), "0") << "it is in the line that the cursor is at";
}

// With another max_line, its parts began elsewhere: the line comes again, and nothing is skipped.
TEST_F(RunnerTest, AnAnswerInTheLineAtTheCursorRepeatsThisLine) {
  write(std::string(1000, 'x') + "\n");
  to_.tells = 481;
  start({{"max_line", "480"}});
  finish();
  EXPECT_THAT(to_.all(), ElementsAre(testing::StartsWith("0 "), testing::StartsWith("480 "),
                                     testing::StartsWith("960 ")));
}

TEST_F(RunnerTest, AnAnswerMayBeTheOldestByteThatIsLeft) {
  write("one\ntwo\n");
  ASSERT_TRUE(writer_->rotate());
  write("three\n");
  start({{"start", "end"}});
  finish();
  std::filesystem::remove(writer_->paths().rotated(StreamOffset{0}));
  std::filesystem::remove(disk_ / ".messages.cursor-test");
  // Within what is gone, nothing can be checked, and the sink reports the gap.
  for (const std::uint64_t answer : {std::uint64_t{8}, std::uint64_t{2}}) {
    to_.lines.clear();
    to_.tells = answer;
    start({{"start", "end"}});
    ASSERT_TRUE(has(1));
    finish();
    EXPECT_THAT(to_.all(), ElementsAre("8 three")) << answer;
    std::filesystem::remove(disk_ / ".messages.cursor-test");
  }
}

TEST_F(RunnerTest, ADamagedSegmentIsPassed) {
  write("one\n");
  ASSERT_TRUE(writer_->rotate());
  write("two\n");
  std::filesystem::rename(writer_->paths().rotated(StreamOffset{0}),
                          writer_->paths().compressed(StreamOffset{0}));
  start();
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("4 two"));
  EXPECT_THAT(said(), HasSubstr("it is not a zstd frame"));
  EXPECT_THAT(said(), HasSubstr("their segment is damaged"));
}

TEST_F(RunnerTest, NoLineHasArrivedInTheFuture) {
  times_->mark({StreamOffset{0}, std::chrono::system_clock::now() + std::chrono::days(30)});
  write("the clock was ahead\n");
  start();
  ASSERT_TRUE(has(1));
  finish();
  EXPECT_LE(to_.latest_arrival, std::chrono::system_clock::now());
}

TEST_F(RunnerTest, ASlowSinkSaysThatItLagsAndThatItHasCaughtUp) {
  times_->mark({StreamOffset{0}, std::chrono::system_clock::now() - 2min});
  write("old\n");
  times_->mark({StreamOffset{4}, std::chrono::system_clock::now()});
  start();
  ASSERT_TRUE(has(1));
  ASSERT_TRUE(says("1: the sink 'test' has caught up"));
  EXPECT_THAT(said(), HasSubstr("2: the sink 'test' lags: 4B wait for it, the oldest for 1"));
  finish();
}

TEST_F(RunnerTest, AStopEndsABackoffAtOnce) {
  to_.before_open = []() -> Status {
    return fail(ErrorKind::Io, own_words("connect"), own_words("no server is there"));
  };
  start({{"retry_max", "1h"}});
  ASSERT_TRUE(says("no server is there"));
  EXPECT_TRUE(runner_->stop(std::chrono::steady_clock::now() + 30s));
}

TEST_F(RunnerTest, AFailingSinkDoesNotHoldUpTheEnd) {
  to_.before_deliver = []() -> Status {
    return fail(ErrorKind::Io, own_words("write"), own_words("it is broken"));
  };
  write("one\n");
  start({{"retry_max", "1h"}});
  ASSERT_TRUE(says("it is broken"));
  finish();
}

TEST_F(RunnerTest, TwoDoNotShareACursor) {
  write("one\n");
  start();
  ASSERT_TRUE(has(1));
  std::unique_ptr<SinkRunner> first = std::move(runner_);
  start({{"retry_max", "100ms"}});
  ASSERT_TRUE(says("fails: cannot lock the cursor '"));
  EXPECT_TRUE(runner_->status().failing);
  EXPECT_EQ(to_.opens, 1);
  // It has waited for that, and continues from there.
  first.reset();
  write("two\n");
  ASSERT_TRUE(has(2));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two"));
}

// Memory has run out, or a plug-in has a bug: the sink is torn down whole, and begins again at its cursor.
TEST_F(RunnerTest, WhatASinkThrowsCostsNobodyButItself) {
  std::atomic<int> deliveries = 0;
  to_.before_deliver = [&]() -> Status {
    if (++deliveries == 2) throw std::bad_alloc();
    if (deliveries == 4) throw std::runtime_error("a plug-in's bug");
    return {};
  };
  std::atomic<int> opens = 0;
  to_.before_open = [&]() -> Status {
    if (++opens == 2) throw 7;
    return {};
  };
  write("one\ntwo\nthree\nfour\n");
  start({{"batch_lines", "1"}, {"retry_max", "100ms"}});
  ASSERT_TRUE(has(4));
  ASSERT_TRUE(says("works again"));
  ASSERT_TRUE(eventually([&] { return !runner_->status().failing; }));
  EXPECT_EQ(to_.makes, 4);
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two", "8 three", "14 four"));
  EXPECT_THAT(said(), HasSubstr("3: the sink 'test' fails: cannot run it: memory has run out."));
}

TEST_F(RunnerTest, ADamagedCursorIsThisSinksFailureUntilItIsMended) {
  write("one\n");
  start();
  finish();
  const std::string path = disk_ / ".messages.cursor-test";
  const std::string good = test::read_file(path);
  test::write_file(path, std::string(good.size(), 'x'));
  write("two\n");
  start({{"retry_max", "100ms"}});
  ASSERT_TRUE(says("3: the sink 'test' fails: cannot use the cursor '"));
  ASSERT_TRUE(eventually([&] { return messages_.alerts().starts_with("A SINK FAILS: 'test': "); }));
  const SinkStatus state = runner_->status();
  EXPECT_TRUE(state.failing);
  EXPECT_FALSE(state.has_begun) << "where it stands is not known";
  EXPECT_THAT(text_of(state.failure.value()), HasSubstr("no slot of it is whole"));
  EXPECT_EQ(to_.opens, 1) << "the destination is left alone";
  test::write_file(path, good);
  ASSERT_TRUE(has(2));
  ASSERT_TRUE(says("works again"));
  EXPECT_TRUE(eventually([&] { return messages_.alerts() == "all well"; }));
  EXPECT_FALSE(runner_->status().failure);
  EXPECT_TRUE(runner_->status().has_begun);
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("0 one", "4 two"));
}

TEST_F(RunnerTest, ASinkThatCanNotBeMadeIsTriedAgainAndMissesNothing) {
  std::atomic<bool> is_there = false;
  to_.before_make = [&]() -> Status {
    if (is_there) return {};
    return fail(ErrorKind::Config, own_words("accept 'x.toml:3:1'"),
                own_words("there is no sink of the type 'test'"));
  };
  write("old\n");
  start({{"start", "end"}, {"retry_max", "100ms"}});
  ASSERT_TRUE(says("fails: cannot accept 'x.toml:3:1': there is no sink of the type 'test'"));
  write("new\n");  // after its first start: it is this sink's
  is_there = true;
  ASSERT_TRUE(has(1));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("4 new"));
}

// A destination that refuses everything: its mapping has changed, or the sink's format has.
TEST_F(RunnerTest, AFloodOfRejectionsIsAFailureAndNoBadData) {
  to_.refuses = "line";
  for (int i = 0; i < 10; ++i) write(fmt::format("line {}\n", i));
  start({{"reject_limit", "4"}, {"batch_lines", "3"}, {"retry_max", "100ms"}});
  ASSERT_TRUE(says(
      "3: the sink 'test' fails: cannot deliver lines: its destination has refused 4 lines in a row, the "
      "last one because: it is bad. Correct what the destination expects, or the sink's settings."))
      << said();
  EXPECT_EQ(runner_->status().rejected, 4U);
  const int opens = to_.opens;
  ASSERT_TRUE(eventually([&] { return to_.opens > opens + 1; })) << "it waits, and tries again";
  EXPECT_EQ(runner_->status().rejected, 4U) << "nothing more goes to the dead letters";
  {
    const std::lock_guard lock(to_.mutex);
    to_.refuses = "9";
  }
  ASSERT_TRUE(has(5));
  ASSERT_TRUE(says("works again"));
  finish();
  EXPECT_THAT(to_.all(), ElementsAre("28 line 4", "35 line 5", "42 line 6", "49 line 7", "56 line 8"));
  EXPECT_EQ(std::ranges::count(test::read_file(disk_ / "messages.rejected-test"), '\n'), 5);
}

TEST_F(RunnerTest, WithoutALimitAllMayBeRefused) {
  to_.refuses = "line";
  for (int i = 0; i < 10; ++i) write(fmt::format("line {}\n", i));
  start({{"reject_limit", "0"}});
  finish();
  EXPECT_EQ(std::ranges::count(test::read_file(disk_ / "messages.rejected-test"), '\n'), 10);
}

// What is in flight is all that a sink has in memory: the rest waits in the log.
TEST_F(RunnerTest, TheWindowBoundsWhatIsInFlight) {
  to_.acknowledges_late = true;
  std::atomic<bool> takes = false;
  to_.before_flush = [&]() -> Status {
    if (!takes) return fail(ErrorKind::Io, own_words("flush"), own_words("not yet"));
    return {};
  };
  for (int i = 0; i < 1000; ++i) write(fmt::format("line {:08}\n", i));
  start({{"batch_lines", "10"}, {"window_bytes", "20KiB"}, {"retry_max", "1h"}});
  ASSERT_TRUE(says("not yet"));
  const std::size_t in_flight = to_.all().size();
  EXPECT_GE(in_flight, 10U);
  EXPECT_LE(in_flight, 20'480 / sizeof(Record) + 10);
  takes = true;
  finish();
}

TEST_F(RunnerTest, MaxRateSpreadsWhatItCatchesUp) {
  for (int i = 0; i < 20; ++i) write(fmt::format("line {:08}\n", i));
  const auto begin = std::chrono::steady_clock::now();
  start({{"batch_lines", "10"}, {"max_rate", "1000"}});
  ASSERT_TRUE(has(20));
  // The second batch waits for as long as the first one takes at this rate.
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 140ms);
  finish();
}

TEST_F(RunnerTest, TheStatusSaysWhatWasDelivered) {
  write("one\ntwo\n");
  start();
  ASSERT_TRUE(eventually([&] { return runner_->status().acked == 8; }));
  const SinkStatus status = runner_->status();
  EXPECT_EQ(status.records, 2U);
  EXPECT_EQ(status.bytes, 8U);
  EXPECT_EQ(status.retries, 0U);
  ASSERT_TRUE(eventually([&] { return runner_->status().in_flight == 0; }));
  finish();
}

TEST_F(RunnerTest, AFilterThatIsNoneIsAnErrorOfTheSettings) {
  SinkSettings settings{.name = "test", .type = "test", .place = "here", .options = {}};
  settings.options.push_back(
      {.name = "filter", .values = {"progam = x"}, .is_list = false, .place = "x.toml:3:1"});
  ConfiguredOptions options(settings, settings_of({}));
  (void)RunnerOptions::from(options);
  ASSERT_FALSE(options.check());
  EXPECT_THAT(text_of(options.check().error()), HasSubstr("x.toml:3:1"));
  EXPECT_THAT(text_of(options.check().error()), HasSubstr("program"));
}

}  // namespace
}  // namespace slurper
