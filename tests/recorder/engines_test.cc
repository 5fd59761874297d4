// What both engines do: recordings of programs whose calls are known, read by sysdig and byte by byte.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "recorder/recording.h"
#include "support/daemon.h"
#include "support/files.h"

namespace slurper::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

INSTANTIATE_TEST_SUITE_P(Each, BothEngines, both_engines(), name_of_engine);

TEST_P(BothEngines, ShowsTheCallsAndBytesOfAWriter) {
  const std::string fifo = make_fifo();
  const Child reader({.argv = {"cat", fifo}, .env = {}});
  ASSERT_EQ(record_program({"write-lines", fifo, "100"}).status, 0);
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) {
    const std::string line = "line " + std::to_string(i) + '.';
    expected.push_back(std::to_string(line.size()) + ' ' + line);
  }
  EXPECT_EQ(sysdig(capture_,
                   {"-p", "%evt.rawres %evt.arg.data", "evt.type=write and evt.dir=< and fd.name=" + fifo}),
            expected);
}

TEST_P(BothEngines, ShowsTheCallThatAProcessIsIn) {
  const std::string fifo = make_fifo();
  const UniqueFd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Child writer({.argv = traced({"block", fifo}), .env = {}});
  const std::string call = "/proc/" + std::to_string(writer.pid()) + "/syscall";
  // In write(2), number 1, asleep: a process that runs shows no number.
  ASSERT_TRUE(eventually([&] { return content_of(call).starts_with("1 "); }));
  ASSERT_EQ(record({"-w", capture_, "-p", std::to_string(writer.pid()), "--for", "1ms"}).status, 0);
  const auto events = events_of(capture_);
  ASSERT_GE(events.size(), 2U);
  EXPECT_EQ(events[0].type, kBlockedEvent);
  EXPECT_EQ(events[1].type, kWriteEnter);
  EXPECT_EQ(events[1].tid, static_cast<std::uint64_t>(writer.pid()));
  EXPECT_EQ(events[1].number(1), 4096);
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.dir %evt.type %fd.name"}), ElementsAre("> write " + fifo));
}

// It holds no descriptor yet by which it could be found: the reader has never been started.
TEST_P(BothEngines, ShowsWhoSleepsInTheOpenOfTheFifo) {
  const std::string fifo = make_fifo();
  Child writer({.argv = traced({"write-lines", fifo, "1"}), .env = {}});
  const std::string call = "/proc/" + std::to_string(writer.pid()) + "/syscall";
  // In openat(2), number 257, asleep.
  ASSERT_TRUE(eventually([&] { return content_of(call).starts_with("257 "); }));
  Child recording(recorder({"-w", capture_, "--fifo", fifo}));
  ASSERT_TRUE(attached()) << recording.err();
  Child reader({.argv = {"cat", fifo}, .env = {}});
  ASSERT_TRUE(reader.exits_with(0));
  ASSERT_TRUE(writer.exits_with(0));
  recording.signal(SIGTERM);
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  const auto events = events_of(capture_);
  const auto first = std::ranges::find(events, static_cast<std::uint64_t>(writer.pid()), &RecordedEvent::tid);
  ASSERT_NE(first, events.end());
  EXPECT_EQ(first->type, kBlockedEvent);
  const auto opens =
      sysdig(capture_, {"-p", "%evt.dir %proc.name %evt.arg.name", "evt.type in (open,openat)"});
  EXPECT_THAT(opens, Contains("> traced_program " + fifo));
}

