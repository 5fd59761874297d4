// What is asked at the control socket, while the threads that do it wait, hang or end.
#include "daemon/operator_requests.h"

#include <gmock/gmock.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "log/log_thread_site.h"
#include "support/said.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::eventually;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Asker kRoot{.uid = 0, .pid = 4711, .may_change = true};

// Hangs in deliver() and in close() if the test wants that.
class HangingSink : public Sink {
 public:
  struct Control {
    std::atomic<bool> hangs_in_deliver = false;
    std::atomic<bool> hangs_in_close = false;
    std::atomic<bool> is_hanging = false;
    std::atomic<bool> loops = false;
    std::atomic<bool> acknowledges = true;
  };
  explicit HangingSink(Control& control) : control_(control) {}

  Result<std::optional<Reached>> open(const SinkContext& context) override {
    if (control_.loops) return fail(ErrorKind::Loop, own_words("write"), own_words("it comes back"));
    acks_ = context.acks;
    return std::nullopt;
  }
  Status deliver(std::span<const Record> batch) override {
    hang(control_.hangs_in_deliver);
    if (control_.acknowledges) acks_->up_to(batch.back().next_offset());
    return {};
  }
  void close() override { hang(control_.hangs_in_close); }

 private:
  void hang(const std::atomic<bool>& hangs) {
    control_.is_hanging = hangs.load();
    while (hangs) std::this_thread::sleep_for(1ms);
  }

  Control& control_;
  std::shared_ptr<Acknowledgements> acks_;
};

class OperatorRequestsTest : public LogThreadTest {
 protected:
  // The intake's thread: it serves the desk, and starts the sinks.
  void run(std::chrono::milliseconds patience) {
    std::vector<ConfiguredSink> sinks;
    sinks.push_back(sink("copy", 1));
    sinks_ = std::make_unique<Sinks>(
        SinkLog{.os = kernel(),
                .paths = paths_,
                .ids = writer_->log_ids(),
                .machine = {},
                .access = {},
                .sync = {},
                .feed = thread_->feed(),
                .times = *times_},
        std::move(sinks), messages_.listener(), [](const Phrase& phrase) { return test::text_of(phrase); },
        [] {}, Sinks::Limits{.patience = 0ms});
    ASSERT_TRUE(sinks_->start());
    requests_ =
        std::make_unique<OperatorRequests>(OperatorRequests::Parts{.desk = desk_,
                                                                   .log = *thread_,
                                                                   .sinks = *sinks_,
                                                                   .status = [] { return std::string("{}"); },
                                                                   .reload = [this] { return reload_; },
                                                                   .events = messages_.listener(),
                                                                   .patience = patience});
    intake_thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        sinks_->check_due();
        desk_.serve();
        std::this_thread::sleep_for(1ms);
      }
    });
  }
  ConfiguredSink sink(const std::string& name, int version) {
    PreparedSink prepared{
        .name = name, .type = "test", .options = {}, .make = [this]() -> Result<std::unique_ptr<Sink>> {
          return std::make_unique<HangingSink>(control_);
        }};
    prepared.options.start = StartAt::Beginning;
    prepared.options.source.batch_time = 0ms;
    return {.settings = {.name = name,
                         .type = "test",
                         .place = {},
                         .options = {{.name = "version", .values = {std::to_string(version)}, .place = {}}}},
            .files = {},
            .prepared = std::move(prepared)};
  }
  void TearDown() override {
    control_.hangs_in_deliver = control_.hangs_in_close = false;
    intake_thread_ = {};
    if (sinks_) {
      EXPECT_TRUE(sinks_->stop(0ms, 60s));
    }
  }

  // The answer to it, whenever it comes.
  json ask(const ControlRequest& request) {
    auto answer = requests_->answer(request, kRoot);
    if (const auto* const text = std::get_if<std::string>(&answer)) return said(json::parse(*text));
    const auto& later = std::get<ControlServer::Later>(answer);
    std::optional<std::string> text;
    EXPECT_TRUE(eventually([&] { return (text = later()).has_value(); }));
    return said(json::parse(text.value_or("{}")));
  }
  static json said(json answer) {
    for (const char* const member : {"outcome", "error"})
      if (answer.contains(member)) test::keep_said("info: " + answer.at(member).get<std::string>() + '\n');
    return answer;
  }
  std::string refusal(const ControlRequest& request) { return ask(request).value("error", "done"); }
  std::string outcome(const ControlRequest& request) {
    const json answer = ask(request);
    return answer.value("outcome", "refused: " + answer.value("error", ""));
  }
  void write(std::string_view line) {
    ASSERT_EQ(::write(fifo_.keep_alive_fd.get(), line.data(), line.size()),
              static_cast<ssize_t>(line.size()));
    while (intake_->pull(fifo_).outcome != Intake::Outcome::Empty) thread_->notify();
    ASSERT_TRUE(eventually([&] { return ring_->used() == 0; }));
  }
  // The sink is in a call that does not return.
  void hang() {
    control_.hangs_in_deliver = true;
    write("one\n");
    ASSERT_TRUE(eventually([&] { return control_.is_hanging.load(); }));
  }

  HangingSink::Control control_;
  ReloadOutcome reload_;
  IntakeDesk desk_{[] {}};
  std::unique_ptr<Sinks> sinks_;
  std::unique_ptr<OperatorRequests> requests_;
  std::jthread intake_thread_;
};

