// slurper tail, while a slurper writes the log that it follows.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>

#include "support/daemon.h"
#include "support/files.h"
#include "support/lines.h"

namespace slurper::test {
namespace {

using testing::HasSubstr;

Child tail(const Site& site, std::vector<std::string> arguments, int stdout_fd = -1) {
  arguments.insert(arguments.begin(), {slurper_binary(), "tail", site.disk / "messages"});
  return Child(Program{.argv = std::move(arguments), .env = {"TZ=UTC0"}}, -1, stdout_fd);
}

[[nodiscard]] bool shows(const Child& tail, const std::string& text) {
  return eventually_by_progress([&] { return tail.out().size(); }, [&] { return tail.out() == text; });
}

bool is_ended_by(Child& child, int signal) {
  const auto status = child.wait();
  return status && WIFSIGNALED(*status) && WTERMSIG(*status) == signal;
}

// Each line once, whole and in order, over rotations and compressions under the heaviest flow.
TEST(Tail, FollowsOverRotationAndCompression) {
  Site site;
  LineWriter writer(site.fifo, {.lines = 100'000});
  Child slurper = site.start({"log.rotate_size=300KiB", "log.compress=zstd"});
  Child following = tail(site, {"--offset", "0"});
  ASSERT_TRUE(writer.wait());
  ASSERT_TRUE(eventually_by_progress([&] { return following.out().size(); },
                                     [&] { return following.out().size() >= writer.bytes(); }))
      << following.err() << slurper.err();
  following.signal(SIGINT);
  EXPECT_TRUE(is_ended_by(following, SIGINT)) << "as any filter";
  LineChecker checker;
  checker.feed(following.out());
  const LineReport report = checker.finish({{writer.lines()}});
  EXPECT_TRUE(report.clean()) << report.text() << following.err();
  EXPECT_EQ(following.err(), "");
  EXPECT_TRUE(std::filesystem::exists(site.disk / "messages.00000000000000000000.zst") ||
              std::filesystem::exists(site.disk / "messages.00000000000000000000"));
}

// As logrotate does it, without a signal: the lines before and behind the move.
TEST(Tail, FollowsALogThatIsMovedAway) {
  Site site;
  Child slurper = site.start();
  ASSERT_TRUE(site.holder.write("before\n"));
  ASSERT_TRUE(site.log.reaches(7));
  Child following = tail(site, {});
  ASSERT_TRUE(shows(following, "before\n"));
  std::filesystem::rename(site.disk / "messages", site.disk / "messages.1");
  ASSERT_TRUE(site.holder.write("last\n"));
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(site.holder.write("next\n"));
    return std::filesystem::exists(site.disk / "messages");
  })) << slurper.err();
  ASSERT_TRUE(site.holder.write("end\n"));
  ASSERT_TRUE(eventually([&] { return following.out().ends_with("end\n"); })) << following.err();
  EXPECT_EQ(following.out(), site.holder.accepted()) << following.err();
  EXPECT_EQ(following.err(), "");
}

TEST(Tail, ShowsALineWhenItIsComplete) {
  Site site;
  Child slurper = site.start();
  ASSERT_TRUE(site.holder.write("one\nhal"));
  ASSERT_TRUE(site.log.reaches(7));
  Child following = tail(site, {"-f"});
  ASSERT_TRUE(shows(following, "one\n"));
  ASSERT_TRUE(site.holder.write("f"));
  ASSERT_TRUE(site.log.reaches(8));
  ASSERT_TRUE(site.holder.write("\ntwo\n"));
  EXPECT_TRUE(shows(following, "one\nhalf\ntwo\n")) << following.out();
  // Another one sees what there is, and does not wait.
  ASSERT_TRUE(site.holder.write("thr"));
  ASSERT_TRUE(site.log.reaches(16));
  Child once = tail(site, {"--no-follow", "-n", "2"});
  EXPECT_TRUE(once.exits_with(0)) << once.err();
  EXPECT_EQ(once.out(), "two\nthr\n");
}

TEST(Tail, ChoosesAmongTheLinesThatCome) {
  Site site;
  Child slurper = site.start();
  Child following = tail(site, {"--since", "1h", "--format", "{program}: {msg}", "program != cron"});
  ASSERT_TRUE(site.holder.write("Nov 30 12:00:00 host cron[1]: no\nNov 30 12:00:00 host sshd[2]: yes\n"));
  EXPECT_TRUE(shows(following, "sshd: yes\n")) << following.out() << following.err();
}

// The lines of now are between an hour ago and an hour ahead, by their arrival.
TEST(Tail, KnowsWhenLinesCame) {
  Site site;
  Child slurper = site.start();
  ASSERT_TRUE(site.holder.write("line\n"));
  ASSERT_TRUE(site.log.reaches(5));
  for (const auto& [arguments, lines] : {std::pair(std::vector<std::string>{"--since", "1h"}, "line\n"),
                                         {{"--since", "1h", "--until", "now"}, "line\n"},
                                         {{"--until", "30m"}, ""},
                                         {{"--since", "2h", "--until", "1h"}, ""}}) {
    std::vector<std::string> all = arguments;
    all.emplace_back("--no-follow");
    Child once = tail(site, all);
    EXPECT_TRUE(once.exits_with(0));
    EXPECT_EQ(once.out(), lines);
    EXPECT_EQ(once.err(), "");
  }
}

TEST(Tail, EndsAtATimeThatIsAhead) {
  Site site;
  Child slurper = site.start();
  ASSERT_TRUE(site.holder.write("line\n"));
  ASSERT_TRUE(site.log.reaches(5));
  const auto soon = std::chrono::system_clock::now() + std::chrono::seconds(2);
  Child following =
      tail(site, {"--until", fmt::format("@{}", soon.time_since_epoch() / std::chrono::seconds(1))});
  EXPECT_TRUE(following.exits_with(0)) << following.err();
  EXPECT_EQ(following.out(), "line\n");
}

// An idle log: nothing is written to a pipe that a dead reader could make fail.
TEST(Tail, EndsWithTheReaderOfItsOutput) {
  Site site;
  Child slurper = site.start();
  ASSERT_TRUE(site.holder.write("line\n"));
  ASSERT_TRUE(site.log.reaches(5));
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  UniqueFd read_fd(ends[0]);
  UniqueFd write_fd(ends[1]);
  Child following = tail(site, {}, write_fd.get());
  write_fd = UniqueFd();
  std::array<char, 5> line{};
  ASSERT_EQ(::read(read_fd.get(), line.data(), line.size()), 5);
  read_fd = UniqueFd();
  EXPECT_TRUE(following.exits_with(0)) << following.err();
  EXPECT_EQ(following.err(), "");
}

TEST(Tail, FollowsOverARestartAndANewLog) {
  Site site;
  Child slurper = site.start();
  ASSERT_TRUE(site.holder.write("one\n"));
  ASSERT_TRUE(site.log.reaches(4));
  Child following = tail(site, {});
  ASSERT_TRUE(shows(following, "one\n"));
  slurper.kill();
  {
    Child again = site.start();
    ASSERT_TRUE(site.holder.write("two\n"));
    ASSERT_TRUE(shows(following, "one\ntwo\n")) << following.err();
    again.signal(SIGTERM);
    ASSERT_TRUE(again.exits_with(0));
  }
  for (const auto& entry : std::filesystem::directory_iterator(site.disk.path())) {
    if (entry.path().filename().string().contains("messages")) std::filesystem::remove(entry.path());
  }
  for (const auto& entry : std::filesystem::directory_iterator(site.ram.path()))
    std::filesystem::remove_all(entry.path());
  Child another = site.start();
  ASSERT_TRUE(site.holder.write("three\n"));
  EXPECT_TRUE(shows(following, "one\ntwo\nthree\n")) << following.out() << following.err();
  EXPECT_THAT(following.err(), HasSubstr("another log has taken the place of '" + (site.disk / "messages") +
                                         "': continues with its oldest line\n"));
}

// A terminal shows control characters, and does not obey them.
TEST(Tail, TamesLinesForATerminal) {
  Site site;
  Child slurper = site.start();
  ASSERT_TRUE(site.holder.write("\x1b[31mred\ttab\n"));
  ASSERT_TRUE(site.log.reaches(13));
  const UniqueFd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(terminal);
  ASSERT_EQ(::grantpt(terminal.get()), 0);
  ASSERT_EQ(::unlockpt(terminal.get()), 0);
  std::array<char, 64> name{};
  ASSERT_EQ(::ptsname_r(terminal.get(), name.data(), name.size()), 0);
  const UniqueFd shown_on(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  Child once = tail(site, {"--no-follow"}, shown_on.get());
  ASSERT_TRUE(once.exits_with(0)) << once.err();
  std::array<char, 256> seen{};
  const ssize_t size = ::read(terminal.get(), seen.data(), seen.size());
  ASSERT_GT(size, 0);
  EXPECT_THAT(std::string(seen.data(), static_cast<std::size_t>(size)), HasSubstr("#033[31mred"));
}

}  // namespace
}  // namespace slurper::test
