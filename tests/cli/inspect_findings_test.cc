// What slurper inspect finds wrong with a pipe, by its facts.
#include "cli/inspect_findings.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include "cli/inspect_text.h"
#include "support/text_of.h"

namespace slurper::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class JudgePipe : public testing::Test {
 protected:
  JudgePipe() {
    facts_.path = "/run/fifo";
    facts_.is_anonymous = false;
    facts_.user_pages_soft = 16384;
    holds(0, 1048576);
  }

  void holds(std::uint64_t bytes, std::uint64_t capacity, bool has_room = true) {
    facts_.fill.fill = PipeFill{.capacity = capacity, .bytes = bytes, .has_room = has_room};
    if (!has_room) facts_.stands_still = true;
  }
  void is_full() { holds(65536, 65536, false); }

  PipeHolder& add(pid_t pid, const std::string& command, Access access, int fd = 3, int flags = 0) {
    const ProcessId process{.pid = pid, .start_time = static_cast<std::uint64_t>(pid)};
    facts_.processes[process];
    facts_.holders.push_back({.open = {.process = process,
                                       .parent = 1,
                                       .command = command,
                                       .fd = fd,
                                       .access = access,
                                       .flags = flags},
                              .path = facts_.path,
                              .doing = {.kind = Activity::Kind::Asleep, .call = "clock_nanosleep"},
                              .inherited_from = {}});
    return facts_.holders.back();
  }
  // One that reads the pipe, with its keep-alive writer.
  void add_slurper(pid_t pid) {
    add(pid, "slurper", Access::Read).is_slurper = true;
    PipeHolder& writer = add(pid, "slurper", Access::Write, 4);
    writer.is_slurper = writer.is_keep_alive = true;
  }
  static void reads(PipeHolder& holder) {
    holder.doing = {.kind = Activity::Kind::Asleep, .call = "read", .fd = holder.open.fd, .reads_it = true};
  }
  static void writes(PipeHolder& holder) {
    holder.doing = {.kind = Activity::Kind::Asleep, .call = "write", .fd = holder.open.fd, .writes_it = true};
  }
  // "error: ..." for each, with its advice.
  std::vector<std::string> judge(NamedBySyslogd named = NamedBySyslogd::Yes) {
    facts_.holders.reserve(10);
    std::vector<std::string> texts;
    for (const Finding& finding : judge_pipe(facts_, named)) {
      const char* const level = finding.level == Finding::Level::Error     ? "error: "
                                : finding.level == Finding::Level::Warning ? "warning: "
                                                                           : "ok: ";
      texts.push_back(level + text_of(finding.phrase));
    }
    return texts;
  }

  PipeFacts facts_;
};

TEST_F(JudgePipe, ThatWorks) {
  add(10, "cat", Access::Read);
  add(20, "logger", Access::Write);
  EXPECT_THAT(judge(), ElementsAre("ok: the pipe has a reader, and room for a writer"));
}

// The founding incident: a reader that stopped, and an rsyslogd whose lines are lost.
TEST_F(JudgePipe, WhoseReaderHasStoppedReading) {
  add(10, "reader", Access::Read);
  add(20, "rsyslogd", Access::ReadWrite, 9, O_NONBLOCK);
  is_full();
  EXPECT_THAT(
      judge(),
      ElementsAre("error: the pipe is full (64.0KiB of 64.0KiB, 16 of 16 slots): its reader, 'reader' (pid "
                  "10), does not read. It is asleep in clock_nanosleep(2). Restart 'reader' (pid 10), or "
                  "replace it by a reader that does not stop: slurper run --fifo '/run/fifo' --log LOG",
                  AllOf(StartsWith("error: 'rsyslogd' (pid 20) does not wait for room (O_NONBLOCK)"),
                        HasSubstr("EAGAIN")),
                  StartsWith("warning: the pipe holds no more than 64.0KiB")));
}

TEST_F(JudgePipe, OfASlurperThatDoesNotRead) {
  add_slurper(10);
  add(20, "logger", Access::Write);
  holds(1048576, 1048576, false);
  EXPECT_THAT(judge(), ElementsAre(testing::EndsWith("clock_nanosleep(2). Restart 'slurper' (pid 10)")));
}

TEST_F(JudgePipe, WhoseReaderIsSlow) {
  reads(add(10, "cat", Access::Read));
  writes(add(20, "logger", Access::Write));
  holds(1048576, 1048576, false);
  facts_.stands_still = false;
  EXPECT_THAT(judge(),
              ElementsAre(StartsWith("warning: the pipe is full (1.00MiB of 1.00MiB, 256 of 256 slots): its "
                                     "reader, 'cat' (pid 10), reads more slowly"),
                          StartsWith("warning: 'logger' (pid 20) is blocked in write(2) on descriptor 3 "
                                     "until its reader makes room: 'cat' (pid 10) is asleep in read(2)")));
}

