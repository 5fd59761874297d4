#include "cli/status.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/text.h"
#include "cli/program.h"
#include "cli/running_site.h"
#include "cli/status_page.h"
#include "control/control_client.h"
#include "control/control_socket.h"
#include "support/child.h"
#include "support/daemon.h"
#include "support/some_report.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::eventually;
using test::some_report;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

test::Outcome status(const StatusRequest& request) {
  const UniqueFd out_fd = test::make_capture();
  test::Outcome outcome =
      test::capture([&](std::FILE*, std::FILE* err) { return status_command(request, out_fd.get(), err); });
  outcome.out = test::captured(out_fd);
  return outcome;
}

TEST(StatusPage, SaysFirstWhatIsWrong) {
  EXPECT_EQ(status_page(some_report()),
            R"(slurper 1.2.3, process 4711, running for 3 d 4 h                        DEGRADED
! THE LOG CAN'T BE WRITTEN: No space left on device

rate               now       1 min       5 min      15 min
bytes/s        1.46KiB     1.00MiB          0B         10B
lines/s             12        9000           0           1

fifo      '/run/slurper/fifo'
pipe      [#####...............]  25%  256KiB of 1.00MiB, at most 1.00MiB
          full 3 times, for 1.5 s in all
ring      [#...................]   0%  2.00KiB of 64.0MiB, at most 12.0MiB
writers   'rsyslogd' (pid 12), 'logger' (pid 13)
readers   'cat' (pid 14); 1 second reader since the start, which took at least
          4.88KiB (2 reads cut short)

log       '/var/log/slurper/messages'
          offset 123456, 56B not synced yet, last sync 0.3 s ago
          3 rotated segments of 12.0MiB, 4 rotations since the start
ledger    125504 in = 123456 log + 2048 ring + 0 dropped (bytes since the start;
          it balances)

sink        state                   cursor     behind         for        lines
relp        failing                 100000    22.9KiB  1 min 12 s          900
  7 retries, last error 2.0 s ago: cannot connect to 'log.example:2514':
  Connection refused
)");
}

TEST(StatusPage, HasAtMost80Columns) {
  StatusReport report = some_report();
  report.log.end = report.ledger.received = ~std::uint64_t{0};
  report.sinks[0].cursor = report.sinks[0].lines = 18'446'744'073'709;
  report.sinks[0].name = "a-sink-with-a-rather-long-name";
  StatusReport::Sink& other = report.sinks.emplace_back();
  other.name = "b";
  other.state = "working";
  report.alerts.push_back(
      {.name = "x", .title = std::string(30, 'X'), .subject = "y", .cause = std::string(70, 'z')});
  std::istringstream lines(status_page(report));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

// A terminal that is narrower cuts off what has no other place, but neither the state nor a text.
TEST(StatusPage, WrapsItsTextsForANarrowTerminal) {
  const std::string page = status_page(some_report(), 50);
  EXPECT_THAT(page, StartsWith("DEGRADED\n"
                               "slurper 1.2.3, process 4711, running for 3 d 4 h\n"
                               "! THE LOG CAN'T BE WRITTEN: No space left on\n"
                               "  device\n"));
  EXPECT_THAT(page, HasSubstr("readers   'cat' (pid 14); 1 second reader since\n"
                              "          the start, which took at least 4.88KiB\n"));
}

TEST(StatusPage, ShowsNoControlCharacterOfANameOrAPath) {
  StatusReport report = some_report();
  report.fifo.path = "/run/\x1b[2J\n\xff";
  report.log.path = "/\x1b]52;c\a";
  report.alerts[0].cause = "\x1b[1A";
  report.sinks[0].name = "\x1b[31m";
  report.sinks[0].shown = "\r\n\x1b";
  report.sinks[0].state = "\x1b";
  report.fifo.writers = {"\x1b[2K"};
  report.slurper = "\x1b";
  for (const std::string& text : {status_page(report), status_line(report)}) {
    EXPECT_TRUE(std::ranges::none_of(text, [](char c) {
      return (c >= 0 && c < ' ' && c != '\n') || c == 0x7f;
    })) << text;
    EXPECT_EQ(text.find('\xff'), std::string::npos);
  }
  EXPECT_EQ(std::ranges::count(status_line(report), '\n'), 0);
}

TEST(StatusLine, HasTheStateAndWhatIsWrong) {
  EXPECT_EQ(
      status_line(some_report()),
      "DEGRADED, 1.46KiB/s, 12 lines/s, pipe 256KiB, ring 2.00KiB, log offset 123456, sink 'relp' failing, "
      "22.9KiB behind; THE LOG CAN'T BE WRITTEN: No space left on device");
}

TEST(Sparkline, IsRelativeToTheHighest) {
  EXPECT_EQ(sparkline({0, 1, 50, 100}, 10), " .-#");
  EXPECT_EQ(sparkline({1, 2, 3, 0, 0}, 2), "  ");
  EXPECT_EQ(sparkline({}, 10), "");
}

class StatusTest : public test::RunningSite {
 protected:
  [[nodiscard]] json report() const {
    const test::Outcome asked = status({.instance = fifo_, .json = true});
    EXPECT_EQ(asked.err, "");
    return json::parse(asked.out);
  }
};

TEST_F(StatusTest, IsHealthyAndFoundByFifoLogAndSocket) {
  const test::Child slurper = start();
  for (const std::string& instance : {std::string(), fifo_, log_, socket()}) {
    const test::Outcome asked = status({.instance = instance});
    EXPECT_EQ(asked.status, kHealthy) << asked.err;
    EXPECT_THAT(asked.out, AllOf(StartsWith("slurper "), HasSubstr("healthy\n"), HasSubstr(fifo_),
                                 HasSubstr("process " + std::to_string(slurper.pid()))));
    EXPECT_EQ(asked.err, "");
  }
  std::filesystem::create_symlink(fifo_, disk_ / "link");
  EXPECT_EQ(status({.instance = disk_ / "link"}).status, kHealthy);
}

TEST_F(StatusTest, SaysWhatAStoppedOneLeaves) {
  {
    test::Child slurper = start();
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0));
  }
  const test::Outcome none = status({});
  EXPECT_EQ(none.status, kNotRunning);
  EXPECT_EQ(none.err, "slurper: cannot find a slurper that runs: there is no control socket in '" +
                          runtime_.path() +
                          "'. Start one; or, if it runs with the setting control.path, name that path\n");
  const test::Outcome asked = status({.instance = fifo_});
  EXPECT_EQ(asked.status, kNotRunning);
  EXPECT_EQ(
      asked.err,
      "slurper: cannot find a slurper that reads or writes '" + fifo_ +
          "': no slurper that runs reads this FIFO or writes this log. Start it; or, if it runs with the "
          "setting control.path, name that path\n");
}

// Without rights, one does not know.
TEST_F(StatusTest, DoesNotSayOfAnothersSlurperThatNoneRuns) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const test::Child slurper = start();
  ASSERT_EQ(unsetenv("RUNTIME_DIRECTORY"), 0);
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"status"}, {"status", fifo_}}) {
    const test::Outcome outcome = test::run_slurper(arguments, {.as_nobody = true});
    EXPECT_EQ(outcome.status, 77);
    EXPECT_THAT(outcome.err, HasSubstr("slurpers of other users run ("));
    EXPECT_THAT(outcome.err, HasSubstr("Run the command as root"));
  }
}

