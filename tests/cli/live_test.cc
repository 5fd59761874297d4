// slurper trace without -r, as far as it gets without BPF. What is recorded is tested in tests/recorder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "cli/program.h"
#include "cli/trace_live_command.h"

namespace slurper::test {
namespace {

TEST(LiveTrace, SaysThatItsRecorderIsMissing) {
  ASSERT_EQ(::setenv("SLURPER_TRACE_PROGRAM", "/nowhere/slurper-trace", 1), 0);
  const Outcome outcome = run_slurper({"trace", "--", "/bin/true"});
  ::unsetenv("SLURPER_TRACE_PROGRAM");
  EXPECT_EQ(outcome.status, 66);
  EXPECT_EQ(outcome.err,
            "slurper: cannot start the recorder '/nowhere/slurper-trace': No such file or directory. Install "
            "slurper "
            "completely, or set SLURPER_TRACE_PROGRAM to the recorder's path\n");
}

TEST(LiveTrace, TakesDigitsAndCommasForProcesses) {
  EXPECT_TRUE(is_list_of_pids("1"));
  EXPECT_TRUE(is_list_of_pids("1,22"));
  EXPECT_FALSE(is_list_of_pids("%evt.num"));
  EXPECT_FALSE(is_list_of_pids("1,"));
  EXPECT_FALSE(is_list_of_pids(""));
  EXPECT_THAT(pids_in("1,22"), testing::ElementsAre(1, 22));
}

}  // namespace
}  // namespace slurper::test
