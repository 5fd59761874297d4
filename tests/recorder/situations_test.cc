// Situations in which tracers have misled their users.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "recorder/recording.h"
#include "support/daemon.h"
#include "support/files.h"

namespace slurper::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;

class Situations : public BothEngines {
 protected:
  // slurper trace, with its own lines in lines_.
  [[nodiscard]] Program tracing(std::vector<std::string> options,
                                const std::vector<std::string>& program) const {
    options.insert(options.begin(), {slurper_binary(), "trace", "--engine", engine_});
    return {.argv = arguments(std::move(options), program),
            .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}};
  }
};

INSTANTIATE_TEST_SUITE_P(Each, Situations, both_engines(), name_of_engine);

// A filter that leaves out the calls that opened the descriptors does not leave out their names.
TEST_P(Situations, ACaptureHasTheNamesOfTheLiveLines) {
  const std::string file = folder_ / "file";
  const std::string lines = folder_ / "lines";
  const std::vector<std::string> program = {"sh", "-c", "exec 3>\"$1\"; echo a >&3", "sh", file};
  const std::vector<std::string> shown = {"-p", "*%evt.dir %evt.type %proc.name %fd.name %evt.args",
                                          "evt.type=write and proc.name=sh"};
  std::vector<std::string> options = {"-o", lines};
  std::ranges::copy(shown, std::back_inserter(options));
  Child live(tracing(options, program));
  ASSERT_TRUE(live.exits_with(0)) << live.err();
  Child recording(tracing({"-w", capture_}, program));
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  const auto expected = lines_of(read_file(lines));
  EXPECT_THAT(expected, Contains(StartsWith("> write sh " + file)));
  EXPECT_EQ(slurper(capture_, shown), expected);
}

// Only the writes are recorded, with the names that the calls before them gave to their descriptors.
TEST_P(Situations, ACaptureOfTheCallsThatMatchHasTheirNamesToo) {
  const std::string file = folder_ / "file";
  const std::vector<std::string> program = {
      "sh",
      "-c",
      "exec 3>\"$1\"; echo a >&3; (cd \"$2\"; exec 4>file2; echo bb >&4; exec 5>&4; echo ccc >&5)",
      "sh",
      file,
      folder_.path()};
  const std::string filter = "evt.type=write and evt.dir=< and fd.type=file";
  Child recording(tracing({"-w", capture_, filter}, program));
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  const std::string written =
      "slurper: wrote '" + capture_ + "': .*, matching events: 3 of [0-9]+, lost records: 0\n";
  EXPECT_THAT(recording.err(), testing::ContainsRegex(written));
  const std::vector<std::string> format = {"-p", "%evt.dir %evt.type %proc.name %evt.rawres %fd.name"};
  const std::vector<std::string> expected = {"< write sh 2 " + file, "< write sh 3 " + file + "2",
                                             "< write sh 4 " + file + "2"};
  EXPECT_EQ(slurper(capture_, format), expected);
  EXPECT_EQ(sysdig(capture_, format), expected);
  EXPECT_EQ(slurper(capture_, {"--sysdig"}), sysdig(capture_, {}));
  for (const RecordedEvent& event : events_of(capture_)) EXPECT_NE(event.type, kReadEnter);
}

// What is waited for need not be what is written.
TEST_P(Situations, AnIncidentIsRecordedWithTheCallsThatMatchAlone) {
  const std::vector<std::string> program = {"sh", "-c", "echo a >\"$1\"; cat \"$1\"; cat none", "sh",
                                            folder_ / "file"};
  Child recording(tracing({"-w", capture_, "--until", "evt.res = ENOENT and evt.arg.name contains none",
                           "evt.type = write and evt.dir = <"},
                          program));
  ASSERT_TRUE(recording.exits_with(1)) << recording.err();
  EXPECT_EQ(slurper(capture_, {"-p", "%proc.name %evt.rawres %fd.name", "fd.type = file and proc.name = sh"}),
            std::vector<std::string>{"sh 2 " + (folder_ / "file")});
  EXPECT_EQ(slurper(capture_, {"--sysdig", "evt.type != write"}), std::vector<std::string>{});
}

