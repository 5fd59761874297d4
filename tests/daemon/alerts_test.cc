// What an operator wants to be woken up for is in the status, with its cause.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "support/daemon.h"
#include "support/small_disk.h"
#include "support/unshare.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

class StatusAlerts : public testing::Test {
 protected:
  // Whether the status comes to end with this, before the deadline.
  static bool says(const Child& slurper, const std::string& trouble) {
    return eventually([&] {
      const std::size_t before = slurper.err().size();
      slurper.signal(SIGUSR2);
      std::string said;
      (void)eventually(
          [&] {
            said = slurper.err().substr(before);
            return said.find("status: ") != std::string::npos && said.ends_with('\n');
          },
          1s);
      return said.find(", " + trouble + "\n") != std::string::npos;
    });
  }
  void write_line() { EXPECT_TRUE(site_.holder.write("a line\n")); }

  Site site_;
};

TEST_F(StatusAlerts, ALogThatCantBeRotated) {
  Child slurper = site_.start();
  write_line();
  ASSERT_TRUE(site_.log.reaches(7));
  const fs::path in_the_way = site_.disk / "messages.00000000000000000000";
  fs::create_directory(in_the_way);
  slurper.signal(SIGUSR1);
  EXPECT_TRUE(says(slurper, "THE LOG CAN'T BE ROTATED: File exists")) << slurper.err();
  fs::remove(in_the_way);
  // slurper tries again only when a line comes, and not with each.
  EXPECT_TRUE(eventually([&] {
    write_line();
    return fs::exists(in_the_way);
  }));
  EXPECT_TRUE(says(slurper, "all well")) << slurper.err();
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0));
  EXPECT_EQ(difference(site_.holder.accepted(), site_.log.bytes()), "");
}

TEST_F(StatusAlerts, AReaderThatTakesLinesUntilTheOperatorKnows) {
  Child slurper = site_.start();
  Child second_reader({.argv = {"cat", site_.fifo}, .env = {}});
  const std::string who = fmt::format("'cat' (pid {})", second_reader.pid());
  EXPECT_TRUE(says(slurper, "ANOTHER READER TAKES LINES FROM THE FIFO: " + who + " reads it"))
      << slurper.err();
  slurper.signal(SIGHUP);
  ASSERT_TRUE(slurper.said("settings reloaded"));
  EXPECT_TRUE(says(slurper, "ANOTHER READER TAKES LINES FROM THE FIFO: " + who + " reads it"))
      << "it still does";
  // One that has taken nothing is forgotten when it leaves. slurper and cat race for each line.
  EXPECT_TRUE(eventually([&] {
    write_line();
    return !second_reader.out().empty();
  }));
  second_reader.kill();
  EXPECT_TRUE(says(slurper, "ANOTHER READER TAKES LINES FROM THE FIFO: " + who + " has read it"))
      << slurper.err();
  slurper.signal(SIGHUP);
  EXPECT_TRUE(says(slurper, "all well")) << slurper.err();
}

TEST_F(StatusAlerts, ADiskThatIsFullIsTheCauseThatIsNamed) {
  if (!may_mount()) GTEST_SKIP() << "needs root and a mount namespace";
  const SmallDisk disk(site_.disk / "small", 1 << 20);
  Child slurper = site_.start({"log.path=" + disk / "messages", "ring.size=4MiB"});
  const std::string line = std::string(4095, 'x') + "\n";
  EXPECT_TRUE(eventually([&] {
    for (int i = 0; i < 300; ++i) (void)site_.holder.write(line);
    return slurper.said("cannot read more from the FIFO", 1, 0ms);
  })) << slurper.err();
  EXPECT_TRUE(
      says(slurper,
           "THE LOG CAN'T BE WRITTEN: No space left on device; THE FIFO CAN'T BE READ NOW: the ring is "
           "full"))
      << slurper.err();
}