// The FIFO is selected, and opened, by the name of a link.
TEST_P(BothEngines, WhoSleepsInTheOpenOfTheFifoHasItsName) {
  const std::string fifo = std::filesystem::canonical(make_fifo());
  const std::string link = folder_ / "link";
  std::filesystem::create_symlink(fifo, link);
  Child writer({.argv = traced({"write-lines", link, "1"}), .env = {}});
  const std::string call = "/proc/" + std::to_string(writer.pid()) + "/syscall";
  ASSERT_TRUE(eventually([&] { return content_of(call).starts_with("257 "); }));
  ASSERT_EQ(record({"-w", capture_, "--fifo", link, "--for", "1ms"}).status, 0);
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.dir %proc.name %evt.arg.name", "evt.type=openat"}),
              ElementsAre("> traced_program " + fifo));
}

// slurper trace without -w: the lines that -r shows of a capture, as the calls are made.
TEST_P(BothEngines, SlurperShowsACommandAtOnceAndPassesItsStatusOn) {
  const std::string lines = folder_ / "lines";
  Program program{.argv = {slurper_binary(), "trace", "--engine", engine_, "--sysdig", "-o", lines, "-p",
                           "%evt.rawres %evt.arg.data", "evt.type=write and evt.dir=<", "--"},
                  .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}};
  std::ranges::copy(traced({"fork-twice"}), std::back_inserter(program.argv));
  Child child(program);
  EXPECT_TRUE(child.exits_with(7)) << child.err();
  EXPECT_EQ(child.out(), "child 1child 2") << "its output is its own";
  EXPECT_EQ(read_file(lines), "7 child 1\n7 child 2\n");
}

