// slurper inspect, the real program, with real processes on real pipes.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "base/phrase_id.h"
#include "cli/inspect.h"
#include "cli/inspect_watch.h"
#include "cli/program.h"
#include "support/child.h"
#include "support/files.h"

namespace slurper::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;
using Json = nlohmann::json;

// Each finding in one line.
std::string unwrapped(std::string text) {
  const std::string gap = "\n         ";
  for (auto at = text.find(gap); at != std::string::npos; at = text.find(gap, at))
    text.replace(at, gap.size(), " ");
  return text;
}

std::string pid_text(const Child& child) {
  return "(pid " + std::to_string(child.pid()) + ")";
}

class Inspect : public testing::Test {
 protected:
  Inspect() { EXPECT_EQ(::mkfifo(fifo_.c_str(), 0600), 0); }

  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root may look at all processes";
  }

  void hold() { own_fd_.reset(::open(fifo_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)); }
  Child shell(const std::string& script) {
    Child child({.argv = {"bash", "-c", script, "bash", fifo_}, .env = {}});
    EXPECT_TRUE(eventually([&] { return child.out().contains("ready\n"); })) << child.err();
    return child;
  }
  // Whether it runs that program in the end; a `sleep` sleeps then.
  static bool is_eventually(pid_t pid, const std::string& command) {
    const std::string comm = "/proc/" + std::to_string(pid) + "/comm";
    const bool runs = eventually([&] { return content_of(comm) == command + "\n"; });
    return runs && (command != "sleep" || sleeps_in(pid, SYS_clock_nanosleep));
  }
  static bool sleeps_in(pid_t pid, long number) {
    const std::string call = "/proc/" + std::to_string(pid) + "/syscall";
    return eventually([&] { return content_of(call).starts_with(std::to_string(number) + " "); });
  }
  void fill() const {
    const UniqueFd fd(::open(fifo_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    const std::string page(4096, 'x');
    while (::write(fd.get(), page.data(), page.size()) > 0) {
    }
  }
  Outcome inspect(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"inspect", fifo_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Outcome outcome = run_slurper(arguments);
    outcome.out = unwrapped(outcome.out);
    return outcome;
  }

  TempDir folder_ = TempDir::in_ram();
  std::string fifo_ = folder_ / "fifo";
  UniqueFd own_fd_;
};

TEST_F(Inspect, NamesTheReaderThatHasStoppedReading) {
  hold();
  const Child reader = shell("exec 5<\"$1\"; echo ready; exec sleep 1000");
  ASSERT_TRUE(is_eventually(reader.pid(), "sleep"));
  fill();
  const Outcome outcome = inspect();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(
      outcome.out,
      StartsWith("FIFO '" + fifo_ +
                 "'\nerror    the pipe is full (64.0KiB of 64.0KiB, 16 of 16 slots): its "
                 "reader, 'sleep' " +
                 pid_text(reader) + ", does not read. It is asleep in clock_nanosleep(2). Restart 'sleep' " +
                 pid_text(reader)));
  EXPECT_THAT(outcome.out, HasSubstr("does not wait for room (O_NONBLOCK): its writes fail with EAGAIN now"));
}

TEST_F(Inspect, NamesASecondReader) {
  const Child first = shell("exec 5<>\"$1\"; exec 6<\"$1\"; exec 5>&-; echo ready; exec sleep 1000");
  ASSERT_TRUE(is_eventually(first.pid(), "sleep"));
  const Child second({.argv = {"cat", fifo_}, .env = {}});
  hold();
  ASSERT_TRUE(is_eventually(second.pid(), "cat"));
  ASSERT_TRUE(sleeps_in(second.pid(), SYS_read));
  EXPECT_THAT(inspect().out, HasSubstr("there is a second reader, "));
  EXPECT_THAT(inspect().out, HasSubstr("'cat' " + pid_text(second)));
}

TEST_F(Inspect, NamesABlockedWriterAndWhatItsReaderDoes) {
  const Child both = shell("exec 5<>\"$1\"; exec 6<\"$1\"; exec 5>&-; echo ready; exec sleep 1000");
  ASSERT_TRUE(is_eventually(both.pid(), "sleep"));
  const Child writer(
      {.argv = {"bash", "-c", "exec dd if=/dev/zero of=\"$1\" bs=4096", "bash", fifo_}, .env = {}});
  Outcome outcome;
  ASSERT_TRUE(eventually([&] {
    outcome = inspect();
    return outcome.out.contains("is blocked in write(2)");
  })) << outcome.out;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("'dd' " + pid_text(writer) + " is blocked in write(2) on descriptor 1"),
                    HasSubstr("'sleep' " + pid_text(both) + " is asleep in clock_nanosleep(2)")));
}