TEST_F(StatusAlerts, AFifoThatIsNotAtItsPath) {
  Child slurper = site_.start();
  fs::rename(site_.fifo, site_.disk / "aside");
  ASSERT_TRUE(slurper.said("recreated it"));
  std::ofstream(site_.disk / "file") << "x";
  fs::rename(site_.disk / "file", site_.fifo);
  EXPECT_TRUE(says(slurper, "THE FIFO IS NOT AT ITS PATH: it is a regular file, not a FIFO"))
      << slurper.err();
  fs::rename(site_.disk / "aside", site_.fifo);
  EXPECT_TRUE(says(slurper, "all well")) << slurper.err();
}

// In a user namespace of its own, which has limits of its own. Then some are there again.
TEST_F(StatusAlerts, NoInotifyInstanceLeftAndThenSome) {
  if (!may_limit_inotify()) GTEST_SKIP() << "needs a user namespace with limits of its own";
  int go[2];
  ASSERT_EQ(::pipe(go), 0);
  const UniqueFd go_read_fd(go[0]);
  UniqueFd go_write_fd(go[1]);
  ASSERT_EQ(::fcntl(go_write_fd.get(), F_SETFD, FD_CLOEXEC), 0);
  Program program = site_.run();
  const auto tell = [&](const std::string& command) {
    ASSERT_EQ(::write(go_write_fd.get(), command.data(), command.size()), std::ssize(command));
  };
  const std::string script =
      "limit=/proc/sys/user/max_inotify_instances; echo 0 >$limit || exit 1; "
      "setpriv --pdeathsig KILL \"$@\" & slurper=$!; while read -r command; do eval \"$command\"; done; "
      "kill $slurper; wait $slurper";
  program.argv.insert(program.argv.begin(),
                      {"unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"});
  Child slurper(program, go_read_fd.get());
  ASSERT_TRUE(slurper.said("ready")) << slurper.err();
  EXPECT_TRUE(slurper.said("no inotify instance left (EMFILE). Raise fs.inotify.max_user_instances"))
      << slurper.err();
  tell("kill -USR2 $slurper\n");
  EXPECT_TRUE(slurper.said(
      "THE FIFO'S PATH CAN'T BE WATCHED: the user has no inotify instance left (EMFILE); "
      "PROCESSES THAT OPEN THE FIFO CAN'T BE SEEN: the user has no inotify instance left (EMFILE)\n"))
      << slurper.err();
  // It is replaced, and read nevertheless.
  fs::remove(site_.fifo);
  ASSERT_TRUE(slurper.said("recreated it")) << slurper.err();
  const UniqueFd writer(::open(site_.fifo.c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::write(writer.get(), "line\n", 5), 5);
  ASSERT_TRUE(site_.log.reaches(5)) << slurper.err();
  EXPECT_FALSE(slurper.said("seeing again which", 1, 0ms));
  tell("echo 128 >$limit\n");
  EXPECT_TRUE(slurper.said("watching the path of the FIFO '" + site_.fifo + "' again")) << slurper.err();
  EXPECT_TRUE(slurper.said("seeing again which")) << slurper.err();
  tell("kill -USR2 $slurper\n");
  EXPECT_TRUE(slurper.said(", all well\n")) << slurper.err();
  fs::remove(site_.fifo);
  ASSERT_TRUE(slurper.said("recreated it", 2)) << slurper.err();
  go_write_fd.reset();
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
}

TEST_F(StatusAlerts, ASinkThatFailsAndWhy) {
  const std::string folder = site_.disk / "missing";
  site_.sinks = {"file:" + folder + "/copy?name=copy"};
  Child slurper = site_.start();
  write_line();
  EXPECT_TRUE(eventually([&] {
    slurper.signal(SIGUSR2);
    return slurper.said(", A SINK FAILS: 'copy': cannot open ", 1, 100ms);
  })) << slurper.err();
  EXPECT_THAT(slurper.err(), HasSubstr("/missing/.copy.lock': No such file or directory"));
  fs::create_directory(site_.disk / "missing");
  EXPECT_TRUE(says(slurper, "all well")) << slurper.err();
}

}  // namespace
}  // namespace slurper::test