TEST_P(Situations, ACaptureHasNoArgumentsOfProcessesThatWereNotSelected) {
  const Child other({.argv = {"sh", "-c", "sleep 1000; : topsecret"}, .env = {}});
  ASSERT_EQ(record_program({"fork-twice"}).status, 7);
  EXPECT_THAT(read_file(capture_), Not(HasSubstr("topsecret")));
}

// The argument is relative to a directory that was renamed, or to a descriptor, or in a page that is not in
// memory.
TEST_P(Situations, AFileHasTheNameUnderWhichItWasOpenedAndNotTheArgument) {
  Pipe in;
  Child recording(recorder(arguments({"-w", capture_}, traced({"open-by-names", folder_.path()}))),
                  in.read_end.get());
  ASSERT_TRUE(attached()) << recording.err();
  // The names are looked at while the process has the files open.
  ASSERT_TRUE(eventually([&] {
    return std::ranges::any_of(events_of(capture_), [](const RecordedEvent& event) {
      return event.type == kWriteEnter + 1 && event.params[1] == "unread";
    });
  })) << recording.err();
  in.read_end.reset();
  in.write_end.reset();
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  const std::vector<std::string> names = {"-p", "%evt.arg.data %fd.name", "evt.type=write and evt.dir=<"};
  EXPECT_THAT(slurper(capture_, names),
              IsSupersetOf({"moved " + (folder_ / "after/moved"), "inside " + (folder_ / "directory/inside"),
                            "unread " + (folder_ / "unread")}));
  // sysdig prefers the argument.
  EXPECT_THAT(sysdig(capture_, names), Contains("inside " + (folder_ / "directory/inside")));
}