TEST_F(JudgePipe, WhoseReaderIsStopped) {
  add(10, "cat", Access::Read).doing = {.kind = Activity::Kind::Stopped};
  writes(add(20, "logger", Access::Write));
  holds(1048576, 1048576, false);
  EXPECT_THAT(judge(),
              ElementsAre("error: the reader 'cat' (pid 10) is stopped, and so reads nothing. Let it "
                          "continue: kill -CONT 10",
                          AllOf(StartsWith("error: 'logger' (pid 20) is blocked in write(2)"),
                                HasSubstr("'cat' (pid 10) is stopped"))));
}

TEST_F(JudgePipe, WithoutAReader) {
  add(20, "rsyslogd", Access::ReadWrite, 9, O_NONBLOCK);
  holds(100, 1048576);
  EXPECT_THAT(
      judge(),
      ElementsAre("error: the pipe has no reader. It holds 100B of 1.00MiB. Start its reader, for example: "
                  "slurper run --fifo '/run/fifo' --log LOG"));
  facts_.path.clear();
  facts_.is_anonymous = true;
  EXPECT_THAT(judge(NamedBySyslogd::Unknown),
              ElementsAre("error: the pipe has no reader. It holds 100B of 1.00MiB. Start its reader again"));
}

TEST_F(JudgePipe, ThatNoProcessHasOpen) {
  facts_.fill = {};
  EXPECT_THAT(judge(),
              ElementsAre(StartsWith("warning: the pipe has no reader. It holds nothing"),
                          "warning: no process has the pipe open for writing. A syslogd's settings name "
                          "the FIFO: start or restart the syslogd"));
  EXPECT_THAT(judge(NamedBySyslogd::No).back(),
              HasSubstr("No syslogd's settings name '/run/fifo': name it there, as the examples in"));
}

TEST_F(JudgePipe, WithTwoReaders) {
  add(10, "cat", Access::Read);
  add_slurper(20);
  add(30, "logger", Access::Write);
  EXPECT_THAT(judge(),
              ElementsAre("error: there is a second reader, 'cat' (pid 10): what it reads, the first "
                          "reader, 'slurper' (pid 20), never gets. End 'cat' (pid 10): kill 10"));
}

// Any program may call itself so.
TEST_F(JudgePipe, WithAReaderThatIsSlurperByNameAlone) {
  add(10, "slurper", Access::Read);
  add_slurper(20);
  facts_.holders[1].open.command = "renamed";
  add(30, "logger", Access::Write);
  EXPECT_THAT(judge(),
              ElementsAre(HasSubstr("there is a second reader, 'slurper' (pid 10): what it reads, the "
                                    "first reader, 'renamed' (pid 20), never gets. End 'slurper'")));
}

TEST_F(JudgePipe, WithTwoReadersOfWhichNoneIsSlurper) {
  add(10, "cat", Access::Read);
  add(20, "reader", Access::Read);
  add(30, "logger", Access::Write);
  EXPECT_THAT(judge(),
              ElementsAre(HasSubstr("never gets. Stop one of the two: a pipe passes each byte to one "
                                    "reader only")));
}

// A shell's loop and the program that it runs read in turn.
TEST_F(JudgePipe, WhoseReadersShareAnOpenFile) {
  add(10, "bash", Access::Read, 0).open_file = 1;
  add(11, "sed", Access::Read, 0).open_file = 1;
  add(30, "logger", Access::Write);
  EXPECT_THAT(judge(), ElementsAre(StartsWith("ok: ")));
}

TEST_F(JudgePipe, OfAWriterThatDoesNotWait) {
  add(10, "cat", Access::Read);
  add(20, "rsyslogd", Access::Write, 3, O_NONBLOCK);
  holds(524288, 1048576);
  EXPECT_THAT(judge(), ElementsAre(StartsWith("ok: "))) << "half is not more than half";
  holds(700000, 1048576);
  EXPECT_THAT(judge(), ElementsAre(AllOf(StartsWith("warning: 'rsyslogd' (pid 20) does not wait for room "
                                                    "(O_NONBLOCK), and 66 % of the pipe is used"))));
}

TEST_F(JudgePipe, ThatWasReplaced) {
  add(10, "cat", Access::Read);
  add(20, "logger", Access::Write);
  facts_.of_replaced = {
      {.process = {.pid = 30, .start_time = 3}, .command = "rsyslogd", .fd = 3, .access = Access::Write},
      {.process = {.pid = 30, .start_time = 3}, .command = "rsyslogd", .fd = 4, .access = Access::Write}};
  EXPECT_THAT(judge(),
              ElementsAre("error: 'rsyslogd' (pid 30) has a FIFO open for writing that stood at '/run/fifo' "
                          "before another replaced it: the two are not connected. Restart it, so that it "
                          "opens the FIFO that stands there now"));
}

