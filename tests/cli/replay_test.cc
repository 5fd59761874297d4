#include "cli/replay.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "cli/program.h"
#include "record/syslog_header.h"
#include "sink/dead_letter.h"
#include "support/files.h"
#include "support/wait.h"

namespace slurper::test {
namespace {

using testing::HasSubstr;

class ReplayCommand : public testing::Test, protected CommandSite {
 protected:
  void letters(int first, int count) {
    const LogId log{7};
    std::ofstream file(dead_letters(), std::ios::app);
    for (int i = first; i < first + count; ++i) {
      const std::string line = "line " + std::to_string(i);
      const Record record(log, 0, line.size() + 1, line, Part::Whole, {}, &parse_syslog_header);
      file << format_dead_letter("picky", record, "it is bad");
    }
  }
  // A program that takes lines into "taken", as long as its script lets it.
  void make_program(const std::string& on_line) {
    std::ofstream(folder_ / "program") << "#!/bin/sh\necho OK\nwhile read -r line; do\n"
                                       << on_line << "\ndone\n";
    std::filesystem::permissions(folder_ / "program", std::filesystem::perms::owner_all);
  }
  std::vector<std::string> with_sink(const std::string& command, std::vector<std::string> more = {},
                                     const std::string& settings = "") const {
    more.insert(more.begin(), {"--sink", "exec:" + (folder_ / "program") + "?name=picky&confirm=line&args=" +
                                             (folder_ / "taken") + settings + "&start=beginning"});
    return arguments(command, more);
  }
  Outcome replay(const std::string& sink = "picky") const { return run_slurper(with_sink("replay", {sink})); }
  [[nodiscard]] std::string dead_letters() const { return folder_ / "log.rejected-picky"; }
  [[nodiscard]] std::size_t taken(const std::string& line) const {
    std::ifstream file(folder_ / "taken");
    std::size_t count = 0;
    for (std::string text; std::getline(file, text);) count += text == line ? 1 : 0;
    return count;
  }
  [[nodiscard]] std::size_t all_taken() const {
    const std::string content = content_of(folder_ / "taken");
    return static_cast<std::size_t>(std::ranges::count(content, '\n'));
  }
};

TEST_F(ReplayCommand, DeliversWhatWasRefused) {
  make_program(R"(case $line in *3) echo "REJECTED: still bad" ;; *) echo "$line" >>"$1"; echo OK ;; esac)");
  letters(0, 10);
  std::ofstream(dead_letters(), std::ios::app) << "a note\n";
  const Outcome first = replay();
  EXPECT_EQ(first.status, 65) << "it is not done: " << first.err;
  EXPECT_EQ(first.out,
            "9 lines delivered, 1 line refused again\n1 line not understood, and kept: 11\n"
            "dead letters remain in '" +
                dead_letters() + "'\n");
  EXPECT_THAT(first.err, HasSubstr("the sink 'picky' was refused a line: still bad"));
  EXPECT_THAT(first.err, HasSubstr(dead_letters()));
  make_program(R"(echo "$line" >>"$1"; echo OK)");
  std::filesystem::remove(dead_letters());
  letters(3, 1);
  const Outcome second = replay();
  EXPECT_EQ(second.out, "1 line delivered, 0 lines refused again\n") << second.err;
  EXPECT_EQ(second.status, 0) << second.err;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(taken("line " + std::to_string(i)), 1U) << i;
}

// A kill, or a full disk, cut its write short.
TEST_F(ReplayCommand, LeavesATornLetterOut) {
  make_program(R"(echo "$line" >>"$1"; echo OK)");
  letters(0, 2);
  std::filesystem::resize_file(dead_letters(), std::filesystem::file_size(dead_letters()) - 10);
  const Outcome outcome = replay();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(
      outcome.out,
      "1 line delivered, 0 lines refused again\nthe last dead letter was cut short, by a kill or a full "
      "disk, and was left out: slurper delivers its line from the log\n");
  EXPECT_FALSE(std::filesystem::exists(dead_letters()));
}

TEST_F(ReplayCommand, ASecondOneNamesTheFirst) {
  make_program(R"(echo "$line" >>"$1"; read -r never)");
  letters(0, 1);
  Slurper first(with_sink("replay", {"picky"}, "&close_timeout=0ms"));
  ASSERT_TRUE(eventually([&] { return all_taken() == 1; })) << first.err();
  const Outcome second = replay();
  EXPECT_EQ(second.status, 75);
  EXPECT_THAT(second.err,
              HasSubstr("cannot replay the dead letters of the sink 'picky': another replay of this "
                        "sink is running: process " +
                        std::to_string(first.pid()) + ". Wait until it has ended"));
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait(), 75) << first.err();
}

TEST_F(ReplayCommand, NamesWhatStandsInPlaceOfTheDeadLetters) {
  std::filesystem::create_directory(dead_letters());
  const Outcome outcome = replay();
  EXPECT_EQ(outcome.status, 65);
  EXPECT_THAT(outcome.out, HasSubstr("skipped '" + dead_letters() +
                                     "': it is a directory, not a file of dead "
                                     "letters. Move it away"));
}

// The dead letters that a replay has moved into its folder, and not unpacked.
TEST_F(ReplayCommand, SaysThatItCanNotReadTheDeadLetters) {
  const std::string moved = folder_ / ".log.replay-picky/letters";
  std::filesystem::create_directories(moved);
  const Outcome outcome = replay();
  EXPECT_EQ(outcome.status, 74);
  EXPECT_EQ(outcome.err, "slurper: cannot read the dead letters '" + moved + "': Is a directory\n");
}

TEST_F(ReplayCommand, NamesTheSinksThatThereAre) {
  const Outcome outcome = replay("pickie");
  EXPECT_EQ(outcome.status, 64);
  EXPECT_EQ(outcome.err,
            "slurper: cannot replay the dead letters of the sink 'pickie': the configuration has no "
            "sink of this name. Its sinks are: picky\n");
}

TEST_F(ReplayCommand, AProgramThatCanNotBeStartedKeepsTheLines) {
  letters(0, 1);
  Slurper command(with_sink("replay", {"picky"}));
  ASSERT_TRUE(command.says("cannot start the program")) << command.err();
  command.signal(SIGINT);
  EXPECT_EQ(command.wait(), 75) << command.err();
  EXPECT_THAT(command.err(), HasSubstr("to continue, repeat this command"));
  make_program(R"(echo "$line" >>"$1"; echo OK)");
  EXPECT_EQ(replay().out, "1 line delivered, 0 lines refused again\n");
}

// What it made as root, the log's own slurper could not write to.
TEST_F(ReplayCommand, AsRootItWorksAsTheLogsUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  constexpr uid_t kNobody = 65534;
  make_program(R"(echo "REJECTED: still bad")");
  std::filesystem::permissions(folder_ / "program", std::filesystem::perms::all);
  ASSERT_EQ(::chown(folder_.path().c_str(), kNobody, kNobody), 0);
  ASSERT_EQ(::chown(ring_.path().c_str(), kNobody, kNobody), 0);
  Slurper daemon(with_sink("run"), {.as_nobody = true});
  ASSERT_TRUE(daemon.says("reading ")) << daemon.err();
  std::ofstream(folder_ / "fifo") << "one line" << std::endl;
  ASSERT_TRUE(eventually([&] { return content_of(dead_letters()).contains("one line"); })) << daemon.err();
  const Outcome outcome = replay();
  EXPECT_THAT(outcome.out, HasSubstr("0 lines delivered, 1 line refused again\n")) << outcome.err;
  struct stat file{};
  ASSERT_EQ(::stat(dead_letters().c_str(), &file), 0);
  EXPECT_EQ(file.st_uid, kNobody);
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0) << daemon.err();
}

