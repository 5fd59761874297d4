// What the engine bpf alone does, and what concerns no engine. See engines_test.cc for what both do.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "recorder/recording.h"
#include "support/daemon.h"
#include "support/files.h"
#include "support/temp_dir.h"

namespace slurper::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class Bpf : public RecorderSite {
 protected:
  Bpf() : RecorderSite("bpf") {}
};

TEST_F(Bpf, ShowsTheHoldersOfAFifoAndThoseWhoCome) {
  const std::string fifo = make_fifo();
  Child recording(recorder({"-w", capture_, "--fifo", fifo}));
  ASSERT_TRUE(attached());
  Child reader({.argv = {"cat", fifo}, .env = {}});
  Child writer({.argv = traced({"write-lines", fifo, "1"}), .env = {}});
  ASSERT_TRUE(reader.exits_with(0));
  ASSERT_TRUE(writer.exits_with(0));
  recording.signal(SIGTERM);
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  const auto writes =
      sysdig(capture_, {"-p", "%evt.dir %proc.name %evt.arg.data", "evt.type=write and evt.dir=<"});
  EXPECT_THAT(writes, Contains("< traced_program line 0."));
  EXPECT_THAT(
      sysdig(capture_, {"-p", "%proc.name %evt.rawres", "evt.type=read and evt.dir=< and proc.name=cat"}),
      ElementsAre("cat 7", "cat 0"));
  const auto opens =
      sysdig(capture_, {"-p", "%evt.dir %proc.name %evt.arg.name", "evt.type in (open,openat)"});
  EXPECT_THAT(opens, Contains(StartsWith("> traced_program " + fifo)));
}

// The threads of a syslogd begin long before one of them opens the FIFO.
TEST_F(Bpf, KnowsTheThreadThatOpensAFifo) {
  const std::string fifo = make_fifo();
  const UniqueFd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Child recording(recorder({"-w", capture_, "--fifo", fifo}));
  ASSERT_TRUE(attached());
  Child writer({.argv = traced({"write-from-thread", fifo}), .env = {}});
  const std::string pid = std::to_string(writer.pid());
  ASSERT_TRUE(writer.exits_with(0));
  recording.signal(SIGTERM);
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  const std::vector<std::string> format = {"-p", "%proc.pid %proc.name %user.uid %fd.name",
                                           "evt.type=write and evt.dir=< and evt.rawres=5"};
  const std::string known = pid + " traced_program " + std::to_string(::geteuid()) + ' ' + fifo;
  EXPECT_THAT(slurper(capture_, format), ElementsAre(known));
  EXPECT_THAT(sysdig(capture_, format), ElementsAre(known));
}

// What the programs in the kernel leave out, for it is too long, is lost, and the capture says so.
TEST_F(Bpf, WhatIsTooLongToBeFollowedIsALoss) {
  for (const std::string task : {"send-many", "open-deep"}) {
    ASSERT_EQ(record_program({task, folder_.path()}).status, 0) << task;
    EXPECT_THAT(slurper(capture_, {}), Contains(testing::ContainsRegex("# .* drops cpu=[0-9]+ lost=1: ")))
        << task;
  }
  ASSERT_EQ(record_program({"pass-descriptors", folder_ / "file"}).status, 0);
  EXPECT_THAT(slurper(capture_, {}), testing::Not(Contains(HasSubstr("drops"))));
}

TEST_F(Bpf, TellsTheStateOfAPipeWhereAWriteFails) {
  const std::string fifo = make_fifo();
  ASSERT_EQ(record_program({"lose-reader", fifo}).status, 0);
  const auto events = events_of(capture_);
  const auto state_after = [&](std::int64_t result) -> const RecordedEvent* {
    for (std::size_t i = 0; i + 1 < events.size(); ++i)
      if (events[i].type == kWriteEnter + 1 && events[i].number(0) == result &&
          events[i + 1].type == kPipeEvent)
        return &events[i + 1];
    return nullptr;
  };
  const RecordedEvent* const full = state_after(-EAGAIN);
  ASSERT_NE(full, nullptr);
  EXPECT_EQ(full->number(2), full->number(3)) << "slots in use, and slots";
  EXPECT_EQ(full->number(4), 1) << "readers";
  EXPECT_EQ(full->number(5), 1) << "writers";
  const RecordedEvent* const broken = state_after(-EPIPE);
  ASSERT_NE(broken, nullptr);
  EXPECT_EQ(broken->number(4), 0) << "readers";
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.res %evt.arg.data", "evt.rawres=-32"}), ElementsAre("EPIPE x"));
}