TEST_F(StatusTest, IsNotRunningAfterASigkillAndRunsAfterTheNextStart) {
  start().kill();
  const std::string left = socket();
  ASSERT_NE(left, "");
  EXPECT_EQ(status({}).status, kNotRunning);
  EXPECT_EQ(status({.instance = left}).status, kNotRunning);
  EXPECT_EQ(status({.instance = log_}).status, kNotRunning);
  const test::Child slurper = start();
  EXPECT_EQ(slurper.err().find("control"), std::string::npos) << slurper.err();
  EXPECT_EQ(socket(), left);
  EXPECT_EQ(status({}).status, kHealthy);
}

// The second one fails on the lock of the FIFO, and takes nothing of the first.
TEST_F(StatusTest, SaysThatAProcessIsStoppedAndASecondStartChangesNothing) {
  const test::Child slurper = start();
  const std::string path = socket();
  slurper.signal(SIGSTOP);
  test::Child second(program(fifo_, log_));
  EXPECT_TRUE(second.wait());
  const auto asked = ask_status(path, 100ms);
  ASSERT_FALSE(asked);
  EXPECT_EQ(test::text_of(asked.error()),
            "cannot ask the slurper at " + in_quotes(path) + ": process " + std::to_string(slurper.pid()) +
                " is stopped. Let it continue: kill -CONT " + std::to_string(slurper.pid()));
  EXPECT_EQ(status({.instance = path}).status, kDegraded);
  slurper.signal(SIGCONT);
  // It may know of the second one as a reader, which it then says until the operator has seen it.
  EXPECT_TRUE(ask_status(path, 60s));
  EXPECT_EQ(socket(), path);
}