TEST_F(OperatorRequestsTest, ReportEachChangeWithTheUserWhoAsked) {
  ASSERT_TRUE(thread_->start());
  run(60s);
  write("one\n");
  EXPECT_EQ(outcome({.verb = ControlVerb::Rotate}),
            "rotated the log into '" + paths_.rotated({0}) + "'; the next segment begins at offset 4");
  EXPECT_EQ(outcome({.verb = ControlVerb::Rotate}),
            "nothing to rotate: the segment '" + paths_.active() + "' is empty");
  ASSERT_TRUE(eventually([&] { return sinks_->status().at(0).acked == 4; }));
  EXPECT_EQ(outcome({.verb = ControlVerb::Pause, .sink = "copy"}),
            "paused the sink 'copy' at offset 4, 0B before the log's end");
  EXPECT_EQ(outcome({.verb = ControlVerb::Pause, .sink = "copy"}), "the sink 'copy' was paused already");
  EXPECT_EQ(outcome({.verb = ControlVerb::Rewind, .sink = "copy", .to = {.kind = RewindTo::Kind::Beginning}}),
            "the sink 'copy' continues at offset 0, 4B before the log's end");
  EXPECT_EQ(outcome({.verb = ControlVerb::Resume, .sink = "copy"}),
            "resumed the sink 'copy' at offset 0, 4B before the log's end");
  EXPECT_EQ(outcome({.verb = ControlVerb::Resume, .sink = "copy"}), "the sink 'copy' was not paused");
  reload_ = {.is_done = true, .text = "settings reloaded: nothing has changed"};
  EXPECT_EQ(outcome({.verb = ControlVerb::Reload}), reload_.text);
  std::string said;
  for (const test::RecordedMessage& message : messages_.take()) {
    if (message.level == MessageLevel::Info && message.text.starts_with("asked by "))
      said += message.text + '\n';
  }
  const std::string root = "asked by root (uid 0, process 4711): ";
  EXPECT_EQ(said, root + "rotated the log into '" + paths_.rotated({0}) +
                      "'; the next segment begins at offset 4\n" + root +
                      "paused the sink 'copy' at offset 4, 0B before the log's end\n" + root +
                      "the sink 'copy' continues at offset 0, 4B before the log's end\n" + root +
                      "resumed the sink 'copy' at offset 0, 4B before the log's end\n" + root +
                      "settings reloaded: nothing has changed\n");
}

