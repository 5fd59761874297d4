// Who opens and closes the FIFO, as the real binary reports it about real processes.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>

#include "proc/open_descriptors.h"
#include "support/daemon.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class PipeUsersOfSlurper : public testing::Test {
 protected:
  // A process with the FIFO open as `redirection` says; "$1" is its path.
  Child shell(const std::string& redirection, const std::string& then = "exec sleep 1000") {
    return Child({.argv = {"sh", "-c", "exec 7" + redirection + "; " + then, "sh", site_.fifo}, .env = {}});
  }
  // As the user nobody, it sees none of the test's processes, which are root's.
  [[nodiscard]] Child start_as_nobody() const {
    constexpr uid_t kNobody = 65534;
    for (const std::string& path : {site_.disk.path(), site_.ram.path(), site_.fifo})
      EXPECT_EQ(::chown(path.c_str(), kNobody, kNobody), 0);
    Program program = site_.run();
    program.argv.insert(program.argv.begin(),
                        {"setpriv", "--pdeathsig=KILL", "--reuid=65534", "--regid=65534", "--clear-groups"});
    Child slurper(program);
    EXPECT_TRUE(slurper.said("ready")) << slurper.err();
    return slurper;
  }
  static bool named(Child& slurper, const std::string& before, const Child& who, const std::string& name) {
    return slurper.said(fmt::format("{}'{}' (pid {})", before, name, who.pid()));
  }
  void stop_and_compare(Child& slurper) {
    ASSERT_TRUE(site_.log.reaches(site_.holder.accepted().size()));
    slurper.signal(SIGTERM);
    EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
    EXPECT_EQ(difference(site_.holder.accepted(), site_.log.bytes()), "") << slurper.err();
  }
  // Of all its threads; but a sanitizer's own, which wakes up, bears the program's name.
  static std::uint64_t wake_ups(pid_t pid) {
    std::uint64_t sum = 0;
    for (const fs::directory_entry& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid))) {
      std::string name;
      std::getline(std::ifstream(task.path() / "comm"), name);
      if (kSanitized && name == "slurper" && task.path().filename() != std::to_string(pid)) continue;
      std::ifstream status(task.path() / "status");
      for (std::string line; std::getline(status, line);) {
        if (line.find("ctxt_switches:") != std::string::npos)
          sum += std::stoull(line.substr(line.find('\t')));
      }
    }
    return sum;
  }

  Site site_;
};

TEST_F(PipeUsersOfSlurper, WritersAreNamedWhenTheyComeAndWhenTheyLeave) {
  Child slurper = site_.start();
  Child writer = shell(">\"$1\"");
  EXPECT_TRUE(named(slurper, "writer connected: ", writer, "sleep") ||
              named(slurper, "writer connected: ", writer, "sh"))
      << slurper.err();
  // Read and write, as rsyslog and syslog-ng do.
  Child both = shell("<>\"$1\"");
  EXPECT_TRUE(slurper.said(fmt::format("(pid {})", both.pid())));
  writer.kill();
  EXPECT_TRUE(slurper.said("writer left: ")) << slurper.err();
  both.kill();
  // The test itself holds it, too, and was there from the start.
  EXPECT_TRUE(slurper.said("writer left: ", 2)) << slurper.err();
  EXPECT_TRUE(slurper.said(fmt::format("(pid {})", ::getpid())));
  EXPECT_TRUE(site_.holder.write("line\n"));
  stop_and_compare(slurper);
  EXPECT_THAT(slurper.err(), Not(HasSubstr("also reads"))) << "none of them is a second_reader";
  EXPECT_THAT(slurper.err(), Not(HasSubstr("reading only")));
}

TEST_F(PipeUsersOfSlurper, TheLastWriterIsCalledSo) {
  const TempDir disk;
  const std::string fifo = disk / "fifo";
  Child slurper({.argv = {slurper_binary(), "run", "--fifo", fifo, "--log", disk / "messages", "--set",
                          "ring.directory=" + site_.ram.path()},
                 .env = {}});
  ASSERT_TRUE(slurper.said("ready"));
  Child writer({.argv = {"sh", "-c", "exec 7>\"$1\"; echo one >&7; exec sleep 1000", "sh", fifo}, .env = {}});
  ASSERT_TRUE(slurper.said(fmt::format("(pid {})", writer.pid())));
  writer.kill();
  // Only if slurper can look at each process, the first one among them.
  struct stat st{};
  ASSERT_EQ(::stat(fifo.c_str(), &st), 0);
  const bool sees_all = find_open_descriptors(st.st_dev, st.st_ino).complete();
  EXPECT_TRUE(slurper.said(sees_all ? "last writer left: " : "writer left: ")) << slurper.err();
  const LogStream log(disk / "messages");
  ASSERT_TRUE(log.reaches(4));
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0));
  EXPECT_EQ(log.bytes(), "one\n");
}

