#include "sink/replay.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "base/lock_file.h"
#include "record/syslog_header.h"
#include "sink/dead_letter.h"
#include "support/files.h"
#include "support/recorded_messages.h"
#include "support/temp_dir.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using test::text_of;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A destination that can be asked: it has the lines of each log up to an offset.
struct Destination {
  std::mutex mutex;
  std::vector<std::string> lines;
  std::map<LogId, std::uint64_t> up_to;
  Timestamp arrival{};  // of the last line
  std::string refuses;
  bool is_down = false;
  bool finds_loop = false;
  std::atomic<int> opens = 0;
  std::atomic<int> fails_after = -1;  // so many lines; -1: never
  std::uint64_t border = 0;
  bool can_be_asked = true;
};

class ReplayedSink : public Sink {
 public:
  explicit ReplayedSink(Destination& to) : to_(to) {}
  Result<std::optional<Reached>> open(const SinkContext& context) override {
    ++to_.opens;
    if (to_.is_down) return fail(ErrorKind::Io, own_words("reach it"), own_words("it is down"));
    if (to_.finds_loop) return fail(ErrorKind::Loop, own_words("reach it"), own_words("lines come back"));
    context_ = &context;
    if (!to_.can_be_asked) return std::nullopt;
    return Reached(to_.up_to[context.log_id]);
  }
  std::uint64_t border() const override { return to_.border; }
  Status deliver(std::span<const Record> batch) override {
    const std::lock_guard lock(to_.mutex);
    for (const Record& record : batch) {
      if (to_.fails_after == 0) return fail(ErrorKind::Io, own_words("send"), own_words("it has gone"));
      if (to_.fails_after > 0) --to_.fails_after;
      if (!to_.refuses.empty() && record.raw().contains(to_.refuses)) {
        context_->acks->reject(record.offset(), own_words("it is still bad"));
      } else {
        to_.lines.emplace_back(record.raw());
        to_.arrival = record.arrival();
      }
      to_.up_to[context_->log_id] = record.next_offset();
    }
    context_->acks->up_to(batch.back().next_offset());
    return {};
  }
  void close() override {}

 private:
  Destination& to_;
  const SinkContext* context_ = nullptr;
};

// Is dead from its call numbered `at` on. Any thread.
class DeadOs : public Os {
 public:
  explicit DeadOs(int at) : at_(at) {}
  [[nodiscard]] bool has_failed() const { return calls_ >= at_; }

  int open(const char* path, int flags, mode_t mode) override {
    return is_dead() ? -EIO : Os::open(path, flags, mode);
  }
  ssize_t read(int fd, void* data, std::size_t size) override {
    return is_dead() ? -EIO : Os::read(fd, data, size);
  }
  ssize_t write(int fd, const void* data, std::size_t size) override {
    return is_dead() ? -EIO : Os::write(fd, data, size);
  }
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    return is_dead() ? -EIO : Os::pwrite(fd, data, size, offset);
  }
  int fsync(int fd) override { return is_dead() ? -EIO : Os::fsync(fd); }
  int fdatasync(int fd) override { return is_dead() ? -EIO : Os::fdatasync(fd); }
  int mkdir(const char* path, mode_t mode) override { return is_dead() ? -EIO : Os::mkdir(path, mode); }
  int rename(const char* from, const char* to) override { return is_dead() ? -EIO : Os::rename(from, to); }
  int rename_noreplace(const char* from, const char* to) override {
    return is_dead() ? -EIO : Os::rename_noreplace(from, to);
  }
  int unlink(const char* path) override { return is_dead() ? -EIO : Os::unlink(path); }

 private:
  bool is_dead() { return ++calls_ >= at_; }

  const int at_;
  std::atomic<int> calls_ = 0;
};