TEST_F(OperatorRequestsTest, RotateWhenTheLineEnds) {
  ASSERT_TRUE(thread_->start());
  run(60s);
  write("one\ntw");
  auto answer = requests_->answer({.verb = ControlVerb::Rotate}, kRoot);
  const auto& later = std::get<ControlServer::Later>(answer);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(later(), std::nullopt);
  write("o\nthree\n");
  std::optional<std::string> text;
  ASSERT_TRUE(eventually([&] { return (text = later()).has_value(); }));
  EXPECT_THAT(*text, HasSubstr("the next segment begins at offset 8"));
}

TEST_F(OperatorRequestsTest, SayWhatIsKnownIfALineDoesNotEnd) {
  ASSERT_TRUE(thread_->start());
  run(200ms);
  write("tw");
  EXPECT_EQ(outcome({.verb = ControlVerb::Rotate}),
            "the log rotates at the end of its last line, which has no newline yet");
  write("o\n");
  EXPECT_TRUE(eventually([&] { return thread_->status().rotations == 1; }));
}

TEST_F(OperatorRequestsTest, SayWhyTheLogCannotBeRotated) {
  ASSERT_TRUE(thread_->start());
  run(60s);
  write("one\n");
  std::filesystem::create_directory(paths_.rotated({0}));
  EXPECT_THAT(refusal({.verb = ControlVerb::Rotate}),
              HasSubstr("cannot rotate the log '" + paths_.active() + "' to '" + paths_.rotated({0}) +
                        "': File exists"));
}

TEST_F(OperatorRequestsTest, SayThatTheLogsThreadWaitsForTheDisk) {
  run(50ms);  // the thread is not started: it does nothing
  EXPECT_EQ(refusal({.verb = ControlVerb::Rotate}),
            "cannot rotate the log '" + paths_.active() +
                "': the log's thread has not answered within 50ms: it waits for the disk. It rotates the log "
                "when it continues");
}

TEST_F(OperatorRequestsTest, NameTheSinksIfThereIsNoSuchOne) {
  run(60s);
  EXPECT_EQ(refusal({.verb = ControlVerb::Pause, .sink = "cpy"}),
            "cannot pause the sink 'cpy': the configuration has no sink of this name. Its sinks are: copy");
  EXPECT_EQ(
      refusal({.verb = ControlVerb::Rewind,
               .sink = "copy",
               .to = {.kind = RewindTo::Kind::Offset, .offset = {1}}}),
      "cannot rewind the sink 'copy': the log has the offsets 0 to 0. Name one of those, beginning, or end");
}

TEST_F(OperatorRequestsTest, WithdrawWhatASinkHasNotBegun) {
  ASSERT_TRUE(thread_->start());
  run(100ms);
  hang();
  EXPECT_EQ(
      refusal({.verb = ControlVerb::Pause, .sink = "copy"}),
      "cannot pause the sink 'copy': it has not answered within 100ms. The request is withdrawn. Look at "
      "slurper status: what the sink waits for holds it up");
  control_.hangs_in_deliver = false;
  EXPECT_TRUE(eventually([&] { return sinks_->status().at(0).acked == 4; }));
  EXPECT_FALSE(sinks_->status().at(0).paused);
}

TEST_F(OperatorRequestsTest, SayThatASinkHasBegunAndIsHeldUp) {
  ASSERT_TRUE(thread_->start());
  run(500ms);
  write("one\n");
  ASSERT_TRUE(eventually([&] { return sinks_->status().at(0).acked == 4; }));
  control_.hangs_in_close = true;
  EXPECT_EQ(
      refusal({.verb = ControlVerb::Pause, .sink = "copy"}),
      "cannot pause the sink 'copy': it has begun, and has not ended within 500ms: a call of the sink's "
      "own holds it up. It ends with this call. Look at slurper status");
  EXPECT_EQ(refusal({.verb = ControlVerb::Resume, .sink = "copy"}),
            "cannot resume the sink 'copy': another request for it is not done yet. Try again later");
  control_.hangs_in_close = false;
  EXPECT_TRUE(eventually([&] {
    return outcome({.verb = ControlVerb::Resume, .sink = "copy"}).starts_with("resumed the sink");
  }));
}

