#include "cli/status_events.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "cli/asked.h"
#include "cli/last_events.h"
#include "cli/program.h"
#include "cli/running_site.h"
#include "support/fifo_writer.h"
#include "support/files.h"

namespace slurper {
namespace {

using nlohmann::json;
using test::eventually;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class StatusEvents : public test::RunningSite {
 protected:
  static test::Outcome events(const std::string& instance = {}, bool as_json = false) {
    const UniqueFd out_fd = test::make_capture();
    test::Outcome outcome = test::capture(
        [&](std::FILE*, std::FILE* err) { return events_command(instance, as_json, out_fd.get(), err); });
    outcome.out = test::captured(out_fd);
    return outcome;
  }
};

TEST_F(StatusEvents, AreThoseOfASlurperThatRuns) {
  const test::Child slurper = start();
  EXPECT_TRUE(test::write_blocking(fifo_, "a line\n", {7}));
  ASSERT_TRUE(eventually([&] { return test::content_of(log_) == "a line\n"; }));
  for (const std::string& instance : {std::string(), fifo_, log_, socket()}) {
    const test::Outcome shown = events(instance);
    EXPECT_EQ(shown.status, 0) << shown.err;
    EXPECT_THAT(shown.out,
                StartsWith("slurper (pid " + std::to_string(slurper.pid()) + ") runs. What it did last:\n"));
    EXPECT_THAT(shown.out, AllOf(HasSubstr("ready: reading '"), HasSubstr("write('" + log_ + "', 7")));
    EXPECT_LT(shown.out.find("ready: reading"), shown.out.find("write('" + log_ + "', 7"))
        << "the newest is the last";
  }
  const test::Outcome by_command = test::run_slurper({"status", "--events", fifo_});
  EXPECT_EQ(by_command.status, 0) << by_command.err;
  EXPECT_THAT(by_command.out, HasSubstr("runs. What it did last"));
  EXPECT_EQ(test::run_slurper({"status", "--events", "--watch"}).status, 64);
}

TEST_F(StatusEvents, AreThoseOfASlurperThatWasKilled) {
  test::Child slurper = start();
  const std::string pid = std::to_string(slurper.pid());
  slurper.kill();
  const std::string left = socket();
  for (const std::string& instance : {std::string(), log_, left}) {
    const test::Outcome shown = events(instance);
    EXPECT_EQ(shown.status, 0) << shown.err;
    EXPECT_THAT(shown.out,
                StartsWith("slurper (pid " + pid + ") did not end by itself. What it did last:\n"));
    EXPECT_THAT(shown.out, HasSubstr("ready: reading"));
  }
  const test::Outcome by_fifo = events(fifo_);
  EXPECT_EQ(by_fifo.status, kNotRunning);
  EXPECT_EQ(by_fifo.err, "slurper: cannot find the last events of the slurper of '" + fifo_ +
                             "': no slurper that runs reads this FIFO, and the events of one that was killed "
                             "do not name it. Name the log\n");
  // They remain when the next one runs.
  const test::Child next = start();
  const test::Outcome both = events(fifo_);
  EXPECT_THAT(both.out, AllOf(StartsWith("slurper (pid " + pid + ") did not end by itself"),
                              HasSubstr("\n\nslurper (pid " + std::to_string(next.pid()) + ") runs")));
}

TEST_F(StatusEvents, AreJsonALineForEachSlurper) {
  test::Child slurper = start();
  slurper.kill();
  const test::Child next = start();
  std::istringstream lines(events(fifo_, true).out);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const json killed = json::parse(line);
  EXPECT_EQ(killed["pid"], slurper.pid());
  EXPECT_EQ(killed["state"], "killed");
  ASSERT_TRUE(std::getline(lines, line));
  const json running = json::parse(line);
  EXPECT_EQ(running["state"], "running");
  EXPECT_FALSE(std::getline(lines, line));
  const auto is_ready = [](const json& event) {
    return event["is_message"] == true && event["text"].get<std::string>().starts_with("ready: ");
  };
  const auto ready = std::ranges::find_if(running["events"], is_ready);
  ASSERT_NE(ready, running["events"].end());
  EXPECT_GT((*ready)["at"].get<std::uint64_t>(), 1'700'000'000'000U);
  EXPECT_EQ((*ready)["thread"], next.pid());
}

TEST_F(StatusEvents, OfOneThatHasEndedSayThat) {
  {
    test::Child slurper = start();
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0));
  }
  const test::Outcome shown = events(log_);
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr(") has ended by itself. What it did last:\n"));
  EXPECT_THAT(events(log_, true).out, HasSubstr(R"("state":"ended")"));
}

// A container may have no process that waits for it.
TEST(FlightEnds, OfAZombieIsKilled) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(end_of({.pid = child, .ended = false, .entries = {}}), FlightEnd::Killed);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(end_of({.pid = child, .ended = false, .entries = {}}), FlightEnd::Killed);
  EXPECT_EQ(end_of({.pid = ::getpid(), .ended = false, .entries = {}}), FlightEnd::Runs);
  EXPECT_EQ(end_of({.pid = ::getpid(), .ended = true, .entries = {}}), FlightEnd::EndedByItself);
}

TEST_F(StatusEvents, AreMissedIfNoneHasRun) {
  const test::Outcome none = events();
  EXPECT_EQ(none.status, kNotRunning);
  EXPECT_EQ(none.err,
            "slurper: cannot find the last events of a slurper: there are none in '" + runtime_.path() +
                "': no slurper has run there since the machine started. If it runs with the setting "
                "ring.directory, name its control socket or its log\n");
  EXPECT_EQ(events(disk_ / "typo").status, 66);
}

}  // namespace
}  // namespace slurper