class ReplayTest : public testing::Test {
 protected:
  void letter(const std::string& line) { write_raw(letter_of(line)); }
  static std::string letter_of(const std::string& line) {
    const LogId log{7};
    const Record record(log, 0, line.size() + 1, line, Part::Whole, kArrival, &parse_syslog_header);
    return format_dead_letter("mail", record, "it is bad");
  }
  void write_raw(const std::string& text) { test::write_file(letters(), test::content_of(letters()) + text); }
  [[nodiscard]] std::string letters() const { return paths_.dead_letters("mail"); }
  [[nodiscard]] std::string folder() const { return paths_.replay("mail"); }

  Result<ReplayReport> replay(Os& os = kernel()) {
    LogSettings log;
    log.path = paths_.active();
    log.sync.mode = SyncMode::None;
    PreparedSink sink{.name = "mail", .type = "test", .options = options_, .make = [this] {
                        return std::make_unique<ReplayedSink>(to_);
                      }};
    Replay replay({.os = os,
                   .log = log,
                   .sink = std::move(sink),
                   .events = messages_.listener(),
                   .render = [](const Phrase& phrase) { return text_of(phrase); },
                   .wait =
                       [this](std::chrono::milliseconds time) {
                         std::this_thread::sleep_for(time);
                         return is_interrupted_();
                       },
                   .patience = patience_});
    return replay.run();
  }
  void expect_nothing_left() {
    EXPECT_FALSE(std::filesystem::exists(folder()));
    EXPECT_FALSE(std::filesystem::exists(folder() + '~'));
  }

  static constexpr Timestamp kArrival{std::chrono::milliseconds(1'700'000'000'123)};
  test::TempDir disk_;
  LogPaths paths_{disk_ / "messages"};
  RunnerOptions options_;
  std::function<bool()> is_interrupted_ = [] { return false; };
  std::chrono::milliseconds patience_{60s};
  Destination to_;
  test::RecordedMessages messages_;
};

TEST_F(ReplayTest, DeliversTheLinesAsTheyWere) {
  options_.source.filter = *RecordFilter::compile("raw contains nothing", record_fields());
  letter("one \xff two");
  letter("");
  letter("three");
  const auto report = replay();
  ASSERT_TRUE(report) << text_of(report.error());
  EXPECT_THAT(to_.lines, ElementsAre("one \xff two", "", "three"));
  EXPECT_EQ(to_.arrival, kArrival);
  EXPECT_EQ(report->delivered, 3U);
  EXPECT_EQ(report->refused, 0U);
  EXPECT_FALSE(std::filesystem::exists(letters()));
  expect_nothing_left();
  EXPECT_EQ(messages_.text(), "");
}

TEST_F(ReplayTest, WithoutDeadLettersThereIsNothingToDo) {
  const auto report = replay();
  ASSERT_TRUE(report) << text_of(report.error());
  EXPECT_EQ(report->delivered, 0U);
  EXPECT_EQ(to_.opens, 0);
  expect_nothing_left();
}

TEST_F(ReplayTest, WhatIsRefusedAgainIsADeadLetterAgain) {
  to_.refuses = "bad";
  for (const char* line : {"one", "bad two", "three", "bad four"}) letter(line);
  const auto report = replay();
  ASSERT_TRUE(report) << text_of(report.error());
  EXPECT_EQ(report->delivered, 2U);
  EXPECT_EQ(report->refused, 2U);
  const std::string again = test::read_file(letters());
  EXPECT_THAT(again, HasSubstr(R"("reason":"it is still bad","line":"bad two")"));
  EXPECT_EQ(std::ranges::count(again, '\n'), 2);
  expect_nothing_left();
  to_.refuses.clear();
  ASSERT_TRUE(replay());
  EXPECT_THAT(to_.lines, ElementsAre("one", "three", "bad two", "bad four"));
}

TEST_F(ReplayTest, WhatIsNoDeadLetterIsKept) {
  letter("one");
  const std::string torn = letter_of("two").substr(0, 30);
  write_raw("a note of the operator's\n\n" + torn + "\n");
  letter("three");
  write_raw(torn);
  const auto report = replay();
  ASSERT_TRUE(report) << text_of(report.error());
  EXPECT_THAT(report->foreign, ElementsAre(2, 4));
  EXPECT_TRUE(report->is_torn) << "a kill cut the last one short";
  EXPECT_THAT(to_.lines, ElementsAre("one", "three"));
  EXPECT_EQ(test::read_file(letters()), "a note of the operator's\n" + torn + "\n");
}

