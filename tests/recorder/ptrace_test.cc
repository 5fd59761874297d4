// What the engine ptrace does otherwise, and where it takes the place of the engine bpf.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "recorder/recording.h"
#include "support/files.h"

namespace slurper::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Ptrace : public RecorderSite {
 protected:
  Ptrace() : RecorderSite("ptrace") {}

  // The recorder chooses its engine.
  static Program free_recorder(const std::vector<std::string>& through,
                               const std::vector<std::string>& arguments) {
    Program program = test::recorder(arguments);
    program.argv.insert(program.argv.begin(), through.begin(), through.end());
    return program;
  }
};

TEST_F(Ptrace, SaysOnceWhatItCosts) {
  const Recorded recorded = record_program({"fork-twice"});
  EXPECT_THAT(recorded.err, StartsWith("slurper: traces by ptrace. Each call of a traced process takes "));
  EXPECT_THAT(recorded.err, Not(HasSubstr("FIFO")));
}

TEST_F(Ptrace, LetsAUserWithoutRightsTraceACommand) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give up its rights";
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0777), 0);
  Child child(free_recorder({"setpriv", "--reuid=65534", "--clear-groups"},
                            arguments({"-w", capture_}, traced({"fork-twice"}))));
  EXPECT_TRUE(child.exits_with(7)) << child.err();
  EXPECT_EQ(child.out(), "child 1child 2");
  // They need rights; in a container, they would not do with these either.
  EXPECT_THAT(child.err(), StartsWith("slurper: traces by ptrace (BPF programs "));
  EXPECT_THAT(sysdig(capture_, {"-p", "%user.uid %evt.arg.data", "evt.type=write and evt.dir=<"}),
              ElementsAre("65534 child 1", "65534 child 2"));
}

// Of a child whose parent dies in its fork(2), no one tells: it must not be held for ever.
TEST_F(Ptrace, LetsGoOfChildrenWhoseParentsAreKilled) {
  const Pipe in;
  Child killing({.argv = traced({"kill-parents", "150"}), .env = {}}, in.read_end.get());
  Child recording(recorder({"-w", capture_, "-p", std::to_string(killing.pid())}));
  ASSERT_TRUE(attached()) << recording.err();
  ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
  EXPECT_TRUE(killing.exits_with(0));
  EXPECT_TRUE(recording.exits_with(0)) << recording.err();
}

TEST_F(Ptrace, SaysWhatAUserWithoutRightsCannotTrace) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give up its rights";
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0777), 0);
  const Child sleeping({.argv = {"sleep", "1000"}, .env = {}});
  const std::vector<std::string> as_nobody = {"setpriv", "--reuid=65534", "--clear-groups"};
  Child child(free_recorder(as_nobody, {"-w", capture_, "-p", std::to_string(sleeping.pid())}));
  EXPECT_TRUE(child.exits_with(77)) << child.err();
  EXPECT_THAT(child.err(), HasSubstr("cannot trace process " + std::to_string(sleeping.pid()) +
                                     ": Operation not permitted."));
}

TEST_F(Ptrace, RecordsInAContainer) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a PID namespace";
  Child child(free_recorder({"unshare", "--pid", "--fork", "--mount-proc"},
                            arguments({"-w", capture_}, traced({"fork-twice"}))));
  EXPECT_TRUE(child.exits_with(7)) << child.err();
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.arg.data", "evt.type=write and evt.dir=<"}),
              ElementsAre("child 1", "child 2"));
}