TEST_P(BothEngines, SlurperShowsWhoIsBlockedOnAFifoAtOnce) {
  const std::string fifo = make_fifo();
  const UniqueFd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Child writer({.argv = traced({"block", fifo}), .env = {}});
  const std::string call = "/proc/" + std::to_string(writer.pid()) + "/syscall";
  ASSERT_TRUE(eventually([&] { return content_of(call).starts_with("1 "); }));
  const std::string lines = folder_ / "lines";
  Child tracing({.argv = {slurper_binary(), "trace", "--engine", engine_, "--fifo", fifo, "-o", lines},
                 .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  const std::string blocked = " traced_program (" + std::to_string(writer.pid()) + ") blocked call=write\n";
  EXPECT_TRUE(eventually([&] { return content_of(lines).contains(blocked); })) << tracing.err();
  EXPECT_THAT(content_of(lines), HasSubstr("(<p>" + fifo + ") size=4096 \n"));
  tracing.signal(SIGTERM);
  EXPECT_TRUE(tracing.exits_with(0)) << tracing.err();
}

// Into a pipe, one screen after another.
TEST_P(BothEngines, TopShowsWhoIsBlockedAndForHowLong) {
  const std::string fifo = make_fifo();
  const UniqueFd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Child writer({.argv = traced({"block", fifo}), .env = {}});
  const std::string call = "/proc/" + std::to_string(writer.pid()) + "/syscall";
  ASSERT_TRUE(eventually([&] { return content_of(call).starts_with("1 "); }));
  Child top({.argv = {slurper_binary(), "trace", "--top", "--engine", engine_, "--fifo", fifo},
             .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  const std::string process = "traced_program (" + std::to_string(writer.pid()) + ")";
  EXPECT_TRUE(eventually([&] { return top.out().contains("s write "); })) << top.out() << top.err();
  EXPECT_THAT(top.out(), HasSubstr("slurper trace --top  "));
  EXPECT_THAT(top.out(), HasSubstr("\n" + process.substr(0, 22)));
  EXPECT_TRUE(eventually([&] { return top.out().contains("\n\nslurper trace --top  "); }))
      << "the next screen";
  top.signal(SIGTERM);
  EXPECT_TRUE(top.exits_with(0)) << top.err();
}

// One pair is made, and then another.
TEST_P(BothEngines, TheDescriptorsOfASocketPairHaveTheNameOfTheirConnection) {
  ASSERT_EQ(record_program({"leave-unread"}).status, 0);
  const std::vector<std::string> format = {"-p", "%evt.type %evt.rawres %fd.name",
                                           "evt.type in (read,write) and fd.type=unix and evt.dir=<"};
  const auto lines = sysdig(capture_, format);
  ASSERT_EQ(lines.size(), 4U);
  const auto name_in = [&](std::size_t line) {
    const std::string& text = lines[line];
    return text.substr(text.find(' ', text.find(' ') + 1) + 1);
  };
  EXPECT_THAT(name_in(0), testing::MatchesRegex("[0-9]+->[0-9]+ "));
  EXPECT_THAT(lines, ElementsAre("write 5 " + name_in(0), "write 4 " + name_in(0), "read 1 " + name_in(0),
                                 "write 5 " + name_in(3)));
  EXPECT_THAT(name_in(3), testing::MatchesRegex("[0-9]+->[0-9]+ "));
  EXPECT_NE(name_in(0), name_in(3));
  EXPECT_EQ(slurper(capture_, format), lines);
}

TEST_P(BothEngines, GivesBothEndsOfAConnectionTheSameTupleAndNoTwoConnections) {
  constexpr int kConnections = 1000;
  ASSERT_EQ(record_program({"converse", folder_ / "socket", std::to_string(kConnections)}).status, 0);
  const auto lines = sysdig(
      capture_, {"-p", "%fd.name %proc.pid", "fd.type=unix and evt.type in (read,write) and evt.dir=>"});
  const std::set<std::string> ends(lines.begin(), lines.end());
  std::set<std::string> connections;
  for (const std::string& line : ends) {
    EXPECT_THAT(line, HasSubstr(" " + (folder_ / "socket")));
    const std::string tuple = line.substr(0, line.find(' '));
    // Inodes and serial numbers: no hexadecimal digits, so no addresses.
    EXPECT_EQ(tuple.find_first_not_of("0123456789->"), std::string::npos) << tuple;
    connections.insert(tuple);
  }
  EXPECT_THAT(connections, SizeIs(kConnections));
  EXPECT_THAT(ends, SizeIs(2 * kConnections));
}

TEST_P(BothEngines, FollowsChildrenAndPassesTheStatusOn) {
  const Recorded recorded = record_program({"fork-twice"});
  EXPECT_EQ(recorded.status, 7);
  EXPECT_EQ(recorded.out, "child 1child 2");
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.arg.data", "evt.type=write and evt.dir=<"}),
              ElementsAre("child 1", "child 2"));
  std::vector<std::int64_t> statuses;
  for (const RecordedEvent& event : events_of(capture_))
    if (event.type == kProcessExit) statuses.push_back(event.number(1));
  EXPECT_THAT(statuses, ElementsAre(1, 2, 7));
}

TEST_P(BothEngines, GivesTheCommandNoDescriptorOfItsOwn) {
  Child alone({.argv = traced({"list-descriptors"}), .env = {}});
  ASSERT_TRUE(alone.exits_with(0));
  const Recorded recorded = record_program({"list-descriptors"});
  EXPECT_EQ(recorded.out, alone.out());
}

TEST_P(BothEngines, ShowsAChangedIdentity) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  ASSERT_EQ(record_program({"become-nobody"}).status, 0);
  EXPECT_THAT(sysdig(capture_, {"-p", "%user.uid %evt.arg.data", "evt.type=write and evt.dir=<"}),
              ElementsAre("0 before", "65534 after"));
}

TEST_P(BothEngines, KeepsTheOrderOfTime) {
  ASSERT_EQ(record_program({"converse", folder_ / "socket", "50"}).status, 0);
  const auto events = events_of(capture_);
  EXPECT_TRUE(std::ranges::is_sorted(events, {}, &RecordedEvent::time));
  EXPECT_GT(events.size(), 500U);
}

TEST_P(BothEngines, ShowsTheResultOfACallThatHasNoEvent) {
  Child asking({.argv = traced({"ask", "3"}), .env = {}});
  // Of its own standard input, which is /dev/null, it reads nothing: it fails, and is recorded from its
  // start.
  (void)asking.wait();
  const Recorded recorded = record(arguments({"-w", capture_}, {"/bin/sh", "-c", "echo $PPID >/dev/null"}));
  ASSERT_EQ(recorded.status, 0);
  const auto events = events_of(capture_);
  const auto result = std::ranges::find(events, kResultEvent, &RecordedEvent::type);
  ASSERT_NE(result, events.end());
  EXPECT_EQ((result - 1)->type, 1) << "a generic exit";
  EXPECT_EQ((result - 1)->tid, result->tid);
}

TEST_P(BothEngines, EndsAtSigtermAndShowsTheUnfinishedCall) {
  const std::string fifo = make_fifo();
  const UniqueFd writer(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
  Child recording(recorder(arguments({"-w", capture_}, {"cat", fifo})));
  const auto reads = [&] {
    for (const RecordedEvent& event : events_of(capture_))
      if (event.type == kReadEnter && event.number(1) > 4096) return true;
    return false;
  };
  ASSERT_TRUE(attached());
  ASSERT_TRUE(eventually(reads));
  recording.signal(SIGTERM);
  ASSERT_TRUE(recording.wait().has_value());
  const auto lines =
      sysdig(capture_, {"-p", "%evt.dir %evt.type %fd.name", "proc.name=cat and not evt.type=signaldeliver"});
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.back(), "> read " + fifo);
  // The command goes on without it, to the end of its input.
}

TEST_P(BothEngines, LeavesTheTracedProcessAloneWhenItIsKilled) {
  Pipe in;
  const Pipe out;
  Child copying({.argv = traced({"copy"}), .env = {}}, in.read_end.get(), out.write_end.get());
  Child recording(recorder({"-w", capture_, "-p", std::to_string(copying.pid())}));
  ASSERT_TRUE(attached());
  recording.kill();
  for (const char sent : {'a', 'b', 'c'}) {
    char received = 0;
    ASSERT_EQ(::write(in.write_end.get(), &sent, 1), 1);
    ASSERT_EQ(::read(out.read_end.get(), &received, 1), 1);
    EXPECT_EQ(received, sent);
  }
  in.write_end.reset();
  EXPECT_TRUE(copying.exits_with(0));
}

// docs/trace.md lists them.
TEST_P(BothEngines, ItsExitStatusSaysWhatIsWrong) {
  const std::string plain = folder_ / "plain";
  write_file(plain, "no program");
  EXPECT_EQ(record({"-w", capture_, "--", "no-such-program-anywhere"}).status, 127);
  EXPECT_EQ(record({"-w", capture_, "--", plain}).status, 126);
  EXPECT_EQ(record({"-w", capture_, "-u", "no-such-user", "--", "true"}).status, 67);
  EXPECT_EQ(record({"-w", folder_.path(), "--", "true"}).status, 73);
  EXPECT_EQ(record({"-w", capture_, "-p", "999999999"}).status, 66);
  const pid_t zombie = ::fork();
  if (zombie == 0) ::_exit(0);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(zombie), &ended, WEXITED | WNOWAIT), 0);
  const Recorded of_zombie = record({"-w", capture_, "-p", std::to_string(zombie)});
  ::waitpid(zombie, nullptr, 0);
  EXPECT_EQ(of_zombie.status, 66);
  EXPECT_THAT(of_zombie.err,
              HasSubstr("has ended: its parent " + std::to_string(::getpid()) + " has not waited"));
  EXPECT_EQ(record({"-w", capture_, "--", "sh", "-c", "kill -9 $$"}).status, 128 + SIGKILL);
}