// The operator, and the destination's reports, know a line by its log's id and its offset there.
TEST_F(ReplayTest, WhatIsRefusedAgainKeepsItsPlace) {
  to_.refuses = "bad";
  const auto write_at = [&](std::uint8_t log, std::uint64_t offset, const std::string& line, Part part) {
    const LogId id{log};
    const Record record(id, offset, offset + line.size() + 1, line, part, kArrival, &parse_syslog_header);
    write_raw(format_dead_letter("mail", record, "it is bad"));
  };
  write_at(7, 1000, "good", Part::Whole);
  write_at(7, 2000, "bad one", Part::Whole);
  write_raw("a note\n");
  write_at(8, 50, "bad middle", Part::Middle);
  write_raw(R"({"sink":"mail","reason":"x","line":"bad, without a place","record":{}})"
            "\n");
  ASSERT_TRUE(replay());
  const std::string again = test::read_file(letters());
  EXPECT_THAT(again, HasSubstr(R"("line":"bad one","record":{"msg":"bad one","arrival":)"
                               R"("2023-11-14T22:13:20.123000Z","log_id":)"
                               R"("07000000-0000-0000-0000-000000000000","offset":2000}})"));
  EXPECT_THAT(again, HasSubstr(R"("record":{"msg":"bad middle","part":"middle","arrival":)"
                               R"("2023-11-14T22:13:20.123000Z","log_id":)"
                               R"("08000000-0000-0000-0000-000000000000","offset":50}})"));
  EXPECT_THAT(again, HasSubstr(R"("line":"bad, without a place")"));
  ASSERT_TRUE(replay()) << "and again";
  EXPECT_EQ(again.size(), test::read_file(letters()).size());
  EXPECT_THAT(test::read_file(letters()), HasSubstr(R"("offset":2000}})"));
}

// A sink that fails reads some lines twice; a smaller max_line splits them.
TEST_F(ReplayTest, KeepsThePlacesOfPartsAndOfLinesThatComeAgain) {
  options_.source.framing.max_line = 4;
  options_.source.batch_lines = 1;
  options_.retry_max = kFirstRetry;
  to_.refuses = "z";
  for (int i = 0; i < 3; ++i) letter(fmt::format("{}abcz", i));
  to_.fails_after = 4;
  patience_ = 0ms;
  ASSERT_FALSE(replay());
  to_.fails_after = -1;
  patience_ = 60s;
  ASSERT_TRUE(replay());
  const std::string again = test::read_file(letters());
  EXPECT_THAT(again, HasSubstr(R"("line":"z","record":{"msg":"z","part":"last","arrival":)"
                               R"("2023-11-14T22:13:20.123000Z","log_id":)"
                               R"("07000000-0000-0000-0000-000000000000","offset":4}})"));
  EXPECT_THAT(again, Not(HasSubstr(R"("offset":10)")));
}

TEST_F(ReplayTest, ASinkThatFailsKeepsTheRest) {
  options_.source.batch_lines = 10;
  options_.retry_max = kFirstRetry;
  for (int i = 0; i < 100; ++i) letter(fmt::format("line {}", i));
  to_.fails_after = 35;
  patience_ = 0ms;
  const auto failed = replay();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::Io);
  EXPECT_EQ(
      text_of(failed.error()),
      "cannot replay the dead letters of the sink 'mail': cannot send: it has gone. The lines that were "
      "not delivered yet are kept: to continue, repeat this command");
  to_.fails_after = -1;
  letter("a new one");  // slurper refuses more meanwhile
  const auto report = replay();
  ASSERT_TRUE(report) << text_of(report.error());
  EXPECT_EQ(report->delivered, 65U) << "the destination was asked what it has";
  EXPECT_EQ(to_.lines.size(), 100U);
  EXPECT_EQ(test::read_file(letters()), letter_of("a new one"));
  ASSERT_TRUE(replay());
  EXPECT_EQ(to_.lines.back(), "a new one");
}