TEST_F(Ptrace, ShowsTheHoldersOfAFifoAndTheirChildren) {
  const std::string fifo = make_fifo();
  const UniqueFd keeper(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
  // The shell holds it, and starts another writer.
  Child shell({.argv = {"sh", "-c", "exec 3>\"$1\"; read x; echo mine >&3; /bin/echo other >&3", "sh", fifo},
               .env = {}},
              keeper.get());
  const std::string call = "/proc/" + std::to_string(shell.pid()) + "/syscall";
  ASSERT_TRUE(eventually([&] { return content_of(call).starts_with("0 "); })) << "it reads";
  Child recording(recorder({"-w", capture_, "--fifo", fifo, "--for", "1h"}));
  ASSERT_TRUE(attached()) << recording.err();
  ASSERT_EQ(::write(keeper.get(), "\n", 1), 1);
  ASSERT_TRUE(shell.exits_with(0));
  recording.signal(SIGTERM);
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  EXPECT_THAT(recording.err(), HasSubstr("Processes that open the FIFO later are traced only if"));
  EXPECT_THAT(sysdig(capture_, {"-p", "%proc.name %evt.arg.data", "evt.type=write and evt.dir=<"}),
              ElementsAre("sh mine.", "echo other."));
}

TEST_F(Ptrace, SaysThatNoProcessHasTheFifo) {
  const std::string fifo = make_fifo();
  const Recorded recorded = record({"-w", capture_, "--fifo", fifo});
  EXPECT_EQ(recorded.status, 66);
  EXPECT_THAT(recorded.err, HasSubstr("no process has the FIFO '" + fifo + "' open"));
}

TEST_F(Ptrace, LeavesOutWhatItCannotSee) {
  ASSERT_EQ(record_program({"lose-reader", make_fifo()}).status, 0);
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.res %evt.arg.data", "evt.rawres=-32"}), ElementsAre("EPIPE x"));
  for (const RecordedEvent& event : events_of(capture_)) EXPECT_NE(event.type, kPipeEvent);
}

TEST_F(Ptrace, DoesNotTraceTheWholeMachine) {
  const Recorded recorded = record({"-w", capture_});
  EXPECT_EQ(recorded.status, 69);
  EXPECT_THAT(recorded.err, HasSubstr("cannot trace the whole machine by ptrace"));
}

// To stop who has started it, or reads what it prints, would be to wait for itself.
TEST_F(Ptrace, DoesNotTraceWhoWaitsForIt) {
  const Recorded recorded = record({"-w", capture_, "-p", std::to_string(::getpid())});
  EXPECT_EQ(recorded.status, 64);
  EXPECT_THAT(recorded.err, HasSubstr("cannot trace process " + std::to_string(::getpid()) + " by ptrace"));
}

TEST_F(Ptrace, SaysWhoTracesAProcessAlready) {
  const Child sleeping({.argv = {"sleep", "1000"}, .env = {}});
  const std::string pid = std::to_string(sleeping.pid());
  Child first(recorder({"-w", capture_, "-p", pid}));
  ASSERT_TRUE(attached());
  const Recorded second = record({"-w", folder_ / "second", "-p", pid});
  EXPECT_EQ(second.status, 77);
  EXPECT_THAT(second.err, HasSubstr("process " + std::to_string(first.pid()) + " traces it already"));
  first.signal(SIGTERM);
  EXPECT_TRUE(first.exits_with(0)) << first.err();
}

// A process in an uninterruptible call does not stop: a parent in vfork(2), till its child has executed a
// program.
class PtraceInVfork : public Ptrace {
 protected:
  void SetUp() override {
    Ptrace::SetUp();
    if (IsSkipped()) return;
    parent_.emplace(Program{.argv = traced({"vfork"}), .env = {}}, in_.read_end.get());
    in_.read_end.reset();
    ASSERT_TRUE(eventually([&] { return parent_->out() == "c"; }));
    recording_.emplace(recorder({"-w", capture_, "-p", std::to_string(parent_->pid())}));
    ASSERT_TRUE(attached()) << recording_->err();
  }

  Pipe in_;
  std::optional<Child> parent_;
  std::optional<Child> recording_;
};

TEST_F(PtraceInVfork, ShowsTheCallAndItsEnd) {
  in_.write_end.reset();
  EXPECT_TRUE(parent_->exits_with(6));
  EXPECT_TRUE(recording_->exits_with(0)) << recording_->err();
  EXPECT_THAT(sysdig(capture_, {"-p", "%evt.dir %evt.type", "evt.type=vfork"}),
              ElementsAre("> vfork", "< vfork"));
}

TEST_F(PtraceInVfork, EndsWithoutIt) {
  recording_->signal(SIGTERM);
  EXPECT_TRUE(recording_->exits_with(0)) << recording_->err();
  in_.write_end.reset();
  EXPECT_TRUE(parent_->exits_with(6));
}

}  // namespace
}  // namespace slurper::test
