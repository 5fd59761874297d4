// Recordings of programs whose calls are known, read by sysdig and byte by byte.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>
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
using testing::SizeIs;
using testing::StartsWith;

constexpr std::uint16_t kResultEvent = 0x8000;
constexpr std::uint16_t kDropsEvent = 0x8002;
constexpr std::uint16_t kPipeEvent = 0x8004;
constexpr std::uint16_t kBlockedEvent = 0x8008;
constexpr std::uint16_t kWriteEnter = 8;
constexpr std::uint16_t kReadEnter = 6;
constexpr std::uint16_t kProcessExit = 186;

class Recorder : public testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_BPF(); }

  std::string make_fifo() {
    std::string path = folder_ / "fifo";
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    return path;
  }
  // The recorder has attached its programs, and writes what they report.
  [[nodiscard]] bool attached() const {
    return eventually(
        [this] { return std::filesystem::exists(capture_) && std::filesystem::file_size(capture_) > 0; });
  }
  static std::vector<std::string> arguments(std::vector<std::string> options,
                                            const std::vector<std::string>& program) {
    options.emplace_back("--");
    options.insert(options.end(), program.begin(), program.end());
    return options;
  }
  Recorded record_program(const std::vector<std::string>& task) {
    return record(arguments({"-w", capture_}, traced(task)));
  }

  TempDir folder_;
  std::string capture_ = folder_ / "capture";
};

TEST_F(Recorder, ShowsTheCallsAndBytesOfAWriter) {
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

TEST_F(Recorder, ShowsTheCallThatAProcessIsIn) {
  const std::string fifo = make_fifo();
  const UniqueFd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Child writer({.argv = traced({"block", fifo}), .env = {}});
  const std::string call = "/proc/" + std::to_string(writer.pid()) + "/syscall";
  // In write(2), number 1, asleep: a process that runs shows no number.
  ASSERT_TRUE(eventually([&] { return content_of(call).starts_with("1 "); }));
  ASSERT_EQ(record({"-w", capture_, "-p", std::to_string(writer.pid()), "--for", "1ms"}).status, 0);
  const auto events = events_of(capture_);
  ASSERT_GE(events.size(), 2U);
  EXPECT_EQ(events[0].type, kWriteEnter);
  EXPECT_EQ(events[0].tid, static_cast<std::uint64_t>(writer.pid()));
  EXPECT_EQ(events[0].number(1), 4096);
  EXPECT_EQ(events[1].type, kBlockedEvent);
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.dir %evt.type %fd.name"}), ElementsAre("> write " + fifo));
}

// slurper trace without -w: the lines that -r shows of a capture, as the calls are made.
TEST_F(Recorder, SlurperShowsACommandAtOnceAndPassesItsStatusOn) {
  const std::string lines = folder_ / "lines";
  Program program{.argv = {slurper_binary(), "trace", "--sysdig", "-o", lines, "-p",
                           "%evt.rawres %evt.arg.data", "evt.type=write and evt.dir=<", "--"},
                  .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}};
  std::ranges::copy(traced({"fork-twice"}), std::back_inserter(program.argv));
  Child child(program);
  EXPECT_TRUE(child.exits_with(7)) << child.err();
  EXPECT_EQ(child.out(), "child 1child 2") << "its output is its own";
  EXPECT_EQ(read_file(lines), "7 child 1\n7 child 2\n");
}