// The founding crime. What cat takes and what slurper takes must be all there is.
TEST_F(PipeUsersOfSlurper, AThiefIsNamedAndCounted) {
  Child slurper = site_.start();
  Child second_reader({.argv = {"cat", site_.fifo}, .env = {}});
  EXPECT_TRUE(named(slurper, "", second_reader, "cat")) << slurper.err();
  EXPECT_TRUE(slurper.said("also reads the FIFO '" + site_.fifo + "'"));
  std::string line;
  for (int i = 0; i < 2000; ++i) {
    line = fmt::format("{:06} {:.<90}\n", i, "");
    ASSERT_TRUE(eventually([&] { return site_.holder.write(line); }));
  }
  ASSERT_TRUE(eventually([&] {
    return second_reader.out().size() + site_.log.end() == site_.holder.accepted().size();
  })) << "cat "
      << second_reader.out().size() << ", log " << site_.log.end();
  second_reader.kill();
  EXPECT_TRUE(slurper.said("second reader left: ")) << slurper.err();
  slurper.signal(SIGUSR2);
  EXPECT_TRUE(slurper.said("1 second reader (")) << slurper.err();
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0));
  EXPECT_EQ(slurper.err().find("also reads"), slurper.err().rfind("also reads")) << "once for each culprit";
}

TEST_F(PipeUsersOfSlurper, AThiefThatWasThereBeforeSlurperIsNamed) {
  Child second_reader(
      {.argv = {"sh", "-c", "exec 7<\"$1\"; echo open; exec sleep 1000", "sh", site_.fifo}, .env = {}});
  ASSERT_TRUE(eventually([&] { return second_reader.out() == "open\n"; }));
  Child slurper = site_.start();
  EXPECT_TRUE(slurper.said(fmt::format("(pid {}) also reads", second_reader.pid()))) << slurper.err();
  EXPECT_TRUE(site_.holder.write("line\n"));
  stop_and_compare(slurper);
}

TEST_F(PipeUsersOfSlurper, AThiefThroughProcIsNamed) {
  Child slurper = site_.start();
  // Its first read end: others come and go.
  int read_fd = std::numeric_limits<int>::max();
  for (const fs::directory_entry& fd : fs::directory_iterator(fmt::format("/proc/{}/fd", slurper.pid()))) {
    std::error_code gone;
    struct stat link{};
    if (fs::read_symlink(fd.path(), gone) == site_.fifo && ::lstat(fd.path().c_str(), &link) == 0 &&
        (link.st_mode & S_IWUSR) == 0)
      read_fd = std::min(read_fd, std::stoi(fd.path().filename()));
  }
  Child second_reader = shell(fmt::format("</proc/{}/fd/{}", slurper.pid(), read_fd));
  EXPECT_TRUE(slurper.said(fmt::format("(pid {}) also reads", second_reader.pid()))) << slurper.err();
  second_reader.kill();
  EXPECT_TRUE(site_.holder.write("line\n"));
  stop_and_compare(slurper);
}

TEST_F(PipeUsersOfSlurper, ATheftThatWasOverAtOnceIsToldWithoutAName) {
  Child slurper = site_.start();
  // Opened and closed before anybody could look.
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(UniqueFd(::open(site_.fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)));
    return slurper.said("for reading only and closed it", 1, 50ms);
  })) << slurper.err();
  EXPECT_TRUE(site_.holder.write("line\n"));
  stop_and_compare(slurper);
}

// Of another user, slurper may see only the events.
TEST_F(PipeUsersOfSlurper, WhomItMayNotSeeIsToldAsFarAsPossible) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  Child slurper = start_as_nobody();
  Child second_reader = shell("<\"$1\"", "echo open; exec sleep 1000");
  ASSERT_TRUE(eventually([&] { return second_reader.out() == "open\n"; }));
  second_reader.kill();
  EXPECT_TRUE(slurper.said("for reading only and closed it")) << slurper.err();
  EXPECT_TRUE(site_.holder.write("line\n"));
  stop_and_compare(slurper);
}

// What it takes gives it away. What it takes and what slurper takes must be all there is.
TEST_F(PipeUsersOfSlurper, AThiefThatCantBeSeenIsReportedByWhatItTakes) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  Child slurper = start_as_nobody();
  Child second_reader({.argv = {"cat", site_.fifo}, .env = {}});
  for (int i = 0; !slurper.said("takes lines from the FIFO", 1, 10ms); ++i) {
    ASSERT_TRUE(site_.holder.write(fmt::format("{:06} {:.<90}\n", i, "")));
    ASSERT_LT(i, 3000) << slurper.err();
  }
  EXPECT_TRUE(slurper.said("fuser -v")) << "how to find it";
  ASSERT_TRUE(eventually([&] {
    return second_reader.out().size() + site_.log.end() == site_.holder.accepted().size();
  })) << second_reader.out().size();
  second_reader.kill();
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0));
}