// strace is the other witness.
TEST_P(BothEngines, ShowsTheCallsThatStraceShows) {
  const std::string fifo = make_fifo();
  const UniqueFd holder(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
  const std::vector<std::string> program = traced({"write-lines", fifo, "100"});
  const std::string seen_by_strace = folder_ / "strace";
  Program strace{.argv = {"strace", "-o", seen_by_strace, "-e", "trace=read,write,openat,close,brk,munmap"},
                 .env = {}};
  std::ranges::copy(program, std::back_inserter(strace.argv));
  Child witness(strace);
  ASSERT_TRUE(witness.exits_with(0)) << witness.err();
  std::vector<std::string> expected;
  std::istringstream lines(read_file(seen_by_strace));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t end = line.find('(');
    const std::size_t result = line.rfind(" = ");
    if (end == std::string::npos || result == std::string::npos) continue;
    std::string call = line.substr(0, end);
    if (call == "read" || call == "write") call += ' ' + line.substr(result + 3);
    expected.push_back(call);
  }
  ASSERT_EQ(record(arguments({"-w", capture_}, program)).status, 0);
  std::vector<std::string> calls;
  for (const std::string& line :
       sysdig(capture_, {"-p", "%evt.type %evt.rawres",
                         "evt.dir=< and evt.type in (read,write,openat,close,brk,munmap)"})) {
    const std::string call = line.substr(0, line.find(' '));
    calls.push_back(call == "read" || call == "write" ? line : call);
  }
  EXPECT_THAT(calls, SizeIs(testing::Gt(100U)));
  EXPECT_EQ(calls, expected);
}