TEST_F(Recorder, SlurperShowsWhoIsBlockedOnAFifoAtOnce) {
  const std::string fifo = make_fifo();
  const UniqueFd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  Child writer({.argv = traced({"block", fifo}), .env = {}});
  const std::string call = "/proc/" + std::to_string(writer.pid()) + "/syscall";
  ASSERT_TRUE(eventually([&] { return content_of(call).starts_with("1 "); }));
  const std::string lines = folder_ / "lines";
  Child tracing({.argv = {slurper_binary(), "trace", "--fifo", fifo, "-o", lines},
                 .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  const std::string blocked = " traced_program (" + std::to_string(writer.pid()) + ") blocked call=write\n";
  EXPECT_TRUE(eventually([&] { return content_of(lines).contains(blocked); })) << tracing.err();
  EXPECT_THAT(content_of(lines), HasSubstr("(<p>" + fifo + ") size=4096 \n"));
  tracing.signal(SIGTERM);
  EXPECT_TRUE(tracing.exits_with(0)) << tracing.err();
}

TEST_F(Recorder, ShowsTheHoldersOfAFifoAndThoseWhoCome) {
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

TEST_F(Recorder, TellsTheStateOfAPipeWhereAWriteFails) {
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

TEST_F(Recorder, GivesBothEndsOfAConnectionTheSameTupleAndNoTwoConnections) {
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

TEST_F(Recorder, FollowsChildrenAndPassesTheStatusOn) {
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

TEST_F(Recorder, GivesTheCommandNoDescriptorOfItsOwn) {
  Child alone({.argv = traced({"list-descriptors"}), .env = {}});
  ASSERT_TRUE(alone.exits_with(0));
  const Recorded recorded = record_program({"list-descriptors"});
  EXPECT_EQ(recorded.out, alone.out());
}

TEST_F(Recorder, ShowsAChangedIdentity) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  ASSERT_EQ(record_program({"become-nobody"}).status, 0);
  EXPECT_THAT(sysdig(capture_, {"-p", "%user.uid %evt.arg.data", "evt.type=write and evt.dir=<"}),
              ElementsAre("0 before", "65534 after"));
}

TEST_F(Recorder, KeepsTheOrderOfTime) {
  ASSERT_EQ(record_program({"converse", folder_ / "socket", "50"}).status, 0);
  const auto events = events_of(capture_);
  EXPECT_TRUE(std::ranges::is_sorted(events, {}, &RecordedEvent::time));
  EXPECT_GT(events.size(), 500U);
}

TEST_F(Recorder, ShowsTheResultOfACallThatHasNoEvent) {
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

TEST_F(Recorder, EndsAtSigtermAndShowsTheUnfinishedCall) {
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

TEST_F(Recorder, LeavesTheTracedProcessAloneWhenItIsKilled) {
  int in[2];
  int out[2];
  ASSERT_EQ(::pipe2(in, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(out, O_CLOEXEC), 0);
  const UniqueFd in_read(in[0]);
  UniqueFd in_write(in[1]);
  const UniqueFd out_read(out[0]);
  const UniqueFd out_write(out[1]);
  Child copying({.argv = traced({"copy"}), .env = {}}, in_read.get(), out_write.get());
  Child recording(recorder({"-w", capture_, "-p", std::to_string(copying.pid())}));
  ASSERT_TRUE(attached());
  recording.kill();
  for (const char sent : {'a', 'b', 'c'}) {
    char received = 0;
    ASSERT_EQ(::write(in_write.get(), &sent, 1), 1);
    ASSERT_EQ(::read(out_read.get(), &received, 1), 1);
    EXPECT_EQ(received, sent);
  }
  in_write.reset();
  EXPECT_TRUE(copying.exits_with(0));
}

TEST_F(Recorder, CountsWhatItLoses) {
  // More than the ring holds while the recorder is stopped.
  constexpr int kCalls = 200'000;
  int in[2];
  int out[2];
  ASSERT_EQ(::pipe2(in, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(out, O_CLOEXEC), 0);
  const UniqueFd in_read(in[0]);
  const UniqueFd in_write(in[1]);
  const UniqueFd out_read(out[0]);
  const UniqueFd out_write(out[1]);
  Child asking({.argv = traced({"ask", std::to_string(kCalls)}), .env = {}}, in_read.get(), out_write.get());
  Child recording(recorder({"-w", capture_, "-p", std::to_string(asking.pid())}));
  ASSERT_TRUE(attached());
  recording.signal(SIGSTOP);
  std::string done(4, ' ');
  ASSERT_EQ(::write(in_write.get(), "x", 1), 1);
  ASSERT_EQ(::read(out_read.get(), done.data(), done.size()), 4);
  recording.signal(SIGCONT);
  // What it does next has room again.
  ASSERT_TRUE(eventually(
      [&] { return std::ranges::count(events_of(capture_), kDropsEvent, &RecordedEvent::type) > 0; }));
  ASSERT_EQ(::write(in_write.get(), "x", 1), 1);
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

// The file holds what was recorded before the incident, too, though it was opened only then.
TEST_F(Recorder, WaitsForAnIncident) {
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
TEST_F(Recorder, SlurperWritesToStandardOutput) {
  const Child sleeping({.argv = {"sleep", "1000"}, .env = {}});
  Child tracing(
      {.argv = {slurper_binary(), "trace", "-p", std::to_string(sleeping.pid()), "--for", "1ms", "-w", "-"},
       .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  EXPECT_TRUE(tracing.exits_with(0)) << tracing.err();
  write_file(capture_, tracing.out());
  EXPECT_THAT(sysdig(capture_, {"-p", "%proc.name %evt.type"}), ElementsAre(HasSubstr("sleep ")));
  EXPECT_FALSE(std::filesystem::exists("-"));
}

TEST_F(Recorder, CompressesAsItIsTold) {
  const std::string packed = folder_ / "packed";
  EXPECT_EQ(record(arguments({"-z", "-w", packed}, traced({"fork-twice"}))).status, 7);
  EXPECT_EQ(read_file(packed).substr(0, 2), "\x1f\x8b");
  EXPECT_THAT(sysdig(packed, {"-p", "%evt.arg.data", "evt.type=write and evt.dir=<"}),
              ElementsAre("child 1", "child 2"));
  EXPECT_THAT(record({"-z", "--for", "1ms"}).err, HasSubstr("-z is for a file: -w FILE -z"));
}

// What an option leaves out, the kernel does not even verify.
TEST_F(Recorder, LoadsItsProgramsWithEachOption) {
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

TEST_F(Recorder, WritesAFileForItsOwnerAlone) {
  write_file(capture_, "something that was there before, and longer than a header");
  ASSERT_EQ(::chmod(capture_.c_str(), 0644), 0);
  ASSERT_EQ(record_program({"fork-twice"}).status, 7);
  struct stat file{};
  ASSERT_EQ(::stat(capture_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0600U);
  EXPECT_EQ(read_file(capture_).substr(0, 4), "\x0a\x0d\x0d\x0a");
}

TEST_F(Recorder, WritesNoFileThatAnotherRecorderWrites) {
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
TEST_F(Recorder, LeavesAnIgnoredHangUpIgnored) {
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

// docs/trace.md lists them.
TEST_F(Recorder, ItsExitStatusSaysWhatIsWrong) {
  const std::string plain = folder_ / "plain";
  write_file(plain, "no program");
  EXPECT_EQ(record({"-w", capture_, "--", "no-such-program-anywhere"}).status, 127);
  EXPECT_EQ(record({"-w", capture_, "--", plain}).status, 126);
  EXPECT_EQ(record({"-w", capture_, "-u", "no-such-user", "--", "true"}).status, 67);
  EXPECT_EQ(record({"-w", folder_.path(), "--", "true"}).status, 73);
  EXPECT_EQ(record({"-w", capture_, "-p", "999999999"}).status, 66);
  EXPECT_EQ(record({"-w", capture_, "--", "sh", "-c", "kill -9 $$"}).status, 128 + SIGKILL);
}

TEST_F(Recorder, FollowsNoLink) {
  const std::string victim = folder_ / "victim";
  write_file(victim, "mine");
  ASSERT_EQ(::symlink(victim.c_str(), capture_.c_str()), 0);
  const Recorded recorded = record_program({"fork-twice"});
  EXPECT_EQ(recorded.status, 73);
  EXPECT_THAT(recorded.err, HasSubstr("symbolic link"));
  EXPECT_EQ(recorded.out, "") << "the command does not run";
  EXPECT_EQ(read_file(victim), "mine");
}

TEST_F(Recorder, SaysWhatIsMissingWithoutPrivilege) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give up its rights";
  Program program = recorder({"-w", folder_ / "refused", "--", "/bin/true"});
  const std::vector<std::string> as_nobody = {"setpriv", "--reuid=65534", "--clear-groups"};
  program.argv.insert(program.argv.begin(), as_nobody.begin(), as_nobody.end());
  Child child(program);
  EXPECT_TRUE(child.exits_with(77));
  EXPECT_THAT(child.err(), HasSubstr("CAP_BPF and CAP_PERFMON"));
  EXPECT_THAT(child.err(), HasSubstr("slurper trace -r FILE"));
}

TEST_F(Recorder, SaysWhyItDoesNotRecordInAContainer) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a PID namespace";
  Program program = recorder({"-w", folder_ / "refused", "--", "/bin/true"});
  const std::vector<std::string> inside = {"unshare", "--pid", "--fork", "--mount-proc"};
  program.argv.insert(program.argv.begin(), inside.begin(), inside.end());
  Child child(program);
  EXPECT_TRUE(child.exits_with(69));
  EXPECT_THAT(child.err(), HasSubstr("cannot trace in a container"));
  EXPECT_THAT(child.err(), HasSubstr("Run slurper trace on the machine itself"));
}

TEST(RecorderOptions, RefusesWhatContradictsItself) {
  for (const auto& [arguments, text] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--fifo", "f", "-p", "1"}, "exclude each other"},
           {{"-p", "1,x"}, "-p takes process ids, not 'x'"},
           {{"--snaplen", "5000"}, "--snaplen takes 0 to 4095 bytes"},
           {{"--for", "soon"}, "--for takes a time"},
           {{"--size", "large"}, "--size takes a size"},
           {{"-u", "root"}, "-u is for a command"},
           {{"--all-calls"}, "--all-calls is for --fifo"},
           {{"--what"}, "wrong option"}}) {
    const Recorded recorded = record(arguments);
    EXPECT_EQ(recorded.status, 64);
    EXPECT_THAT(recorded.err, HasSubstr(text));
  }
}

TEST(RecorderOptions, NamesTheFifoThatIsNone) {
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