TEST_F(Inspect, NamesAStoppedReader) {
  hold();
  const Child reader = shell("exec 5<\"$1\"; echo ready; exec sleep 1000");
  reader.signal(SIGSTOP);
  const std::string stat = "/proc/" + std::to_string(reader.pid()) + "/stat";
  ASSERT_TRUE(eventually([&] { return content_of(stat).contains(") T "); }));
  EXPECT_THAT(inspect().out, HasSubstr("is stopped, and so reads nothing. Let it continue: kill -CONT " +
                                       std::to_string(reader.pid())));
}

TEST_F(Inspect, NamesWhatIsLeftOnAReplacedFifo) {
  hold();
  const Child writer = shell("exec 5>\"$1\"; echo ready; exec sleep 1000");
  ASSERT_EQ(::unlink(fifo_.c_str()), 0);
  ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
  ASSERT_TRUE(is_eventually(writer.pid(), "sleep"));
  EXPECT_THAT(inspect().out, HasSubstr("'sleep' " + pid_text(writer) +
                                       " has a FIFO open for writing that stood at '" + fifo_ + "' before"));
}

TEST_F(Inspect, NamesALeakedDescriptor) {
  hold();
  const Child app = shell("exec 7>\"$1\"; sleep 1000 & echo $!; echo ready; wait");
  const pid_t child = std::stoi(app.out());
  ASSERT_TRUE(is_eventually(child, "sleep"));
  EXPECT_THAT(inspect().out, HasSubstr("'sleep' (pid " + std::to_string(child) +
                                       ") has inherited descriptor 7 from 'bash' " + pid_text(app)));
  ::kill(child, SIGKILL);
}

TEST_F(Inspect, SaysThatAPipeIsSmall) {
  hold();
  EXPECT_THAT(inspect().out, HasSubstr("warning  the pipe holds no more than 64.0KiB"));
  ASSERT_GT(::fcntl(own_fd_.get(), F_SETPIPE_SZ, 8192), 0);
  EXPECT_THAT(inspect().out, HasSubstr("warning  the pipe has 2 slots only (8.00KiB)"));
}

TEST_F(Inspect, ShowsTheKeepAliveWriterOfSlurper) {
  Child slurper({.argv = {SLURPER_PROGRAM, "run", "--fifo", fifo_, "--log", folder_ / "log", "--set",
                          "ring.size=4MiB", "--set", "ring.directory=" + (folder_ / "ring")},
                 .env = {}});
  Outcome outcome;
  ASSERT_TRUE(eventually([&] {
    outcome = inspect();
    return outcome.out.contains("slurper's keep-alive writer");
  })) << slurper.err();
  EXPECT_THAT(outcome.out, HasSubstr("no process has the pipe open for writing"));
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
}

// A program that calls itself slurper is none.
TEST_F(Inspect, TrustsNoName) {
  const Child other = shell(
      "exec 7<>\"$1\"; exec 5<\"$1\" 6>\"$1\" 7>&-; echo -n slurper >/proc/self/comm; "
      "echo ready; while :; do read -r -t 1000 -u 9 9<>\"$1\"; done");
  EXPECT_THAT(inspect().out, AllOf(HasSubstr("slurper "), Not(HasSubstr("keep-alive"))));
}

// As root, but without the right to trace: it may list the descriptors of other processes, not follow them.
TEST_F(Inspect, WithoutTheRightToTraceSaysWhatItHasNotSeen) {
  const Child holder = shell("exec 5<>\"$1\"; echo ready; exec sleep 1000");
  const auto inspect_with = [&](const std::string& program) {
    Child child({.argv = {"setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace",
                          SLURPER_PROGRAM, "inspect", fifo_},
                 .env = {"SLURPER_PIPES_PROGRAM=" + program}});
    const std::optional<int> status = child.wait();
    EXPECT_TRUE(status && WIFEXITED(*status));
    return Outcome{
        .status = WEXITSTATUS(status.value_or(0)), .out = unwrapped(child.out()), .err = child.err()};
  };
  const Outcome by_proc = inspect_with("/nonexistent");
  EXPECT_EQ(by_proc.status, 77);
  EXPECT_THAT(by_proc.out, AllOf(HasSubstr("processes could not be looked at, and may have the pipe open"),
                                 HasSubstr("Run slurper inspect with the capability CAP_SYS_PTRACE"),
                                 Not(HasSubstr("has no reader"))));
  const Outcome by_bpf = inspect_with(SLURPER_PIPES_PROGRAM);
  EXPECT_EQ(by_bpf.status, 1);
  EXPECT_THAT(by_bpf.out, AllOf(HasSubstr("the pipe has no reader. It holds 0B of 64.0KiB"),
                                HasSubstr(std::to_string(holder.pid()) + " sleep")));
}

