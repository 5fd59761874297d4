// The flight recorder of a real slurper: what is left after a SIGKILL, and what a fault says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "flight/flight_view.h"
#include "support/daemon.h"
#include "support/small_disk.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class LastCallsTest : public testing::Test {
 protected:
  [[nodiscard]] std::string ring_folder() const { return site_.ram.path(); }
  void send_a_line(Child& slurper) {
    EXPECT_TRUE(site_.holder.write("a line\n"));
    EXPECT_TRUE(site_.log.reaches(site_.holder.accepted().size())) << slurper.err();
  }
  [[nodiscard]] std::string verified() const {
    Child verify(site_.verify());
    EXPECT_TRUE(verify.exits_with(0)) << verify.out() << verify.err();
    return verify.out();
  }
  Site site_;
};

TEST_F(LastCallsTest, VerifyTellsThemOfASlurperThatWasKilled) {
  Child slurper = site_.start();
  send_a_line(slurper);
  EXPECT_THAT(verified(), Not(HasSubstr("did not end by itself"))) << "it runs";
  slurper.kill();
  const std::string after = verified();
  EXPECT_THAT(after, HasSubstr("slurper (pid " + std::to_string(slurper.pid()) + ") did not end by itself"));
  // A long path may have put the end of a line on the next.
  EXPECT_THAT(after, ContainsRegex("splice[(]'[^']*fifo',[^)]*[)] += +7"));
  EXPECT_THAT(after, ContainsRegex("write[(]'[^']*messages', +7[)] += +7"));

  // The next slurper keeps them.
  Child next = site_.start();
  send_a_line(next);
  EXPECT_THAT(verified(), HasSubstr("slurper (pid " + std::to_string(slurper.pid()) + ") did not end"));
  next.signal(SIGTERM);
  EXPECT_TRUE(next.exits_with(0)) << next.err();
  EXPECT_THAT(verified(), HasSubstr("slurper (pid " + std::to_string(slurper.pid()) + ") did not end"));
  Child third = site_.start();
  third.signal(SIGTERM);
  EXPECT_TRUE(third.exits_with(0)) << third.err();
  EXPECT_THAT(verified(), Not(HasSubstr("did not end by itself")));

  std::ofstream(flight_path(ring_folder())) << "no events";
  EXPECT_THAT(verified(), ContainsRegex("cannot read slurper.s own last events in"));
}

TEST_F(LastCallsTest, AreRecordedInMemoryIfTheirFileCannotBeMade) {
  fs::create_directories(former_flight_path(ring_folder()) + "/full");
  std::ofstream(flight_path(ring_folder())) << "in the way";
  Child slurper = site_.start();
  EXPECT_THAT(slurper.err(),
              AllOf(HasSubstr("cannot keep slurper's own last events in"),
                    HasSubstr("is recorded in its own memory alone, and lost if it is killed")));
  send_a_line(slurper);
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
}

TEST_F(LastCallsTest, FollowTheMessageOfAFault) {
  if (!may_mount()) GTEST_SKIP() << "only root may mount";
  fs::create_directory(site_.disk / "small");
  const SmallDisk disk(site_.disk / "small", 1 << 20);
  Child slurper = site_.start({"log.path=" + disk / "messages", "ring.size=4MiB"});
  const std::string line = std::string(4095, 'x') + "\n";
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 300; ++i) (void)site_.holder.write(line);
    return slurper.said("the last calls before that: ", 1, 0ms);
  })) << slurper.err();
  const std::string said = slurper.err();
  const std::string calls = said.substr(said.find("the last calls before that: "));
  EXPECT_THAT(calls.substr(0, calls.find('\n')),
              ContainsRegex("write[(]'[^']*/messages', [0-9]+[)] = ENOSPC [(]No space left on device[)]"));
}

}  // namespace
}  // namespace slurper::test