TEST_F(JudgePipe, ThatALeakedDescriptorKeepsOpen) {
  reads(add(10, "cat", Access::Read));
  add(20, "app", Access::Write, 7);
  PipeHolder& child = add(21, "sleep", Access::Write, 7);
  child.inherited_from = ProcessId{.pid = 20, .start_time = 20};
  EXPECT_THAT(judge(),
              ElementsAre("warning: 'sleep' (pid 21) has inherited descriptor 7 from 'app' (pid 20), and so "
                          "has the pipe open for writing, even after 'app' (pid 20) closes it. Restart "
                          "'sleep' (pid 21), and have 'app' (pid 20) open the pipe with O_CLOEXEC"));
  facts_.holders.back().open.command = "app";
  EXPECT_THAT(judge(), ElementsAre(StartsWith("ok: "))) << "a worker of the same program";
}

// out=$(sleep 1000 & echo x)
TEST_F(JudgePipe, ThatAProgramLeftBehindKeepsOpen) {
  facts_.is_anonymous = true;
  facts_.path.clear();
  reads(add(10, "bash", Access::Read));
  add(21, "sleep", Access::Write, 1);
  EXPECT_THAT(
      judge(NamedBySyslogd::Unknown),
      ElementsAre(StartsWith("warning: 'sleep' (pid 21) outlived the program that started it, and has the "
                             "pipe open for writing, descriptor 1: until it ends, the reader waits")));
}

// exec 3<>fifo; cat fifo
TEST_F(JudgePipe, WhoseReaderKeepsItOpenItself) {
  PipeHolder& reader = add(10, "cat", Access::Read, 4);
  reads(reader);
  add(10, "cat", Access::ReadWrite, 3);
  EXPECT_THAT(judge(),
              ElementsAre(StartsWith("warning: the reader 'cat' (pid 10) has the pipe open for writing "
                                     "itself, descriptor 3: it never reads an end-of-file")));
}

TEST_F(JudgePipe, ThatAProcessWaitsToOpen) {
  add(20, "logger", Access::Write);
  facts_.opening = {{.process = {.pid = 9, .start_time = 1}, .command = "cat", .access = Access::Read}};
  EXPECT_THAT(judge(),
              testing::Contains("warning: 'cat' (pid 9) waits in open(2) until a process opens the FIFO for "
                                "writing. Start that process"));
}

TEST_F(JudgePipe, ThatIsSmall) {
  add(10, "cat", Access::Read);
  add(20, "logger", Access::Write);
  holds(0, 65536);
  EXPECT_THAT(judge(), ElementsAre(StartsWith("warning: the pipe holds no more than 64.0KiB: a burst")));
  holds(0, 8192);
  EXPECT_THAT(judge(), ElementsAre(AllOf(StartsWith("warning: the pipe has 2 slots only (8.00KiB)"),
                                         HasSubstr("fs.pipe-user-pages-soft, 16384 pages"))));
}

// Each is counted by the kernel, but is no descriptor of a process: no reader is not the answer.
TEST_F(JudgePipe, WithAnEndThatNoProcessHas) {
  facts_.kernel = KernelPipe{.readers = 2, .writers = 1, .unfound_readers = 2, .unfound_writers = 1};
  EXPECT_THAT(
      judge(),
      ElementsAre("warning: the kernel counts 2 open files of the pipe, for reading, that no process has "
                  "as a descriptor. Look for a descriptor that is in flight over a socket "
                  "(SCM_RIGHTS), for one that is registered with io_uring, and for processes outside "
                  "of this PID namespace",
                  StartsWith("warning: the kernel counts 1 open file of the pipe, for writing, that")));
}

// What to do is said once.
TEST_F(JudgePipe, OfWhichNotAllCanBeSeen) {
  facts_.unseen = {1, 2, 3, 4, 5, 6};
  facts_.others_hidden = true;
  facts_.fill = {.fill = {}, .errnum = EPERM};
  EXPECT_THAT(
      judge(),
      ElementsAre("warning: of the processes that could be looked at, none has the pipe open for reading. It "
                  "holds an unknown number of bytes",
                  "warning: of the processes that could be looked at, none has the pipe open for writing",
                  "warning: /proc does not show the processes of other users (hidepid=): they may have the "
                  "pipe open, too. Run slurper inspect as root",
                  "warning: 6 processes could not be looked at, and may have the pipe open, too: pid 1, 2, "
                  "3, 4, 5, …",
                  "warning: the size of the pipe and what it holds are unknown: Operation not permitted"));
}

TEST_F(JudgePipe, OfWhichRootCanNotSeeAll) {
  facts_.is_by_root = true;
  facts_.unseen = {1};
  EXPECT_THAT(judge().back(),
              "warning: 1 process could not be looked at, and may have the pipe open, too: pid "
              "1. Run slurper inspect with the capability CAP_SYS_PTRACE, or with CAP_BPF and "
              "CAP_PERFMON");
}

}  // namespace
}  // namespace slurper::test