// A reader that no process has as a descriptor: it is on its way over a socket.
TEST_F(Inspect, CountsADescriptorInFlight) {
  hold();
  const Child passer({.argv = {"python3", "-c",
                               "import array, os, socket, sys, time\n"
                               "one, other = socket.socketpair()\n"
                               "fd = os.open(sys.argv[1], os.O_RDONLY)\n"
                               "socket.send_fds(one, [b'x'], [fd])\n"
                               "os.close(fd)\n"
                               "print('ready', flush=True)\n"
                               "time.sleep(1000)",
                               fifo_},
                      .env = {}});
  ASSERT_TRUE(eventually([&] { return passer.out() == "ready\n"; })) << passer.err();
  EXPECT_THAT(
      inspect().out,
      AllOf(HasSubstr("the kernel counts 1 open file of the pipe, for reading, that no process has as a "
                      "descriptor. Look for a descriptor that is in flight over a socket"),
            Not(HasSubstr("has no reader"))));
}

TEST_F(Inspect, CountsWhatItMayNotLookAt) {
  ASSERT_EQ(::chmod(fifo_.c_str(), 0644), 0);
  const Child holder = shell("exec 5<>\"$1\"; echo ready; exec sleep 1000");
  const Outcome outcome = run_slurper({"inspect", fifo_}, {.as_nobody = true});
  EXPECT_EQ(outcome.status, 77);
  EXPECT_THAT(unwrapped(outcome.out),
              AllOf(HasSubstr("could not be looked at, and may have the pipe open, too: pid "),
                    HasSubstr("of the processes that could be looked at, none"),
                    Not(HasSubstr("has no reader")), Not(HasSubstr("olds nothing"))));
  const std::string advice = "Run slurper inspect as root";
  EXPECT_EQ(unwrapped(outcome.out).find(advice), unwrapped(outcome.out).rfind(advice)) << "it is said once";
}

TEST_F(Inspect, ShowsHostileNamesHarmlessly) {
  fifo_ = folder_ / "f\033[2J\n\xff";
  ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
  const std::string name = "a) R 1 (\033[1A";
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_NAME, name.c_str());
    (void)::open(fifo_.c_str(), O_RDWR);
    for (;;) ::pause();
  }
  ASSERT_TRUE(eventually([&] { return inspect().out.contains("a) R 1 ("); }));
  EXPECT_THAT(inspect().out, Not(HasSubstr("\033")));
  const Json json = Json::parse(inspect({"--json"}).out);
  EXPECT_EQ(json["holders"][0]["name"], name);
  EXPECT_EQ(json["holders"][0]["pid"], pid);
  EXPECT_TRUE(json.contains("path_base64")) << "it is not valid UTF-8";
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

TEST_F(Inspect, SaysTheSameInJson) {
  hold();
  ASSERT_EQ(::write(own_fd_.get(), "abc", 3), 3);
  const Outcome outcome = inspect({"--json"});
  EXPECT_EQ(outcome.status, 1);
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json["type"], "fifo");
  EXPECT_EQ(json["path"], fifo_);
  EXPECT_EQ(json["mode"], "0600");
  EXPECT_EQ(json["fill"]["bytes"], 3);
  EXPECT_EQ(json["fill"]["slots"], 16);
  EXPECT_EQ(json["fill"]["has_room"], true);
  EXPECT_EQ(json["holders"][0]["access"], "both");
  EXPECT_EQ(json["holders"][0]["nonblock"], true);
  EXPECT_EQ(json["findings"][0]["level"], "error");
  EXPECT_EQ(json["fill"]["slots_used"], 1);
  EXPECT_EQ(json["facts"], "bpf");
  EXPECT_EQ(json["open_files"]["readers"], 1);
  EXPECT_EQ(json["open_files"]["unfound_readers"], 0);
  EXPECT_EQ(json["findings"][0]["text"], "the pipe has no reader. It holds 3B of 64.0KiB, 1 of 16 slots");
  EXPECT_THAT(json["unseen"], IsEmpty());
}