// The kernel ends all other threads, gives their caller the id of the first, and closes descriptors.
TEST_P(BothEngines, FollowsAThreadThatExecutesAProgram) {
  const Recorded recorded = record_program({"exec-from-thread"});
  EXPECT_EQ(recorded.status, 7);
  EXPECT_EQ(recorded.out, "closed");
  EXPECT_THAT(
      sysdig(capture_, {"-p", "%proc.name %evt.rawres %evt.arg.data", "evt.type=write and evt.dir=<"}),
      ElementsAre("traced_program -9 x", "traced_program 6 closed"));
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.rawres", "evt.type=write and evt.dir=< and fd.name=/dev/null"}),
              IsEmpty());
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.arg.ret", "evt.type=procexit"}), Contains("7"));
}

TEST_P(BothEngines, FollowsWhatIsSpawned) {
  EXPECT_EQ(record_program({"spawn"}).status, 5);
  EXPECT_THAT(sysdig(capture_, {"-p", "%proc.name", "evt.type=procexit"}),
              ElementsAre("true", "traced_program"));
}

TEST_P(BothEngines, LeavesSignalsAsTheyAre) {
  const Recorded recorded = record(arguments(
      {"-w", capture_}, {"/bin/sh", "-c", "trap 'echo caught' USR1; kill -USR1 $$; kill -TERM $$"}));
  EXPECT_EQ(recorded.status, 128 + SIGTERM);
  EXPECT_EQ(recorded.out, "caught\n");
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.arg.sig", "evt.type=signaldeliver"}),
              ElementsAre("SIGUSR1", "SIGTERM"));
  // The return from the handler overwrites the register with the call's number.
  std::multiset<std::int64_t> begun;
  std::multiset<std::int64_t> ended;
  for (const RecordedEvent& event : events_of(capture_)) {
    if (event.type == 0) begun.insert(event.number(0));
    if (event.type == 1) ended.insert(event.number(0));
  }
  EXPECT_EQ(begun, ended);
}

// With int $0x80, as old programs make them.
TEST_P(BothEngines, ShowsCallsOf32BitProgramsByTheirNumber) {
  const Recorded recorded = record_program({"compat"});
  if (recorded.status == 128 + SIGSEGV) GTEST_SKIP() << "the kernel has no 32-bit calls";
  ASSERT_EQ(recorded.status, 4);
  std::vector<std::int64_t> numbers;
  for (const RecordedEvent& event : events_of(capture_))
    if (event.type == kCompatEvent) numbers.push_back(event.number(0));
  EXPECT_THAT(numbers, ElementsAre(20)) << "getpid";
}