TEST_F(ReplayTest, ALoopEndsItAtOnce) {
  letter("one");
  to_.finds_loop = true;
  const auto failed = replay();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::Loop);
}

TEST_F(ReplayTest, CanBeInterrupted) {
  letter("one");
  to_.is_down = true;
  is_interrupted_ = [this] { return to_.opens > 0; };
  const auto failed = replay();
  ASSERT_FALSE(failed);
  EXPECT_THAT(text_of(failed.error()), HasSubstr("the sink 'mail': it was interrupted. The lines"));
  EXPECT_FALSE(std::filesystem::exists(letters()));
  EXPECT_THAT(messages_.text(),
              AllOf(HasSubstr("the sink 'mail' fails: cannot reach it: it is down. This replay "
                              "tries again, and gives up after 1min without progress"),
                    Not(HasSubstr("wait in the log"))));
  to_.is_down = false;
  is_interrupted_ = [] { return false; };
  ASSERT_TRUE(replay());
  EXPECT_THAT(to_.lines, ElementsAre("one"));
}

TEST_F(ReplayTest, OneAtATime) {
  letter("one");
  std::filesystem::create_directory(folder());
  const auto lock = LockFile::acquire(kernel(), folder() + "/lock", ::geteuid());
  ASSERT_TRUE(lock);
  const auto busy = replay();
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().kind, ErrorKind::Busy);
  EXPECT_THAT(text_of(busy.error()), HasSubstr("another replay of this sink is running: "));
  EXPECT_EQ(test::read_file(letters()), letter_of("one"));
}

TEST_F(ReplayTest, SaysWhatItCouldNotDo) {
  letter("one");
  DeadOs os(1);
  EXPECT_EQ(text_of(replay(os).error()), "cannot create the folder '" + folder() + "': Input/output error");
}

// A folder that stands at the path of the dead letters is neither read nor moved.
TEST_F(ReplayTest, SkipsWhatIsNoFileOfDeadLetters) {
  std::filesystem::create_directory(letters());
  for (int i = 0; i < 2; ++i) {
    const auto report = replay();
    ASSERT_TRUE(report) << text_of(report.error());
    EXPECT_EQ(report->in_the_way, "a directory");
  }
  EXPECT_TRUE(std::filesystem::is_directory(letters()));
  expect_nothing_left();
  std::filesystem::remove(letters());
  letter("one");
  ASSERT_TRUE(replay());
  EXPECT_THAT(to_.lines, ElementsAre("one"));
}

// A destination with borders gets all of it: no more lines will come.
TEST_F(ReplayTest, TheLastBlockIsDelivered) {
  to_.border = 1000;
  letter("one");
  ASSERT_TRUE(replay());
  EXPECT_THAT(to_.lines, ElementsAre("one"));
}

// Dies at each of its calls, then is repeated: each line arrives, or is a dead letter.
TEST_F(ReplayTest, IsContinuedWhicheverCallItDiesAt) {
  options_.retry_max = kFirstRetry;
  to_.refuses = "bad";
  to_.can_be_asked = false;
  bool has_failed = true;
  for (int at = 1; has_failed; ++at) {
    SCOPED_TRACE(at);
    letter("one");
    letter("bad");
    letter("two");
    write_raw("foreign\n");
    DeadOs os(at);
    patience_ = 0ms;
    (void)replay(os);
    has_failed = os.has_failed();
    patience_ = 60s;
    for (int i = 0; i < 2; ++i) {
      const auto report = replay();
      ASSERT_TRUE(report) << text_of(report.error());
    }
    EXPECT_THAT(to_.lines, AllOf(Contains("one"), Contains("two"), Not(Contains("bad"))));
    expect_nothing_left();
    const std::string left = test::read_file(letters());
    EXPECT_THAT(left, HasSubstr("\"line\":\"bad\""));
    EXPECT_THAT(left, HasSubstr("foreign\n"));
    to_.lines.clear();
    std::filesystem::remove(letters());
  }
}

}  // namespace
}  // namespace slurper