TEST_F(Inspect, ListsAllFifosTheWorstFirst) {
  hold();
  const std::string other = folder_ / "other";
  ASSERT_EQ(::mkfifo(other.c_str(), 0600), 0);
  const UniqueFd other_fd(::open(other.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  const std::string much(8192, 'x');
  ASSERT_EQ(::write(other_fd.get(), much.data(), much.size()), static_cast<ssize_t>(much.size()));
  const std::string out = run_slurper({"inspect"}).out;
  EXPECT_THAT(out, StartsWith("FIFO "));
  const std::size_t bad = out.find(other);
  const std::size_t better = out.find(fifo_);
  ASSERT_NE(bad, std::string::npos) << out;
  ASSERT_NE(better, std::string::npos) << out;
  EXPECT_LT(bad, better) << out;
  EXPECT_THAT(out, HasSubstr("    the pipe has no reader. It holds 8.00KiB of 64.0KiB"));
}

TEST_F(Inspect, WatchesOnALineASecond) {
  hold();
  Slurper watch({"inspect", "--watch", fifo_});
  ASSERT_TRUE(eventually([&] { return std::ranges::count(watch.out(), '\n') >= 3; }));
  EXPECT_THAT(watch.out(), HasSubstr(" [......] 0B of 64.0KiB; 1 reader, 1 writer; the pipe has no reader"));
  EXPECT_THAT(watch.out(), HasSubstr("; the pipe holds no more than 64.0KiB")) << "each finding";
  EXPECT_THAT(watch.out(),
              testing::ContainsRegex("; 1 reader reading [^,;]+, 1 writer writing [^,;]+; the pipe"));
  watch.signal(SIGTERM);
}

TEST_F(Inspect, SaysWhatItCanNotInspect) {
  const Outcome none = run_slurper({"inspect", folder_ / "none"});
  EXPECT_EQ(none.status, 66);
  EXPECT_EQ(none.err, "slurper: cannot inspect '" + (folder_ / "none") + "': No such file or directory\n");
  EXPECT_EQ(run_slurper({"inspect", "4294967295:0"}).status, 66);
  EXPECT_EQ(run_slurper({"inspect", "--json", "--watch"}).status, 64);
}

TEST(PipeTarget, IsADescriptorIfItIsTwoNumbers) {
  EXPECT_EQ(pipe_target("12:3").pid, 12);
  EXPECT_EQ(pipe_target("12:3").fd, 3);
  EXPECT_EQ(pipe_target("./12:3").path, "./12:3");
  EXPECT_EQ(pipe_target("12:").path, "12:");
  EXPECT_EQ(pipe_target("/run/fifo").path, "/run/fifo");
}

// A screen never wraps, and shows what the processes moved since the one before.
TEST(PipeWatch, FitsTheScreen) {
  InspectedPipe pipe;
  const ProcessId process{.pid = 7, .start_time = 1};
  pipe.facts.path = "/run/fifo";
  pipe.facts.is_anonymous = false;
  pipe.facts.fill.fill = PipeFill{.capacity = 65536, .bytes = 32768, .has_room = true};
  pipe.facts.processes[process].read = 1000;
  pipe.facts.processes[process].written = 0;
  pipe.facts.holders.push_back(
      {.open = {.process = process, .command = "cat", .fd = 3, .access = Access::Read},
       .path = {},
       .doing = {},
       .inherited_from = {}});
  pipe.findings = {ok(PhraseId::PipeWorks)};
  PipeWatch watch;
  EXPECT_THAT(watch.screen(pipe, {.rows = 24, .columns = 80}, 1), HasSubstr("[###...] 32.0KiB of 64.0KiB"));
  pipe.facts.processes[process].read = 1000 + 2048;
  const std::string screen = watch.screen(pipe, {.rows = 24, .columns = 80}, 2);
  EXPECT_THAT(screen, HasSubstr("1.00KiB"));
  EXPECT_THAT(screen, HasSubstr("cat (7)"));
  const std::string small = watch.screen(pipe, {.rows = 3, .columns = 20}, 1);
  EXPECT_EQ(std::ranges::count(small, '\n'), 3);
  for (std::size_t begin = 0; begin < small.size(); begin = small.find('\n', begin) + 1)
    EXPECT_LE(small.find('\n', begin) - begin, 20U);
}

}  // namespace
}  // namespace slurper::test