TEST_F(StatusTest, OneThatIsStoppedDoesNotAnswerForAnother) {
  const test::Child slurper = start();
  const std::string fifo = disk_ / "other-fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  test::Child other(program(fifo, disk_ / "other"));
  ASSERT_TRUE(other.said("ready: ")) << other.err();
  other.signal(SIGSTOP);
  EXPECT_EQ(status({.instance = fifo_}).status, kHealthy);
  EXPECT_EQ(status({.instance = fifo}).status, kDegraded);
  const test::Outcome typing_error = status({.instance = disk_ / "no-such"});
  EXPECT_EQ(typing_error.status, 66) << typing_error.err;
  other.signal(SIGCONT);
}

TEST_F(StatusTest, RunsWithoutItsSocketIfSomethingElseStandsThere) {
  const std::string path = disk_ / "control";
  ASSERT_TRUE(std::filesystem::create_directory(path));
  test::Child slurper = start({"--set", "control.path=" + path});
  EXPECT_TRUE(slurper.said("cannot make the control socket '" + path + "': it is a directory, not a socket"))
      << slurper.err();
  EXPECT_TRUE(std::filesystem::is_directory(path));
}

TEST_F(StatusTest, IsAskedAtTheConfiguredPath) {
  const std::string path = disk_ / "asked here";
  const test::Child slurper = start({"--set", "control.path=" + path});
  EXPECT_EQ(socket(), "");
  EXPECT_EQ(status({.instance = path}).status, kHealthy);
}

TEST_F(StatusTest, ShowsSeveralInALineEachOrAPageEach) {
  const test::Child one = start();
  test::Child other(program(disk_ / "other fifo", disk_ / "other messages"));
  ASSERT_TRUE(other.said("ready")) << other.err();
  const test::Outcome lines = status({});
  EXPECT_EQ(std::ranges::count(lines.out, '\n'), 2) << lines.out;
  EXPECT_THAT(lines.out, HasSubstr("'" + fifo_ + "': healthy"));
  const test::Outcome pages = status({.all = true});
  EXPECT_THAT(pages.out, AllOf(HasSubstr("other messages"), HasSubstr("log       '" + log_ + "'")));
  EXPECT_EQ(std::ranges::count(status({.json = true}).out, '\n'), 2);
  other.kill();
  const test::Outcome left = status({.all = true});
  EXPECT_EQ(left.status, kNotRunning);
  EXPECT_THAT(left.out, AllOf(HasSubstr("log       '" + log_ + "'"), Not(HasSubstr("other"))));
  EXPECT_THAT(left.err, HasSubstr("no process listens at this socket"));
}

TEST_F(StatusTest, HasAHostilePathByteByByte) {
  const std::string fifo = disk_ / "\x1b[2J\"'\n";
  test::Child slurper(program(fifo, log_));
  ASSERT_TRUE(slurper.said("ready")) << slurper.err();
  const test::Outcome page = status({.instance = log_});
  EXPECT_THAT(page.out, AllOf(HasSubstr("\\x1b[2J"), Not(HasSubstr("\x1b"))));
  EXPECT_EQ(json::parse(status({.instance = fifo, .json = true}).out)["fifo"]["path"], fifo);
}