TEST_P(BothEngines, AStoppedProcessStaysStoppedUntilItIsContinued) {
  Pipe in;
  const Pipe out;
  Child copying({.argv = traced({"copy"}), .env = {}}, in.read_end.get(), out.write_end.get());
  Child recording(recorder({"-w", capture_, "-p", std::to_string(copying.pid())}));
  ASSERT_TRUE(attached());
  const auto changes_to = [&](int state) {
    siginfo_t info{};
    return eventually([&] {
      const int found = ::waitid(P_PID, static_cast<id_t>(copying.pid()), &info, state | WNOHANG);
      return found == 0 && info.si_pid == copying.pid();
    });
  };
  copying.signal(SIGSTOP);
  ASSERT_TRUE(changes_to(WSTOPPED));
  ASSERT_EQ(::write(in.write_end.get(), "a", 1), 1);
  int unread = 1;
  ASSERT_EQ(::ioctl(out.read_end.get(), FIONREAD, &unread), 0);
  EXPECT_EQ(unread, 0);
  copying.signal(SIGCONT);
  ASSERT_TRUE(changes_to(WCONTINUED));
  char received = 0;
  ASSERT_EQ(::read(out.read_end.get(), &received, 1), 1);
  EXPECT_EQ(received, 'a');
  in.write_end.reset();
  EXPECT_TRUE(copying.exits_with(0));
  EXPECT_TRUE(recording.exits_with(0)) << recording.err();
}

TEST_P(BothEngines, LeavesAStoppedProcessStopped) {
  const Child sleeping({.argv = {"sleep", "1000"}, .env = {}});
  const std::string status = "/proc/" + std::to_string(sleeping.pid()) + "/status";
  const auto is_stopped = [&] { return content_of(status).contains("State:\tT (stopped)"); };
  sleeping.signal(SIGSTOP);
  ASSERT_TRUE(eventually(is_stopped));
  for (const int end : {SIGTERM, SIGKILL}) {
    std::filesystem::remove(capture_);
    Child recording(recorder({"-w", capture_, "-p", std::to_string(sleeping.pid())}));
    ASSERT_TRUE(attached());
    recording.signal(end);
    ASSERT_TRUE(recording.wait().has_value());
    EXPECT_TRUE(eventually(is_stopped)) << content_of(status);
    EXPECT_THAT(content_of(status), HasSubstr("TracerPid:\t0\n"));
  }
}

// A process that receives a descriptor in a message has opened nothing.
TEST_P(BothEngines, KnowsDescriptorsThatArePassed) {
  const std::string file = folder_ / "file";
  ASSERT_EQ(record_program({"pass-descriptors", file}).status, 0);
  EXPECT_EQ(read_file(file), "firstpeekedtakencutmany 1many 2stolen");
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.arg.data", "evt.type=write and evt.dir=< and fd.name=" + file}),
              ElementsAre("first", "peeked", "taken", "cut", "many 1", "many 2", "stolen"));
  EXPECT_THAT(
      sysdig(capture_, {"-p", "%fd.type %evt.arg.data", "evt.type=write and evt.dir=< and fd.name!=" + file}),
      ElementsAre("pipe to the pipe", "unix to the socket"));
  // slurper knows who sent it, and who has opened it.
  std::set<std::string> openers;
  for (const std::string& line :
       slurper_lines({"--sysdig", "-p", "%fd.open.pid", "evt.type=write and evt.dir=< and fd.name=" + file}))
    openers.insert(line);
  std::vector<std::string> received;
  for (const std::string& line : slurper_lines({}))
    if (line.starts_with("# ") && line.contains(" received "))
      received.push_back(line.substr(line.find("received")));
  ASSERT_THAT(openers, SizeIs(1));
  const std::string from = " sender=" + *openers.begin() + "(traced_program) sender_fd=";
  ASSERT_THAT(received, SizeIs(10)) << testing::PrintToString(received);
  EXPECT_THAT(received, Contains(HasSubstr("(<f>" + file + ")" + from)).Times(7));
  EXPECT_THAT(received, Contains(HasSubstr("(<p>")).Times(1));
  EXPECT_THAT(received, Contains(HasSubstr("(<u>")).Times(1));
  EXPECT_THAT(received, Contains(HasSubstr("received cut: the control buffer was too small")).Times(1));
}

