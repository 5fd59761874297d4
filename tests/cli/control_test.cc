// `slurper control`, with a slurper that runs.
#include "cli/control.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "cli/asked.h"
#include "cli/program.h"
#include "cli/running_site.h"
#include "control/control_client.h"
#include "control/control_request.h"
#include "control/control_socket.h"
#include "support/fifo_writer.h"
#include "support/files.h"
#include "support/lines.h"
#include "support/log_stream.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using test::content_of;
using test::eventually;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;

class ControlTest : public test::RunningSite {
 protected:
  // `slurper control ARGUMENTS`.
  static test::Outcome control(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "control");
    return test::run_slurper(arguments);
  }
  // What it prints, if it is done.
  static std::string done(const std::vector<std::string>& arguments) {
    const test::Outcome outcome = control(arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  }
  StatusReport report() const {
    const auto answered = ask_status(socket(), 60s);
    EXPECT_TRUE(answered) << test::text_of(answered.error());
    return answered ? answered->report : StatusReport();
  }
  void write(std::string_view text) const { EXPECT_TRUE(test::write_blocking(fifo_, text, {text.size()})); }

  const std::string copy_ = disk_ / "copy";
  const std::string sink_ = "file:" + copy_ + "?name=copy&start=beginning&batch_time=0s";
};

TEST_F(ControlTest, RotatesAndNamesTheSegment) {
  test::Child slurper = start();
  write("one\n");
  ASSERT_TRUE(eventually([&] { return content_of(log_) == "one\n"; }));
  EXPECT_EQ(done({"rotate"}), "rotated the log into '" + log_ +
                                  ".00000000000000000000'; the next segment begins at offset 4\n");
  EXPECT_EQ(done({"rotate", "--control", fifo_}), "nothing to rotate: the segment '" + log_ + "' is empty\n");
  EXPECT_TRUE(slurper.said("asked by root (uid 0, process ")) << slurper.err();
  EXPECT_TRUE(slurper.said("): rotated the log into '")) << slurper.err();
}

// It has said that nothing was done.
TEST_F(ControlTest, DoesNothingForAClientThatHasGivenUp) {
  test::Child slurper = start();
  slurper.signal(SIGSTOP);
  {
    const Result<UniqueFd> fd = connect_to_control(socket());
    ASSERT_TRUE(fd) << test::text_of(fd.error());
    const std::string request = to_request({.verb = ControlVerb::SetLevel, .level = Level::Error});
    ASSERT_EQ(::send(fd->get(), request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  }
  slurper.signal(SIGCONT);
  EXPECT_EQ(done({"level", "debug"}), "the level of messages is debug until the next start; it was info\n");
}

TEST_F(ControlTest, ReloadsAndSaysWhatChanges) {
  const std::string file = disk_ / "slurper.toml";
  const auto configure = [&](const std::string& more) {
    test::write_file(file, fmt::format("[fifo]\npath = \"{}\"\n[log]\npath = \"{}\"\n{}", fifo_, log_, more));
  };
  configure("");
  test::Child slurper({.argv = {test::slurper_binary(), "run", "-c", file}, .env = {}});
  ASSERT_TRUE(slurper.said("ready")) << slurper.err();
  EXPECT_EQ(done({"reload"}), "settings reloaded: nothing has changed\n");
  configure("rotate_size = \"4KiB\"\n[[sink]]\nname = \"a\"\ntype = \"file\"\npath = \"" + copy_ + "\"\n");
  EXPECT_EQ(done({"reload"}), "settings reloaded: log.rotate_size; added the sink 'a'\n");
  configure("mode = \"0600\"\nkeep_files = 3\n[ring]\nsize = \"8MiB\"\n");
  const std::string restart =
      "these settings have changed, and take effect after a restart (systemctl restart slurper): ring.size, "
      "log.mode";
  EXPECT_EQ(done({"reload"}),
            "settings reloaded: log.rotate_size, log.keep_files; removed the sink 'a'; " + restart + "\n");
  EXPECT_TRUE(slurper.said(restart)) << "the same words as a SIGHUP's";
  EXPECT_THAT(done({"reload"}), HasSubstr(restart)) << "for as long as it is so";
  configure("rotate_size = \"soon\"\n");
  const test::Outcome wrong = control({"reload"});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("slurper.toml:5:15': log.rotate_size is "),
                               HasSubstr(". The settings are unchanged\n")));
}