// As rsyslog does at each restart: opened for both, closed, by another user.
TEST_F(PipeUsersOfSlurper, RestartsOfAWriterThatCantBeSeenAreNoNews) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  Child slurper = start_as_nobody();
  for (int i = 0; i < 50; ++i) {
    const UniqueFd fd(::open(site_.fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    ASSERT_EQ(::write(fd.get(), "line\n", 5), 5);
    ASSERT_TRUE(site_.log.reaches(5 * (static_cast<std::uint64_t>(i) + 1)));
  }
  // When this is reported, all of the above has been seen.
  (void)UniqueFd(::open(site_.fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(slurper.said("for reading only and closed it")) << slurper.err();
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0));
  std::string said = slurper.err();
  said.erase(0, said.find("ready: "));  // every user may open this FIFO, which it warns of at its start
  EXPECT_EQ(said.find("warning:"), said.rfind("warning:")) << said;
  EXPECT_THAT(said, Not(HasSubstr("opened the FIFO '" + site_.fifo + "'. ")))
      << "who can't be named is no news";
  EXPECT_THAT(said, Not(HasSubstr("takes lines")));
}

// A shell script that writes with echo opens and closes it for each line.
TEST_F(PipeUsersOfSlurper, AWriterThatOpensItForEachLineDoesNotFloodTheMessages) {
  Child slurper = site_.start();
  ASSERT_TRUE(slurper.said("writer connected: ")) << "the test itself, at the first look";
  const int lines = kSanitized ? 300 : 3000;
  std::string written;
  for (int i = 0; i < lines; ++i) {
    const UniqueFd fd(::open(site_.fifo.c_str(), O_WRONLY | O_CLOEXEC));
    const std::string line = fmt::format("line {}\n", i);
    ASSERT_EQ(::write(fd.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
    written += line;
  }
  ASSERT_TRUE(site_.log.reaches(written.size()));
  const std::string one_after_the_other =
      R"(i=0; while [ $i -lt 60 ]; do (exec 7>"$1"; sleep 0.02); i=$((i + 1)); done)";
  Child writers({.argv = {"sh", "-c", one_after_the_other, "sh", site_.fifo}, .env = {}});
  ASSERT_TRUE(writers.exits_with(0));
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0));
  EXPECT_EQ(difference(written, site_.log.bytes()), "");
  const std::string said = slurper.err();
  EXPECT_LT(std::count(said.begin(), said.end(), '\n'), 25) << said;
}

// Replaced under a writer: who is left behind is named, the new one is watched.
TEST_F(PipeUsersOfSlurper, TheNewFifoIsWatchedAndWhoStaysWithTheOldOneIsNamed) {
  Child slurper = site_.start();
  Child writer = shell(">\"$1\"", "echo old >&7; exec sleep 1000");
  ASSERT_TRUE(site_.log.reaches(4));
  fs::remove(site_.fifo);
  ASSERT_TRUE(slurper.said("recreated it"));
  EXPECT_TRUE(slurper.said("still writing to an earlier FIFO of ")) << slurper.err();
  EXPECT_TRUE(slurper.said(fmt::format("(pid {})", writer.pid())));
  Child second_reader = shell("<\"$1\"");
  EXPECT_TRUE(slurper.said(fmt::format("(pid {}) also reads", second_reader.pid()))) << slurper.err();
  second_reader.kill();
  Child second_writer = shell(">\"$1\"", "echo new >&7; exec sleep 1000");
  ASSERT_TRUE(site_.log.reaches(8));
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0));
  EXPECT_EQ(site_.log.bytes(), "old\nnew\n");
}

// With writers connected and everybody looked at: two seconds without a single wake-up of any thread.
TEST_F(PipeUsersOfSlurper, AnIdleSlurperDoesNotWakeUp) {
  Child slurper = site_.start();
  Child writer = shell(">\"$1\"", "echo line >&7; exec sleep 1000");
  ASSERT_TRUE(slurper.said(fmt::format("(pid {})", writer.pid())));
  ASSERT_TRUE(site_.log.reaches(5));
  std::uint64_t before = 0;
  EXPECT_TRUE(eventually(
      [&] {
        before = wake_ups(slurper.pid());
        std::this_thread::sleep_for(2s);
        return wake_ups(slurper.pid()) == before;
      },
      20s));
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0));
  EXPECT_EQ(site_.log.bytes(), "line\n");
}

}  // namespace
}  // namespace slurper::test