// The argument may be relative to a folder that is renamed meanwhile, go over a link, or stand in a page that
// is not in memory when the call begins. The kernel knows what it has opened.
TEST_P(BothEngines, NamesWhatIsOpenedAsTheKernelDoes) {
  const std::string folder = folder_ / "a";
  std::filesystem::create_directory(folder);
  write_file(folder + "/file", "");
  std::filesystem::create_symlink("a", folder_ / "link");
  const std::string script =
      "cd \"$1/link\"; : <file; mv ../a ../b; : <file; cd ..; : <b/../b/./file; : <b/../c || true";
  ASSERT_EQ(record(arguments({"-w", capture_}, {"bash", "-c", script, "bash", folder_.path()})).status, 0);
  // On a slow machine, the beginning of the call is recorded before its name is known.
  const auto names = [](const std::vector<std::string>& lines) {
    std::vector<std::string> files;
    std::ranges::copy_if(lines, std::back_inserter(files),
                         [](const auto& line) { return line.ends_with("/file"); });
    return files;
  };
  const auto expected = ElementsAre(folder + "/file", folder_ / "b/file", folder_ / "b/file");
  EXPECT_THAT(names(slurper(capture_, {"-p", "%fd.name", "evt.type=openat and evt.dir=<"})), expected);
  EXPECT_THAT(names(sysdig(capture_, {"-p", "%fd.name", "evt.type=close and evt.dir=> and fd.num!=0"})),
              expected);
}

// No call closes what a process has open when it ends.
TEST_P(BothEngines, KnowsWhoseEndClosedAPipe) {
  ASSERT_EQ(record_program({"outlive-reader"}).status, 0);
  const auto lines = slurper_lines({"--summary"});
  EXPECT_THAT(
      lines,
      Contains(testing::MatchesRegex(
          " +opened at .*; a descriptor of the pipe was closed last at .* by traced_program \\(.*\\) fd "
          "[0-9]+, by its end.*")))
      << testing::PrintToString(lines);
}

TEST_P(BothEngines, TheUserForFilesIsThatOfTheMoment) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  ASSERT_EQ(record_program({"change-file-user"}).status, 0);
  EXPECT_THAT(slurper_lines(
                  {"--sysdig", "-p", "%user.uid %proc.fsuid %evt.arg.data", "evt.type=write and evt.dir=<"}),
              ElementsAre("0 0 1", "0 65534 2", "0 65534 3", "0 0 4"));
}

// At any point: while a call runs, at its beginning, at its end.
TEST_P(BothEngines, LeavesABusyProcessAloneWhenItIsKilled) {
  for (int i = 0; i < 5; ++i) {
    Pipe in;
    const Pipe out;
    Child asking({.argv = traced({"ask", "100000"}), .env = {}}, in.read_end.get(), out.write_end.get());
    std::filesystem::remove(capture_);
    Child recording(recorder({"-w", capture_, "-p", std::to_string(asking.pid())}));
    ASSERT_TRUE(attached());
    const auto before = std::filesystem::file_size(capture_);
    ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
    ASSERT_TRUE(eventually([&] { return std::filesystem::file_size(capture_) > before; }));
    recording.kill();
    std::string done(4, ' ');
    ASSERT_EQ(::read(out.read_end.get(), done.data(), done.size()), 4);
    ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
    EXPECT_TRUE(asking.exits_with(0));
  }
}

}  // namespace
}  // namespace slurper::test