TEST_F(ControlTest, PausesResumesAndRewindsASink) {
  test::Child slurper = start({"--sink", sink_});
  write("one\n");
  ASSERT_TRUE(eventually([&] { return content_of(copy_) == "one\n"; }));
  ASSERT_TRUE(eventually([&] { return report().sinks.at(0).cursor == 4; }));
  EXPECT_EQ(done({"pause", "copy"}), "paused the sink 'copy' at offset 4, 0B before the log's end\n");
  write("two\nthree\n");
  ASSERT_TRUE(eventually([&] { return report().log.end == 14; }));
  const StatusReport paused = report();
  EXPECT_EQ(paused.sinks.at(0).state, "paused");
  EXPECT_EQ(paused.sinks.at(0).lag_bytes, 10U) << "its lag is shown";
  EXPECT_TRUE(paused.is_healthy()) << "and is no alert";
  slurper.signal(SIGUSR2);
  EXPECT_TRUE(slurper.said("sink 'copy': 1 line, 10B behind, paused")) << slurper.err();
  EXPECT_EQ(
      done({"rewind", "copy", "--to", "9"}),
      "the sink 'copy' continues at offset 8, 6B before the log's end; 4B that it has not delivered are "
      "skipped, and count as missed\n");
  EXPECT_EQ(done({"resume", "copy"}), "resumed the sink 'copy' at offset 8, 6B before the log's end\n");
  ASSERT_TRUE(eventually([&] { return content_of(copy_).ends_with("three\n"); }));
  EXPECT_THAT(done({"rewind", "copy", "--to", "1h"}), HasSubstr("continues at offset 0"));
  EXPECT_TRUE(eventually([&] { return report().sinks.at(0).cursor == 14; }));
  EXPECT_EQ(report().sinks.at(0).missed, 4U);
  const test::Outcome refused = control({"pause", "none"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(
      refused.err,
      "slurper: cannot pause the sink 'none': the configuration has no sink of this name. Its sinks are: "
      "copy\n");
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
}

// A restart resumes it, at its cursor.
TEST_F(ControlTest, APauseEndsWithTheProcess) {
  {
    test::Child slurper = start({"--sink", sink_});
    EXPECT_THAT(done({"pause", "copy"}), HasSubstr("paused the sink"));
    write("one\n");
    ASSERT_TRUE(eventually([&] { return report().log.end == 4; }));
    slurper.kill();
  }
  EXPECT_EQ(content_of(copy_), "");
  const test::Child slurper = start({"--sink", sink_});
  EXPECT_TRUE(eventually([&] { return content_of(copy_) == "one\n"; }));
}

TEST_F(ControlTest, ChangesTheLevelOfMessages) {
  test::Child slurper = start();
  EXPECT_EQ(done({"level", "debug"}), "the level of messages is debug until the next start; it was info\n");
  EXPECT_TRUE(slurper.said("): the level of messages is debug")) << slurper.err();
  EXPECT_EQ(done({"level", "error"}), "the level of messages is error until the next start; it was debug\n");
  // The change itself is shown, and what comes after it is not.
  EXPECT_TRUE(slurper.said("): the level of messages is error")) << slurper.err();
  EXPECT_EQ(done({"level", "info"}), "the level of messages is info until the next start; it was error\n");
  EXPECT_TRUE(slurper.said("): the level of messages is info")) << slurper.err();
}

TEST_F(ControlTest, SaysWhatIsWrongWithTheCommandLine) {
  const auto refused = [](const std::vector<std::string>& arguments, const std::string& why) {
    const test::Outcome outcome = control(arguments);
    EXPECT_EQ(outcome.status, 64) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(why));
  };
  refused({}, "VERB");
  refused({"stop"}, "stop");
  refused({"pause"}, "needs the name of a sink");
  refused({"rotate", "copy"}, "takes no name");
  refused({"level"}, "needs a level: debug, info, warning or error");
  refused({"level", "loud"}, "loud is none: name debug, info, warning or error");
  refused({"rewind", "copy"}, "rewind needs it");
  refused({"pause", "copy", "--to", "end"}, "only rewind has it");
  refused({"rewind", "copy", "--to", "there"}, "there is no place");
}

TEST_F(ControlTest, WantsOneSlurperThatRuns) {
  const test::Outcome none = control({"rotate"});
  EXPECT_EQ(none.status, 3);
  EXPECT_THAT(none.err, HasSubstr("there is no control socket in"));
  start().kill();
  EXPECT_EQ(control({"rotate"}).status, 3) << "it was killed";
  const test::Child one = start();
  const std::string other_fifo = disk_ / "other fifo";
  const test::Child other(program(other_fifo, disk_ / "other messages"));
  ASSERT_TRUE(eventually([&] { return control({"rotate", "--control", other_fifo}).status == 0; }));
  const test::Outcome several = control({"rotate"});
  EXPECT_EQ(several.status, 64);
  EXPECT_THAT(
      several.err,
      AllOf(
          HasSubstr("cannot find a slurper that runs: several run, and this is for one of them. Name one by "
                    "--control and its FIFO: "),
          HasSubstr("'" + fifo_ + "'"), HasSubstr("'" + other_fifo + "'")));
  EXPECT_EQ(control({"rotate", "--control", log_}).status, 0);
}

// What listens there is no slurper, or one that refuses this user.
TEST_F(ControlTest, TellsARefusalFromAFailure) {
  const std::string path = runtime_ / "x.control";
  auto socket = ControlSocket::listen(kernel(), path);
  ASSERT_TRUE(socket);
  const auto answered_with = [&](const std::string& bytes) {
    std::jthread server([&] {
      UniqueFd client_fd;
      if (!eventually([&] {
            client_fd.reset(::accept4(socket->fd(), nullptr, nullptr, SOCK_CLOEXEC));
            return static_cast<bool>(client_fd);
          }))
        return;
      (void)::send(client_fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    });
    return test::capture([&](std::FILE* out, std::FILE* err) {
      return control_command(path, {.verb = ControlVerb::Rotate}, out, err);
    });
  };
  const test::Outcome denied = answered_with(to_refusal("you may not", Refusal::NoPermission) + '\n');
  EXPECT_EQ(denied.status, 77);
  EXPECT_EQ(denied.err, "slurper: you may not\n");
  EXPECT_EQ(answered_with(to_refusal("not \x1b now") + '\n').status, 1);
  EXPECT_EQ(answered_with("hello\n").status, 65);
  EXPECT_EQ(answered_with("{\"outcome\":7}\n").status, 65);
}

// Sixteen clients ask for everything at once, others stall, flood and leave, and no byte is lost.
TEST_F(ControlTest, LosesNoByteWhateverIsAsked) {
  ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
  constexpr std::uint64_t kLines = test::kSanitized ? 100'000 : 400'000;
  test::LineWriter writer(fifo_, {.lines = kLines});
  test::Child slurper = start({"--sink", sink_});
  const std::string path = socket();
  std::atomic<bool> ends = false;
  std::atomic<int> answers = 0;
  std::vector<std::jthread> clients;
  for (unsigned i = 0; i < 16; ++i) {
    clients.emplace_back([&, i] {
      const std::vector<ControlRequest> requests = {
          {.verb = ControlVerb::Rotate},
          {.verb = ControlVerb::Pause, .sink = "copy"},
          {.verb = ControlVerb::GetStatus},
          {.verb = ControlVerb::Rewind, .sink = "copy", .to = {.kind = RewindTo::Kind::Beginning}},
          {.verb = ControlVerb::SetLevel, .level = Level::Warning},
          {.verb = ControlVerb::Resume, .sink = "copy"},
          {.verb = ControlVerb::Reload}};
      for (unsigned turn = i; !ends; ++turn) {
        if (ask_to(path, requests[turn % requests.size()], 60s)) ++answers;
      }
    });
  }
  clients.emplace_back([&] {
    std::vector<UniqueFd> silent;
    for (unsigned turn = 0; !ends; ++turn) {
      Result<UniqueFd> fd = connect_to_control(path);
      if (!fd) {
        std::this_thread::sleep_for(1ms);
        continue;
      }
      const std::string text = turn % 3 == 0   ? "{\"version\":1,"
                               : turn % 3 == 1 ? std::string(8192, 'x')
                                               : to_request({.verb = ControlVerb::Rotate});
      (void)::send(fd->get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (turn % 5 == 0) silent.push_back(std::move(*fd));
      if (silent.size() > 20) silent.clear();
    }
  });
  ASSERT_TRUE(writer.wait());
  EXPECT_TRUE(eventually([&] { return answers > 50; }));
  ends = true;
  clients.clear();
  const test::LogStream log(log_);
  ASSERT_TRUE(log.reaches(writer.bytes()));
  ASSERT_TRUE(eventually([&] {
    const auto resumed = ask_to(path, {.verb = ControlVerb::Resume, .sink = "copy"}, 60s);
    return resumed && resumed->is_done;
  }));
  ASSERT_TRUE(eventually([&] { return report().sinks.at(0).cursor == writer.bytes(); }));
  EXPECT_TRUE(report().ledger_is_balanced);
  EXPECT_EQ(report().sinks.at(0).missed, 0U);
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  // Each line is in the log once, in order.
  std::uint64_t bytes = 0;
  EXPECT_EQ(log.read([&](std::string_view piece) { bytes += piece.size(); }), "");
  EXPECT_EQ(bytes, writer.bytes());
}

}  // namespace
}  // namespace slurper