// SIGKILL at any moment, while a slurper runs that has more lines refused.
TEST_F(ReplayCommand, NothingIsLostOverKills) {
  constexpr int kLines = 30;
  constexpr int kKills = 10;
  make_program(R"(if [ -n "$2" ]; then echo "REJECTED: bad"; else echo "$line" >>"$1"; echo OK; fi)");
  Slurper daemon(with_sink("run", {}, "&args=refuse"));
  ASSERT_TRUE(daemon.says("reading ")) << daemon.err();
  std::ofstream fifo(folder_ / "fifo");
  std::vector<std::string> lines;
  const auto write_line = [&] {
    lines.push_back("number " + std::to_string(lines.size()));
    fifo << lines.back() << std::endl;
  };
  for (int kill = 0; kill < kKills; ++kill) {
    for (int i = 0; i < kLines; ++i) write_line();
    const std::string last = "\"line\":\"" + lines.back() + "\"";
    ASSERT_TRUE(eventually([&] { return content_of(dead_letters()).contains(last); })) << daemon.err();
    const std::size_t before = all_taken();
    Slurper command(with_sink("replay", {"picky"}));
    write_line();
    // It may end at once, if the one before it was killed with nothing left to deliver.
    ASSERT_TRUE(eventually([&] { return all_taken() > before || !command.out().empty(); })) << command.err();
    command.signal(SIGKILL);
    (void)command.wait();
  }
  daemon.signal(SIGTERM);
  ASSERT_EQ(daemon.wait(), 0) << daemon.err();
  for (int i = 0; i < 2; ++i) {  // what was interrupted, and what was refused since
    const Outcome outcome = replay();
    ASSERT_EQ(outcome.status, std::filesystem::exists(dead_letters()) ? 65 : 0) << outcome.err;
  }
  for (const std::string& line : lines) EXPECT_GE(taken(line), 1U) << line;
  EXPECT_FALSE(std::filesystem::exists(dead_letters()));
}

}  // namespace
}  // namespace slurper::test
