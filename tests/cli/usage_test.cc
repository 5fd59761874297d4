// The command line of the real program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "base/settings_keys.h"
#include "cli/program.h"
#include "sink/registry.h"

namespace slurper::test {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(Help, FitsInto80Columns) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--help"},
                                                    {"run", "--help"},
                                                    {"check", "--help"},
                                                    {"cursor", "--help"},
                                                    {"inspect", "--help"},
                                                    {"trace", "--help"}}) {
    const Outcome outcome = run_slurper(arguments);
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.err, IsEmpty());
    EXPECT_THAT(outcome.out, HasSubstr("Usage: slurper"));
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(Help, NamesEverySetting) {
  const std::string run = run_slurper({"run", "--help"}).out;
  const std::string check = run_slurper({"check", "--help"}).out;
  for (const Key& key : keys()) {
    EXPECT_THAT(run, HasSubstr("\n  " + key.full_name() + " "));
    EXPECT_THAT(check, HasSubstr("\n  " + key.full_name() + " "));
  }
}

TEST(Help, NamesEveryTypeOfSink) {
  const std::string run = run_slurper({"run", "--help"}).out;
  for (const SinkType& type : built_in_sinks())
    EXPECT_THAT(run, HasSubstr("\n  " + std::string(type.name) + " "));
}

TEST(Version, IsPrinted) {
  const Outcome outcome = run_slurper({"--version"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "slurper " SLURPER_VERSION "\n");
}

struct Misuse {
  std::vector<std::string> arguments;
  const char* why;
  const char* help;
};

class UsageError : public testing::TestWithParam<Misuse> {};

TEST_P(UsageError, IsOneLineAndStatus64) {
  const Outcome outcome = run_slurper(GetParam().arguments);
  EXPECT_EQ(outcome.status, 64);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, AllOf(StartsWith("slurper: cannot "), HasSubstr(GetParam().why),
                                 EndsWith(std::string(GetParam().help) + '\n')));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
}

INSTANTIATE_TEST_SUITE_P(
    All, UsageError,
    testing::Values(Misuse{{}, "it names no command", "See slurper --help"},
                    Misuse{{"rum"}, "it does not know 'rum'", "See slurper --help"},
                    Misuse{{"--fifo", "x"}, "it does not know '--fifo'", "See slurper --help"},
                    Misuse{{"run", "--fofo", "x"}, "it does not know '--fofo'", "See slurper run --help"},
                    Misuse{{"run", "a\n\x1b"}, "it does not know 'a\\x0a\\x1b'", "See slurper run --help"},
                    Misuse{{"trace", "-r", "x", "-t", "y"}, "-t", "See slurper trace --help"},
                    Misuse{{"check", "--fifo"}, "--fifo", "See slurper check --help"},
                    Misuse{{"check", "-c", "a", "-c", "b"}, "--config", "See slurper check --help"},
                    Misuse{{"run", "--fifo", "a", "--log", "b", "--set", "log.sync"},
                           "it has no '='",
                           "such as --set log.sync=1s"}));

}  // namespace
}  // namespace slurper::test