// Every byte that a writer has written is in the ledger, at any moment.
TEST_F(StatusTest, LedgerHasWhatTheWriterCounts) {
  ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
  test::LineWriter writer(fifo_, {.lines = 200'000});
  const test::Child slurper = start({"--set", "log.rotate_size=1MiB"});
  const auto check = [&](const json& found) {
    const json& ledger = found["ledger"];
    const auto number = [&](const char* name) { return ledger[name].get<std::uint64_t>(); };
    EXPECT_EQ(number("received") + number("inherited"),
              number("logged") + number("held") + number("dropped"));
    EXPECT_TRUE(found["ledger_is_balanced"]);
    return number("received");
  };
  std::uint64_t received = 0;
  do {
    const json found = report();
    const std::uint64_t now = check(found);
    EXPECT_GE(now, received);
    received = now;
  } while (writer.lines() < 200'000);
  ASSERT_TRUE(writer.wait());
  EXPECT_TRUE(eventually([&] { return report()["ledger"]["logged"] == writer.bytes(); }));
  const json found = report();
  EXPECT_EQ(check(found), writer.bytes());
  EXPECT_EQ(found["log"]["end"], writer.bytes());
  EXPECT_EQ(found["log"]["lines"], writer.lines());
  EXPECT_GT(found["log"]["rotations"], 0);
  EXPECT_TRUE(eventually([&] { return report()["log"]["segments"] == report()["log"]["rotations"]; }));
  EXPECT_GT(found["rates"][3]["bytes_per_second"], 0);
  EXPECT_GT(found["fifo"]["most_held"], 0);
  EXPECT_GT(found["ring"]["most_held"], 0);
}

// Clients that send nothing, garbage, or more than they read, while lines flow.
TEST_F(StatusTest, NoClientHarmsTheLines) {
  ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
  test::LineWriter writer(fifo_, {.lines = 100'000});
  const test::Child slurper = start();
  const std::string path = socket();
  const std::vector<std::string> abuses = {"", "garbage\n", std::string(1 << 16, '\xff'),
                                           "{\"version\":1,\"verb\":\"status\"}\n"};
  std::vector<UniqueFd> clients(20);
  for (std::size_t i = 0; writer.lines() < 100'000; ++i) {
    UniqueFd& fd = clients[i % clients.size()];
    const std::string& abuse = abuses[i % abuses.size()];
    if (!fd || ::send(fd.get(), abuse.data(), abuse.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
      Result<UniqueFd> connected = connect_to_control(path);
      if (connected) fd = std::move(*connected);
    }
  }
  ASSERT_TRUE(writer.wait());
  const auto logged = [&] { return std::filesystem::file_size(log_); };
  EXPECT_TRUE(test::eventually_by_progress(logged, [&] { return logged() == writer.bytes(); }));
  clients.clear();
  // The log's thread tells it after it has written.
  EXPECT_TRUE(eventually([&] { return report()["ledger"]["logged"] == writer.bytes(); }));
  test::Child verify({.argv = {test::slurper_binary(), "verify", log_}, .env = {}});
  EXPECT_TRUE(verify.exits_with(0)) << verify.out();
}

TEST_F(StatusTest, AgreesWithTheMessageOnSigusr2) {
  ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
  test::LineWriter writer(fifo_, {.lines = 1000});
  test::Child slurper = start();
  ASSERT_TRUE(writer.wait());
  ASSERT_TRUE(eventually([&] { return report()["log"]["synced"] == writer.bytes(); }));
  const json found = report();
  EXPECT_GT(found["log"]["synced_at"], 0);
  slurper.signal(SIGUSR2);
  const std::string end = std::to_string(writer.bytes());
  EXPECT_TRUE(slurper.said("status: offset " + end + ", 0B wait in the ring of 64.0MiB, synced up to " + end))
      << slurper.err();
  EXPECT_EQ(found["ring"]["size"], 64 << 20);
}

TEST_F(StatusTest, HasWhatASinkDoesAndWhyItFails) {
  const test::Child slurper = start({"--sink", "syslog+tcp://127.0.0.1:1?retry_max=100ms"});
  EXPECT_TRUE(test::write_blocking(fifo_, "a line\n", {7}));
  EXPECT_TRUE(eventually([&] { return report()["sinks"][0]["lag_bytes"] == 7; }));
  EXPECT_TRUE(eventually([&] { return report()["sinks"][0]["state"] == "failing"; }));
  const json sink = report()["sinks"][0];
  EXPECT_GT(sink["waiting_since"], 0);
  EXPECT_THAT(sink["last_error"].get<std::string>(), HasSubstr("Connection refused"));
  EXPECT_TRUE(eventually([&] { return status({}).status == kDegraded; }));
  const test::Outcome page = status({});
  EXPECT_THAT(page.out, AllOf(HasSubstr("\n! A SINK FAILS"), HasSubstr("DEGRADED")));
}

TEST_F(StatusTest, PrintsALineASecondIntoAPipeUntilItsReaderLeaves) {
  const test::Child slurper = start();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  UniqueFd read_fd(ends[0]);
  const UniqueFd write_fd(ends[1]);
  std::string text;
  std::jthread reader([&] {
    std::array<char, 512> bytes{};
    while (std::ranges::count(text, '\n') < 2) {
      const ssize_t got = ::read(read_fd.get(), bytes.data(), bytes.size());
      if (got <= 0) break;
      text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    read_fd.reset();
  });
  EXPECT_EQ(status_command({.instance = fifo_, .watch = true}, write_fd.get(), stderr), kHealthy);
  reader.join();
  EXPECT_THAT(text,
              testing::MatchesRegex("([0-9:]+ healthy, 0B/s, 0 lines/s, pipe 0B, ring 0B, log offset 0\n)+"));
}

// A typing error does not look like a slurper that was killed.
TEST_F(StatusTest, SaysOfAPathThatIsNoneOfAnySlurper) {
  const test::Child slurper = start();
  const test::Outcome missing = status({.instance = fifo_ + "x"});
  EXPECT_EQ(missing.status, 66);
  EXPECT_EQ(missing.err,
            "slurper: cannot find a slurper that reads or writes '" + fifo_ +
                "x': there is no such file, and no slurper that runs knows it. Name a FIFO, a log "
                "or a control socket\n");
  EXPECT_THAT(status({.instance = disk_.path()}).err,
              HasSubstr("it is a directory, and no slurper that runs"));
  EXPECT_EQ(status({.instance = disk_.path()}).status, 66);
  // Of what a slurper can have had, the state is known.
  ASSERT_EQ(::mkfifo((disk_ / "other").c_str(), 0600), 0);
  EXPECT_EQ(status({.instance = disk_ / "other"}).status, kNotRunning);
  EXPECT_EQ(status({.instance = disk_ / "gone.control"}).status, kNotRunning);
}

TEST_F(StatusTest, WatchesNothingIfNoneRuns) {
  const test::Outcome watched = status({.instance = {}, .json = true, .watch = true});
  EXPECT_EQ(watched.status, kNotRunning);
  EXPECT_THAT(watched.err, HasSubstr("there is no control socket in"));
  EXPECT_EQ(watched.out, "");
}

// The seconds in which it had no answer are not made up for.
TEST_F(StatusTest, WatchesAtItsPaceAfterASlurperWasStopped) {
  const test::Child slurper = start();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  UniqueFd read_fd(ends[0]);
  const UniqueFd write_fd(ends[1]);
  std::vector<std::pair<std::chrono::steady_clock::time_point, json>> lines;
  std::jthread reader([&] {
    std::string text;
    std::array<char, 4096> bytes{};
    while (lines.size() < 6) {
      const ssize_t got = ::read(read_fd.get(), bytes.data(), bytes.size());
      if (got <= 0) break;
      text.append(bytes.data(), static_cast<std::size_t>(got));
      for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
        lines.emplace_back(std::chrono::steady_clock::now(), json::parse(text.substr(0, end)));
        if (lines.size() == 1) slurper.signal(SIGSTOP);
        if (lines.back().second.contains("error")) slurper.signal(SIGCONT);
      }
    }
    read_fd.reset();
  });
  (void)status_command({.instance = socket(), .json = true, .watch = true}, write_fd.get(), stderr);
  reader.join();
  ASSERT_GE(lines.size(), 6U);
  EXPECT_THAT(lines[1].second.value("error", ""), HasSubstr("is stopped"));
  // Three lines later than the first answer, two seconds have passed at least: the answers are no burst.
  EXPECT_TRUE(lines[5].second.contains("health"));
  EXPECT_GE(lines[5].second["now"].get<std::uint64_t>() - lines[3].second["now"].get<std::uint64_t>(), 1900U);
}

// What listens there is no slurper.
class ForeignServerTest : public testing::Test {
 protected:
  // Accepts one client, sends `bytes`, and closes the connection unless it `stays`.
  Error error_of_asking(std::string_view bytes, bool stays) {
    auto socket = ControlSocket::listen(kernel(), path_);
    EXPECT_TRUE(socket);
    UniqueFd client_fd;
    const std::jthread server([&] {
      const auto accepted = [&] {
        client_fd.reset(::accept4(socket->fd(), nullptr, nullptr, SOCK_CLOEXEC));
        return static_cast<bool>(client_fd);
      };
      if (!eventually(accepted)) return;
      (void)::send(client_fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (!stays) client_fd.reset();
    });
    const auto asked = ask_status(path_, stays ? 1000ms : 60s);
    EXPECT_FALSE(asked);
    return asked ? Error{} : asked.error();
  }

  const test::TempDir folder_ = test::TempDir::in_ram();
  const std::string path_ = folder_ / "control";
  const std::string ask_ = "cannot ask the slurper at '" + path_ + "': ";
};

TEST_F(ForeignServerTest, IsReported) {
  EXPECT_EQ(
      test::text_of(error_of_asking("hello\n", false)),
      ask_ +
          "what it has answered is no status. Name the control socket, the FIFO or the log of a running "
          "slurper");
  EXPECT_EQ(test::text_of(error_of_asking("", false)),
            ask_ +
                "it has closed the connection without an answer. Run the command as root, as slurper's user, "
                "or as a member of the socket's group");
  EXPECT_EQ(test::text_of(error_of_asking("", true)),
            ask_ + "process " + std::to_string(::getpid()) +
                " has not answered within 1s. Look at what it waits for: cat /proc/" +
                std::to_string(::getpid()) + "/stack");
  EXPECT_EQ(test::text_of(error_of_asking("{\"version\":1,\"error\":\"later\"}\n", false)), ask_ + "later");
}

}  // namespace
}  // namespace slurper