TEST_F(OperatorRequestsTest, SayThatAReloadHasRemovedTheSink) {
  ASSERT_TRUE(thread_->start());
  run(60s);
  hang();
  auto answer = requests_->answer({.verb = ControlVerb::Pause, .sink = "copy"}, kRoot);
  ASSERT_TRUE(desk_.run([&] { (void)sinks_->apply({}); }, 60s));
  EXPECT_EQ(refusal({.verb = ControlVerb::Pause, .sink = "copy"}),
            "cannot pause the sink 'copy': a reload has changed or removed it, and it is ending");
  control_.hangs_in_deliver = false;
  // The one that came before: the sink did it in time, or has ended.
  std::optional<std::string> text;
  ASSERT_TRUE(eventually([&] { return (text = std::get<ControlServer::Later>(answer)()).has_value(); }));
  EXPECT_THAT(*text, testing::AnyOf(HasSubstr("paused the sink"), HasSubstr("it has ended")));
  EXPECT_TRUE(eventually([&] {
    return refusal({.verb = ControlVerb::Pause, .sink = "copy"}).contains("has no sink of this name");
  }));
}

// A pause is the sink's, not that of its settings.
TEST_F(OperatorRequestsTest, LeaveASinkPausedThatAReloadChanges) {
  ASSERT_TRUE(thread_->start());
  run(60s);
  EXPECT_THAT(outcome({.verb = ControlVerb::Pause, .sink = "copy"}), HasSubstr("paused the sink"));
  write("one\n");
  ASSERT_TRUE(desk_.run(
      [&] {
        std::vector<ConfiguredSink> changed;
        changed.push_back(sink("copy", 2));
        EXPECT_THAT(sinks_->apply(std::move(changed)).changed, testing::ElementsAre("copy"));
      },
      60s));
  ASSERT_TRUE(eventually([&] { return sinks_->status().at(0).has_begun; }));
  EXPECT_TRUE(sinks_->status().at(0).paused);
  EXPECT_EQ(sinks_->status().at(0).acked, 0U);
  EXPECT_EQ(outcome({.verb = ControlVerb::Resume, .sink = "copy"}),
            "resumed the sink 'copy' at offset 0, 4B before the log's end");
  EXPECT_TRUE(eventually([&] { return sinks_->status().at(0).acked == 4; }));
}

TEST_F(OperatorRequestsTest, SayWhatTheDestinationMayGetTwice) {
  control_.acknowledges = false;
  ASSERT_TRUE(thread_->start());
  run(60s);
  write("one\ntwo\n");
  ASSERT_TRUE(eventually([&] { return sinks_->status().at(0).in_flight == 2; }));
  EXPECT_EQ(
      outcome({.verb = ControlVerb::Rewind, .sink = "copy", .to = {.kind = RewindTo::Kind::Beginning}}),
      "the sink 'copy' continues at offset 0, 8B before the log's end; 2 lines in flight may be delivered "
      "again");
}

TEST_F(OperatorRequestsTest, ResumeASinkThatALoopHasStopped) {
  control_.loops = true;
  ASSERT_TRUE(thread_->start());
  run(60s);
  ASSERT_TRUE(eventually([&] { return sinks_->status().at(0).stopped; }));
  control_.loops = false;
  EXPECT_EQ(outcome({.verb = ControlVerb::Resume, .sink = "copy"}),
            "the sink 'copy', which had stopped, tries again");
  EXPECT_TRUE(eventually([&] { return !sinks_->status().at(0).stopped; }));
}

TEST_F(OperatorRequestsTest, AreRefusedWhileTheIntakeHangsAndAtTheEnd) {
  run(60s);
  intake_thread_ = {};
  EXPECT_EQ(refusal({.verb = ControlVerb::Reload}), "the thread that reads the FIFO does not answer");
  desk_.close();
  EXPECT_EQ(refusal({.verb = ControlVerb::Rotate}), "the thread that reads the FIFO does not answer");
  EXPECT_EQ(refusal({.verb = ControlVerb::Pause, .sink = "copy"}),
            "the thread that reads the FIFO does not answer");
}

}  // namespace
}  // namespace slurper