TEST_P(Situations, BytesThatTheKernelMovesCountForBothDescriptors) {
  ASSERT_EQ(record_program({"move-bytes", folder_.path()}).status, 0);
  std::vector<std::pair<int, int>> bytes;  // read and written, of each descriptor
  for (const std::string& line : slurper(capture_, {"--summary"})) {
    static const std::regex row(
        " *[0-9]+ +[0-9]+ +([0-9]+) +([0-9]+) +[0-9.]+  traced_program \\([0-9]+\\) [0-9]+ .*");
    std::smatch found;
    if (std::regex_match(line, found, row)) bytes.emplace_back(std::stoi(found[1]), std::stoi(found[2]));
  }
  EXPECT_THAT(bytes, Contains(std::pair(60'000, 0))) << "the file that is copied three times";
  EXPECT_THAT(bytes, Contains(std::pair(20'000, 0))) << "the read end of the pipe";
  EXPECT_THAT(bytes, Contains(std::pair(0, 20'000)).Times(4)) << "two files, a socket, the write end";
}

TEST_P(Situations, ItSaysThatWhatGoesThroughIoUringIsNotSeen) {
  const Recorded recorded = record_program({"use-io-uring", folder_.path()});
  if (recorded.status == 77) GTEST_SKIP() << "io_uring is not available";
  ASSERT_EQ(recorded.status, 0);
  for (const char* const mode : {"--calls", "-n1000000", "--json", "--summary"})
    EXPECT_THAT(slurper(capture_, {mode}),
                Contains(HasSubstr("io_uring: what this process reads and writes")).Times(1))
        << mode;
  EXPECT_THAT(slurper(capture_, {}), Not(Contains(HasSubstr("unseen mapping"))));
  EXPECT_THAT(slurper(capture_, {"--sysdig"}), Not(Contains(StartsWith("#"))));
  // It concerns the process, and not its one call.
  EXPECT_THAT(slurper(capture_, {"evt.type = procexit"}), Contains(HasSubstr("unseen io_uring")).Times(1));
  EXPECT_THAT(slurper(capture_, {"proc.name = other"}), IsEmpty());
}

TEST_P(Situations, ItSaysThatWhatGoesThroughSharedMemoryIsNotSeen) {
  ASSERT_EQ(record_program({"share-memory", folder_.path()}).status, 0);
  EXPECT_THAT(slurper(capture_, {}),
              Contains(AllOf(StartsWith("# "), HasSubstr(" unseen mapping=" + (folder_ / "shared") + ": ")))
                  .Times(1));
}

// It has been mapped before the recording begins.
TEST_P(Situations, ItSaysThatMemoryWasSharedBefore) {
  Pipe in;
  Child mapping({.argv = traced({"hold-memory", folder_.path()}), .env = {}}, in.read_end.get());
  ASSERT_TRUE(eventually([&] { return mapping.out() == "ready"; }));
  Child recording(recorder({"-w", capture_, "-p", std::to_string(mapping.pid())}));
  ASSERT_TRUE(attached()) << recording.err();
  in.write_end.reset();
  ASSERT_TRUE(mapping.exits_with(0));
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  EXPECT_THAT(slurper(capture_, {}),
              Contains(AllOf(StartsWith("# "), HasSubstr(" unseen mapping=" + (folder_ / "shared") + ": ")))
                  .Times(1));
}

// Whose argument goes over a link.
TEST_P(Situations, AFileInManyFoldersHasItsName) {
  std::string path = folder_.path();
  for (int i = 0; i < 200; ++i) path += "/d";
  std::filesystem::create_directories(path);
  std::filesystem::create_directory_symlink(".", path + "/link");
  ASSERT_EQ(
      record(arguments({"-w", capture_}, {"sh", "-c", "echo a >\"$1\"", "sh", path + "/link/file"})).status,
      0);
  EXPECT_THAT(slurper(capture_, {"--sysdig", "-p", "%fd.name", "evt.type=write and evt.dir=<"}),
              ElementsAre(path + "/file"));
}

// sh runs as nobody, and a copy of cat that is set-uid root.
TEST_P(Situations, ASetUidProgramHasTheIdentityOfTheMoment) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a set-uid program of root's";
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  const std::string program = folder_ / "setuid-cat";
  std::filesystem::copy_file("/bin/cat", program);
  ASSERT_EQ(::chmod(program.c_str(), 04755), 0);
  ASSERT_EQ(record(arguments({"-w", capture_}, {"setpriv", "--reuid=65534", "--clear-groups", "sh", "-c",
                                                "echo mine; \"$1\" /etc/shadow", "sh", program}))
                .status,
            0);
  const std::string writes = "evt.type=write and evt.dir=<";
  EXPECT_THAT(slurper(capture_, {"--sysdig", "-p", "%proc.name %proc.ruid %user.uid", writes}),
              ElementsAre("sh 65534 65534", "setuid-cat 65534 0"));
  EXPECT_THAT(sysdig(capture_, {"-p", "%proc.name %user.uid", writes}),
              ElementsAre("sh 65534", "setuid-cat 0"));
  const auto logins = slurper(capture_, {"--sysdig", "-p", "%user.loginuid"});
  ASSERT_FALSE(logins.empty());
  EXPECT_THAT(logins, Each(logins.front()));
}

TEST_P(Situations, WhatAKilledRecorderHasWrittenIsShown) {
  Pipe in;
  const Pipe out;
  Child asking({.argv = traced({"ask", "100"}), .env = {}}, in.read_end.get(), out.write_end.get());
  Child recording(recorder({"-w", capture_, "-p", std::to_string(asking.pid())}));
  ASSERT_TRUE(attached()) << recording.err();
  ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
  const auto is_written = [&] {
    return std::ranges::any_of(events_of(capture_),
                               [](const RecordedEvent& event) { return event.type == kWriteEnter + 1; });
  };
  ASSERT_TRUE(eventually(is_written));
  recording.kill();
  Child reading({.argv = {slurper_binary(), "trace", "-r", capture_, "evt.type=write"}, .env = {}});
  const auto status = reading.wait();
  ASSERT_TRUE(status.has_value());
  EXPECT_THAT(reading.out(), AllOf(HasSubstr("> write"), HasSubstr("< write res=4 data=done")));
  // It may have been killed in the middle of a record.
  EXPECT_THAT(WEXITSTATUS(*status), testing::AnyOf(0, 65));
  EXPECT_EQ(WEXITSTATUS(*status) == 65, reading.err().contains("ends in the middle of a record"));
}

// As Ctrl-Z sends it: a program that handles it goes on.
TEST_P(Situations, AHandlerOfAStopSignalRuns) {
  const Recorded recorded = record(
      arguments({"-w", capture_}, {"/bin/sh", "-c", "trap 'echo caught' TSTP; kill -TSTP $$; echo end"}));
  EXPECT_EQ(recorded.status, 0);
  EXPECT_EQ(recorded.out, "caught\nend\n");
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.arg.sig", "evt.type=signaldeliver"}), ElementsAre("SIGTSTP"));
}

}  // namespace
}  // namespace slurper::test
