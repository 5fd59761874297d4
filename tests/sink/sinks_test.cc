// The sinks of a log together: their stop, and what they report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <cerrno>
#include <latch>
#include <memory>

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

using namespace std::chrono_literals;

constexpr int kSinks = 3;

// Hangs in open() until all sinks have been told to end.
class HangingSink : public Sink {
 public:
  HangingSink(std::latch& all_hang, std::latch& all_told) : all_hang_(all_hang), all_told_(all_told) {}

  Result<std::optional<std::uint64_t>> open(const SinkContext& context) override {
    all_hang_.count_down();
    pollfd stop = {.fd = context.stop_fd, .events = POLLIN, .revents = 0};
    while (::poll(&stop, 1, -1) < 1) continue;
    all_told_.arrive_and_wait();
    return fail(ErrorKind::Busy, own_words("open"), own_words("slurper is ending"));
  }
  Result<Delivery> deliver(std::span<const Record>) override { return Delivery{}; }
  void close() override {}

 private:
  std::latch& all_hang_;
  std::latch& all_told_;
};

// Opens when what it writes does not come back.
class LoopingSink : public Sink {
 public:
  explicit LoopingSink(const std::atomic<bool>& loops) : loops_(loops) {}

  Result<std::optional<std::uint64_t>> open(const SinkContext&) override {
    if (loops_) return fail(ErrorKind::Loop, own_words("write"), own_words("it comes back"));
    return std::nullopt;
  }
  Result<Delivery> deliver(std::span<const Record>) override { return Delivery{}; }
  void close() override {}

 private:
  const std::atomic<bool>& loops_;
};

// Over a log that is empty.
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
    return Sinks({.os = kernel(),
                  .paths = writer_->paths(),
                  .id = writer_->log_id(),
                  .access = {},
                  .sync = {},
                  .feed = writer_->feed(),
                  .times = *times_},
                 std::move(prepared), messages_.listener(),
                 [](const Phrase& phrase) { return text_of(phrase); });
  }

  test::RecordedMessages messages_;

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