// script(1) runs it on a terminal.
TEST_F(Bpf, ShowsOnATerminalHowMuchItHasRecorded) {
  Pipe in;
  const Pipe out;
  Child copying({.argv = {"cat"}, .env = {}}, in.read_end.get(), out.write_end.get());
  const std::string command = std::string(slurper_binary()) + " trace --engine bpf -w " + capture_ + " -p " +
                              std::to_string(copying.pid());
  Child recording(
      {.argv = {"script", "-qec", command, "/dev/null"}, .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  ASSERT_TRUE(attached());
  ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
  ASSERT_TRUE(eventually([&] { return recording.out().contains(" records lost"); })) << recording.out();
  EXPECT_THAT(recording.out(), testing::MatchesRegex("\r.\\[K[0-9]+ s: [0-9]+ events? \\([0-9]+/s\\), "
                                                     "[0-9.]+[KM]iB, 0 records lost(.|\r|\n)*"));
  in.write_end.reset();
  ASSERT_TRUE(copying.exits_with(0));
  ASSERT_TRUE(recording.exits_with(0)) << recording.out();
  EXPECT_THAT(recording.out(), HasSubstr("\r\033[Kslurper: '" + capture_ + "': "));
}

// script(1) runs it on a terminal, whose size is 10 rows of 70 columns.
TEST_F(Bpf, TopDrawsOverTheScreenBefore) {
  Pipe in;
  const Pipe out;
  Child copying({.argv = {"cat"}, .env = {}}, in.read_end.get(), out.write_end.get());
  const std::string command = "stty rows 10 columns 70; TERM=linux exec " + std::string(slurper_binary()) +
                              " trace --top -p " + std::to_string(copying.pid());
  Child top(
      {.argv = {"script", "-qec", command, "/dev/null"}, .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  ASSERT_TRUE(eventually([&] { return top.out().contains("cat ("); })) << top.out();
  ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
  EXPECT_TRUE(eventually([&] { return top.out().contains("\033[J\033[H\033[Kslurper trace --top"); }))
      << top.out();
  in.write_end.reset();
  ASSERT_TRUE(copying.exits_with(0));
  ASSERT_TRUE(top.exits_with(0)) << top.out();
  EXPECT_THAT(top.out(), testing::StartsWith("\033[H\033[2J\033[Kslurper trace --top  "));
  static const std::regex sequence("\033\\[[0-9]*[A-Z]|\r");
  for (const std::string& line : lines_of(top.out()))
    EXPECT_LE(std::regex_replace(line, sequence, "").size(), 70U) << line;
}

// The reader is killed when the shell has closed its own descriptors, and the writer's end makes all certain.
TEST_F(Bpf, TopTellsWhatHasGoneWrong) {
  const std::string script =
      "yes | sh -c 'until grep -q do_wait /proc/$PPID/wchan </dev/null; do :; done; read line; kill -KILL "
      "$$'";
  const Child top({.argv = {slurper_binary(), "trace", "--top", "--", "sh", "-c", script},
                   .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  EXPECT_TRUE(eventually([&] { return top.err().contains(" a refused write, yes ("); })) << top.err();
}

TEST_F(Bpf, CountsWhatItLoses) {
  // More than the ring holds while the recorder is stopped.
  constexpr int kCalls = 200'000;
  Pipe in;
  const Pipe out;
  Child asking({.argv = traced({"ask", std::to_string(kCalls)}), .env = {}}, in.read_end.get(),
               out.write_end.get());
  Child recording(recorder({"-w", capture_, "-p", std::to_string(asking.pid())}));
  ASSERT_TRUE(attached());
  recording.signal(SIGSTOP);
  std::string done(4, ' ');
  ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
  ASSERT_EQ(::read(out.read_end.get(), done.data(), done.size()), 4);
  recording.signal(SIGCONT);
  // What it does next has room again.
  ASSERT_TRUE(eventually(
      [&] { return std::ranges::count(events_of(capture_), kDropsEvent, &RecordedEvent::type) > 0; }));
  ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
  ASSERT_TRUE(asking.exits_with(0));
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  std::int64_t shown = 0;
  std::int64_t lost = 0;
  for (const RecordedEvent& event : events_of(capture_)) {
    if (event.type == 0 && event.number(1) == 110) ++shown;
    if (event.type == kDropsEvent) lost += event.number(1);
  }
  EXPECT_GT(lost, 0);
  EXPECT_LT(shown, kCalls);
  // Besides getppid(2), the end of a write, or of a read, may be among what was lost.
  EXPECT_GE(shown + lost, kCalls);
  EXPECT_LE(shown + lost, kCalls + 10);
}

// The record of its end is among what was lost.
TEST_F(Bpf, EndsWithItsProcessesEvenIfTheirEndsAreLost) {
  for (const bool with_peers : {false, true}) {
    Pipe in;
    const Pipe out;
    Child asking({.argv = traced({"ask", "200000"}), .env = {}}, in.read_end.get(), out.write_end.get());
    std::vector<std::string> arguments = {"-w", capture_, "-p", std::to_string(asking.pid())};
    if (with_peers) arguments.emplace_back("--peers");
    std::filesystem::remove(capture_);
    Child recording(recorder(arguments));
    ASSERT_TRUE(attached());
    recording.signal(SIGSTOP);
    ASSERT_EQ(::write(in.write_end.get(), "xx", 2), 2);
    ASSERT_TRUE(asking.exits_with(0));
    recording.signal(SIGCONT);
    EXPECT_TRUE(recording.exits_with(0)) << recording.err();
    const auto events = events_of(capture_);
    EXPECT_GT(std::ranges::count(events, kDropsEvent, &RecordedEvent::type), 0);
    EXPECT_EQ(std::ranges::count(events, kProcessExit, &RecordedEvent::type), 0);
  }
}

// What was lost had closed one file, and opened another under its number.
TEST_F(Bpf, KnowsNamesAgainAfterALoss) {
  constexpr int kCalls = 100'000;  // more than the ring holds while the recorder is stopped
  const std::string file = folder_ / "file";
  Pipe in;
  const Pipe out;
  Child reopening({.argv = traced({"reopen", file, std::to_string(kCalls)}), .env = {}}, in.read_end.get(),
                  out.write_end.get());
  Child recording(recorder({"-w", capture_, "-p", std::to_string(reopening.pid())}));
  ASSERT_TRUE(attached());
  recording.signal(SIGSTOP);
  std::string done(4, ' ');
  ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
  ASSERT_EQ(::read(out.read_end.get(), done.data(), done.size()), 4);
  recording.signal(SIGCONT);
  ASSERT_TRUE(eventually(
      [&] { return std::ranges::count(events_of(capture_), kTablesEvent, &RecordedEvent::type) > 0; }));
  ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
  ASSERT_TRUE(reopening.exits_with(0));
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  EXPECT_THAT(
      sysdig(capture_, {"-p", "%fd.name %evt.arg.data", "evt.type=write and evt.buffer contains known"}),
      ElementsAre(file + ".b known"));
  std::vector<std::string> own;
  const auto lines = slurper_lines({"-p", "%fd.name", "evt.type=write and evt.buffer contains known"});
  for (const std::string& line : lines)
    if (line.starts_with("# ")) own.push_back(line.substr(line.find(' ', line.find(' ', 2) + 1) + 1));
  EXPECT_THAT(lines, Contains(file + ".b"));
  ASSERT_GE(own.size(), 2U);
  EXPECT_THAT(own.front(), testing::MatchesRegex(
                               "drops cpu=.* lost=.*: names may be wrong until the tables are read anew"));
  EXPECT_THAT(own, Contains("tables read anew: from here on, names are right"));
}

TEST_F(Bpf, TellsWhatWasThrownAwayUnread) {
  ASSERT_EQ(record_program({"leave-unread"}).status, 0);
  std::vector<std::string> unread;
  for (const std::string& line : slurper_lines({}))
    if (line.starts_with("# ") && line.contains(" unread "))
      unread.push_back(line.substr(line.find("traced")));
  const auto says = [](const std::string& bytes) {
    return testing::MatchesRegex("traced_program \\([0-9]+\\) unread " + bytes +
                                 " bytes thrown away: fd=[0-9]+\\(<u>[^)]*\\) was closed");
  };
  EXPECT_THAT(unread, ElementsAre(says("8"), says("5")));
}

TEST_F(Bpf, TellsWhoWokeASleeper) {
  ASSERT_EQ(record_program({"converse-by-pipes", "100"}).status, 0);
  const auto lines =
      slurper_lines({"--sysdig", "-p", "%proc.pid %waker.pid %waker.name", "evt.type=read and evt.rawres=1"});
  ASSERT_THAT(lines, testing::Not(testing::IsEmpty()));
  std::set<std::string> pairs(lines.begin(), lines.end());
  EXPECT_LE(pairs.size(), 2U) << testing::PrintToString(pairs) << ", each by the other";
  for (const std::string& line : pairs) {
    const std::string sleeper = line.substr(0, line.find(' '));
    EXPECT_THAT(line, testing::MatchesRegex("[0-9]+ [0-9]+ traced_program"));
    EXPECT_FALSE(line.starts_with(sleeper + ' ' + sleeper + ' ')) << line;
  }
  // A timer's interrupt is nobody.
  EXPECT_THAT(slurper_lines({"--sysdig", "-p", "%evt.type %waker.name", "evt.type contains nanosleep"}),
              testing::IsEmpty());
}

// The file holds what was recorded before the incident, too, though it was opened only then.
TEST_F(Bpf, WaitsForAnIncident) {
  const std::string fifo = make_fifo();
  Program program{.argv = {slurper_binary(), "trace", "--until", "evt.res = EPIPE", "--after", "0s", "-w",
                           capture_, "--"},
                  .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}};
  std::ranges::copy(traced({"lose-reader", fifo}), std::back_inserter(program.argv));
  Child tracing(program);
  EXPECT_TRUE(tracing.exits_with(0)) << tracing.err();
  EXPECT_THAT(tracing.err(), HasSubstr("an event has matched: wrote '" + capture_ + "'"));
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.res %evt.arg.data", "evt.rawres=-32"}), ElementsAre("EPIPE x"));
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.arg.name", "evt.type in (open,openat) and evt.dir=>"}),
              Contains(fifo).Times(2));
}

// … -w - | slurper trace -r -
TEST_F(Bpf, SlurperWritesToStandardOutput) {
  const Child sleeping({.argv = {"sleep", "1000"}, .env = {}});
  Child tracing(
      {.argv = {slurper_binary(), "trace", "-p", std::to_string(sleeping.pid()), "--for", "1ms", "-w", "-"},
       .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  EXPECT_TRUE(tracing.exits_with(0)) << tracing.err();
  write_file(capture_, tracing.out());
  EXPECT_THAT(sysdig(capture_, {"-p", "%proc.name %evt.type"}), ElementsAre(HasSubstr("sleep ")));
  EXPECT_FALSE(std::filesystem::exists("-"));
}

TEST_F(Bpf, CompressesAsItIsTold) {
  const std::string packed = folder_ / "packed";
  EXPECT_EQ(record(arguments({"-z", "-w", packed}, traced({"fork-twice"}))).status, 7);
  EXPECT_EQ(read_file(packed).substr(0, 2), "\x1f\x8b");
  EXPECT_THAT(sysdig(packed, {"-p", "%evt.arg.data", "evt.type=write and evt.dir=<"}),
              ElementsAre("child 1", "child 2"));
  EXPECT_THAT(record({"-z", "--for", "1ms"}).err, HasSubstr("-z is for a file: -w FILE -z"));
}

// What an option leaves out, the kernel does not even verify.
TEST_F(Bpf, LoadsItsProgramsWithEachOption) {
  const std::string fifo = make_fifo();
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"--fifo", fifo},
                                             {"--fifo", fifo, "--all-calls"},
                                             {"--fifo", fifo, "--env", "--snaplen", "0"},
                                             {"-p", std::to_string(::getpid()), "--env", "--snaplen", "4095"},
                                             {}}) {
    std::vector<std::string> all = {"-w", capture_, "--for", "1ms"};
    all.insert(all.end(), options.begin(), options.end());
    const Recorded recorded = record(all);
    EXPECT_EQ(recorded.status, 0) << recorded.err;
  }
}

TEST_F(Bpf, WritesAFileForItsOwnerAlone) {
  write_file(capture_, "something that was there before, and longer than a header");
  ASSERT_EQ(::chmod(capture_.c_str(), 0644), 0);
  ASSERT_EQ(record_program({"fork-twice"}).status, 7);
  struct stat file{};
  ASSERT_EQ(::stat(capture_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0600U);
  EXPECT_EQ(read_file(capture_).substr(0, 4), "\x0a\x0d\x0d\x0a");
}

TEST_F(Bpf, WritesNoFileThatAnotherRecorderWrites) {
  const Child sleeping({.argv = {"sleep", "1000"}, .env = {}});
  Child first(recorder({"-w", capture_, "-p", std::to_string(sleeping.pid())}));
  ASSERT_TRUE(attached());
  const Recorded second = record_program({"fork-twice"});
  EXPECT_EQ(second.status, 73);
  EXPECT_THAT(second.err, HasSubstr("another recorder writes it. Name another"));
  first.signal(SIGTERM);
  EXPECT_TRUE(first.exits_with(0)) << first.err();
}

// As nohup(1) starts it.
TEST_F(Bpf, LeavesAnIgnoredHangUpIgnored) {
  const Child sleeping({.argv = {"sleep", "1000"}, .env = {}});
  Program program = recorder({"-w", capture_, "-p", std::to_string(sleeping.pid())});
  const std::vector<std::string> without_hang_up = {"sh", "-c", "trap '' HUP; exec \"$@\"", "sh"};
  program.argv.insert(program.argv.begin(), without_hang_up.begin(), without_hang_up.end());
  Child recording(program);
  ASSERT_TRUE(attached());
  const auto has_hang_up = [&](const std::string& mask) {
    const std::string status = read_file("/proc/" + std::to_string(recording.pid()) + "/status");
    const std::size_t at = status.find(mask + ":\t");
    EXPECT_NE(at, std::string::npos);
    return (std::stoull(status.substr(at + mask.size() + 2), nullptr, 16) & 1) != 0;
  };
  recording.signal(SIGHUP);
  EXPECT_TRUE(has_hang_up("SigIgn"));
  EXPECT_FALSE(has_hang_up("SigBlk")) << "a signalfd would receive it";
  recording.signal(SIGTERM);
  EXPECT_TRUE(recording.exits_with(0)) << recording.err();
}

TEST_F(Bpf, FollowsNoLink) {
  const std::string victim = folder_ / "victim";
  write_file(victim, "mine");
  ASSERT_EQ(::symlink(victim.c_str(), capture_.c_str()), 0);
  const Recorded recorded = record_program({"fork-twice"});
  EXPECT_EQ(recorded.status, 73);
  EXPECT_THAT(recorded.err, HasSubstr("symbolic link"));
  EXPECT_EQ(recorded.out, "") << "the command does not run";
  EXPECT_EQ(read_file(victim), "mine");
}

TEST_F(Bpf, SaysWhatIsMissingWithoutPrivilege) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give up its rights";
  Program program = recorder({"-w", folder_ / "refused", "--", "/bin/true"});
  const std::vector<std::string> as_nobody = {"setpriv", "--reuid=65534", "--clear-groups"};
  program.argv.insert(program.argv.begin(), as_nobody.begin(), as_nobody.end());
  Child child(program);
  EXPECT_TRUE(child.exits_with(77));
  EXPECT_THAT(child.err(), HasSubstr("CAP_BPF and CAP_PERFMON"));
  EXPECT_THAT(child.err(), HasSubstr("slurper trace -r FILE"));
}

TEST_F(Bpf, SaysWhyItDoesNotRecordInAContainer) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a PID namespace";
  Program program = recorder({"-w", folder_ / "refused", "--", "/bin/true"});
  const std::vector<std::string> inside = {"unshare", "--pid", "--fork", "--mount-proc"};
  program.argv.insert(program.argv.begin(), inside.begin(), inside.end());
  Child child(program);
  EXPECT_TRUE(child.exits_with(69));
  EXPECT_THAT(child.err(), HasSubstr("cannot trace in a container"));
  EXPECT_THAT(child.err(), HasSubstr("Run slurper trace on the machine itself"));
}

TEST(Options, RefusesWhatContradictsItself) {
  for (const auto& [arguments, text] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--fifo", "f", "-p", "1"}, "exclude each other"},
           {{"-p", "1,x"}, "-p takes process ids, not 'x'"},
           {{"--snaplen", "5000"}, "--snaplen takes 0 to 4095 bytes"},
           {{"--for", "soon"}, "--for takes a time"},
           {{"--size", "large"}, "--size takes a size"},
           {{"-u", "root"}, "-u is for a command"},
           {{"--all-calls"}, "--all-calls is for --fifo"},
           {{"--engine", "gdb"}, "--engine takes bpf or ptrace, not 'gdb'"},
           {{"--what"}, "wrong option"}}) {
    const Recorded recorded = record(arguments);
    EXPECT_EQ(recorded.status, 64);
    EXPECT_THAT(recorded.err, HasSubstr(text));
  }
}

TEST(Options, NamesTheFifoThatIsNone) {
  const TempDir folder;
  Recorded recorded = record({"-w", folder / "capture", "--fifo", folder / "none"});
  EXPECT_EQ(recorded.status, 66);
  EXPECT_THAT(recorded.err, HasSubstr("cannot find the FIFO '" + (folder / "none") + "'"));
  recorded = record({"-w", folder / "capture", "--fifo", folder.path()});
  EXPECT_EQ(recorded.status, 66);
  EXPECT_THAT(recorded.err, HasSubstr("is no FIFO"));
}

}  // namespace
}  // namespace slurper::test
