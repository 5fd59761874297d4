// slurper trace --explain, on recordings of real programs: those that suffer, and those that do nothing
// wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/recording.h"
#include "support/daemon.h"

namespace slurper::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// The shell that begins a pipeline has its pipe open, too, until it waits for the pipeline's end.
const std::string parent_has_closed = "until grep -q do_wait /proc/$PPID/wchan </dev/null; do :; done; ";

class Explain : public RecorderSite {
 protected:
  Explain() : RecorderSite("bpf") {}

  // Records a script, in which $1 is a FIFO and $2 a folder.
  void record_script(const std::string& script) {
    const Recorded recorded =
        record({"-w", capture_, "--", "sh", "-c", script, "sh", make_fifo(), folder_.path()});
    recorded_ = recorded.err;
  }
  void record_task(const std::vector<std::string>& task) { recorded_ = record_program(task).err; }
  // In one line, for words that a line's end may separate.
  [[nodiscard]] std::string explained(const std::vector<std::string>& options = {"--explain"}) const {
    std::string text;
    for (const std::string& line : slurper(capture_, options)) {
      std::string_view rest = line;
      rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
      text.append(text.empty() ? "" : " ").append(rest);
    }
    return text;
  }

  std::string recorded_;
};

TEST_F(Explain, APipelineThatHeadEndsHasDoneNoHarm) {
  record_script("yes | sh -c '" + parent_has_closed + "exec head -n 3'");
  EXPECT_THAT(explained(), HasSubstr("nothing that has done harm was found")) << recorded_;
  EXPECT_THAT(explained({"--explain=all"}),
              AllOf(HasSubstr("Note: a refused write, yes ("), HasSubstr("was refused with EPIPE"),
                    HasSubstr("because head ("), HasSubstr("SIGPIPE then ended the process"),
                    Not(HasSubstr("Harm:"))));
}

// The reader that the project began with: it sees the end of the file when the writer restarts, and does not
// read again.
TEST_F(Explain, AReaderThatStopsAtTheEndOfTheFile) {
  record_script(
      "sh -c 'exec <\"$1\"; while read line; do :; done; : >\"$2/seen\"; "
      "while [ ! -e \"$2/end\" ]; do sleep 0.01; done' sh \"$1\" \"$2\" & "
      "echo one >\"$1\"; while [ ! -e \"$2/seen\" ]; do sleep 0.01; done; "
      "echo two >\"$1\"; : >\"$2/end\"; wait");
  EXPECT_THAT(explained(), AllOf(HasSubstr("Harm: a reader that has stopped at the end of the file, sh ("),
                                 HasSubstr("the last writer in the recording, sh ("),
                                 HasSubstr("4 bytes in 1 write in all, and nothing has been read"),
                                 HasSubstr("Restart the reader.")))
      << recorded_;
}

// One that reads on is none.
TEST_F(Explain, AReaderThatOpensTheFifoAgainIsFine) {
  record_script(
      "sh -c 'for i in 1 2; do cat <\"$1\" >/dev/null; : >\"$2/seen$i\"; done' sh \"$1\" \"$2\" & "
      "echo one >\"$1\"; while [ ! -e \"$2/seen1\" ]; do sleep 0.01; done; echo two >\"$1\"; wait");
  EXPECT_THAT(explained(), HasSubstr("nothing that has done harm was found")) << recorded_;
}

TEST_F(Explain, AFullPipeAndAWriterThatGivesUp) {
  record_script("exec 3<>\"$1\"; dd if=/dev/zero of=\"$1\" oflag=nonblock bs=4096 count=20; true");
  EXPECT_THAT(explained(), AllOf(HasSubstr("Harm: a full pipe, dd ("), HasSubstr("was refused with EAGAIN"),
                                 HasSubstr("16 of its 16 slots in use"),
                                 HasSubstr("ended without writing these bytes again")))
      << recorded_;
}

TEST_F(Explain, ASecondReaderAndWhatItTook) {
  record_script(
      "exec 3<>\"$1\"; printf 'one\\ntwo\\nthree\\n' >&3; "
      "sh -c 'exec <\"$1\"; read line; : >\"$2/read\"; while [ ! -e \"$2/end\" ]; do sleep 0.01; done; read "
      "line' "
      "sh \"$1\" \"$2\" & while [ ! -e \"$2/read\" ]; do sleep 0.01; done; "
      "head -c 4 \"$1\" >/dev/null; : >\"$2/end\"; echo four >&3; wait");
  EXPECT_THAT(explained(),
              AllOf(HasSubstr("Harm: a second reader, head ("), HasSubstr("took 4 bytes with one read"),
                    HasSubstr("no other reader sees these bytes"), HasSubstr("end the other")))
      << recorded_;
}

TEST_F(Explain, AReaderThatWasKilled) {
  record_script("yes | sh -c '" + parent_has_closed + "read line; kill -KILL $$'");
  EXPECT_THAT(explained(), AllOf(HasSubstr("Harm: a refused write, yes ("),
                                 HasSubstr("had been killed by SIGKILL"), HasSubstr("Find out what killed")))
      << recorded_;
}

// The seed of `out=$(daemon)`: the shell waits for the end of what the daemon never writes to.
TEST_F(Explain, ADaemonThatKeepsThePipeOfAShellOpen) {
  record_script("out=$(sleep 1.5 & echo x); echo \"$out\" >\"$2/out\"");
  EXPECT_THAT(explained(), AllOf(HasSubstr("Harm: an inherited descriptor, sh ("), HasSubstr("sleep ("),
                                 HasSubstr("never wrote to it")))
      << recorded_;
}

// A quiet writer that may still write is no leak.
TEST_F(Explain, AQuietWriterIsNoLeak) {
  record_script("{ echo x; sleep 1.2; echo y; } | cat >\"$2/out\"");
  EXPECT_THAT(explained(), HasSubstr("nothing that has done harm was found")) << recorded_;
}

// FastCGI: an application that answers before it has read the end of the request.
TEST_F(Explain, ARefusedEndOfARequest) {
  record_task({"refuse-end-mark"});
  EXPECT_THAT(explained(), AllOf(HasSubstr("Harm: a refused write, traced_program ("),
                                 HasSubstr("The write of 8 bytes was refused with EPIPE"),
                                 HasSubstr("had closed the other end"),
                                 HasSubstr("had read 8 of the 8 bytes written to it before"),
                                 HasSubstr("What was refused: an empty FCGI_STDIN record."),
                                 HasSubstr("Nothing of the request itself is missing.")))
      << recorded_;
}

TEST_F(Explain, AnApplicationThatReadsAllIsFine) {
  record_task({"accept-end-mark"});
  EXPECT_THAT(explained(), HasSubstr("nothing that has done harm was found")) << recorded_;
}

TEST_F(Explain, APipeFullOfFewBytes) {
  record_task({"fill-slots"});
  EXPECT_THAT(explained(),
              AllOf(HasSubstr("Harm: a full pipe, traced_program ("), HasSubstr("16 of its 16 slots in use"),
                    HasSubstr("The slots held 16 bytes only, and have room for 65536 bytes")))
      << recorded_;
}

TEST_F(Explain, AWriterThatTriesAgainLosesNothing) {
  record_task({"retry-when-full"});
  EXPECT_THAT(explained(), HasSubstr("nothing that has done harm was found")) << recorded_;
  EXPECT_THAT(explained({"--explain=all"}), AllOf(HasSubstr("Note: a full pipe, traced_program ("),
                                                  HasSubstr("The writer wrote the same bytes later"),
                                                  Not(HasSubstr("flags of the open file"))));
}

TEST_F(Explain, AnotherProcessHasSetTheFlags) {
  record_task({"retry-when-a-child-says-so"});
  EXPECT_THAT(explained({"--explain=all"}),
              HasSubstr("The writer itself did not change the flags of the open file; traced_program ("))
      << recorded_;
}

TEST_F(Explain, ABlockedWriteAndAReaderThatIsLate) {
  record_script(
      "sh -c 'exec <\"$1\"; sleep 1.2; exec cat >/dev/null' sh \"$1\" & "
      "dd if=/dev/zero of=\"$1\" bs=100000 count=1; wait");
  EXPECT_THAT(explained(),
              AllOf(HasSubstr("Harm: a blocked write, dd ("), HasSubstr("The write of 100000 bytes took 1."),
                    HasSubstr("seconds after the write had begun"), HasSubstr("Instead, cat ("),
                    HasSubstr("was in wait4 for 1.")))
      << recorded_;
}

TEST_F(Explain, ABlockedWriteAndAReaderThatWasStopped) {
  record_script(
      "sh -c 'exec <\"$1\"; kill -STOP $$; exec cat >/dev/null' sh \"$1\" & reader=$!; "
      "dd if=/dev/zero of=\"$1\" bs=100000 count=1 & writer=$!; "
      "until grep -q pipe_write /proc/$writer/wchan; do sleep 0.01; done; sleep 1.1; "
      "kill -CONT $reader; wait");
  EXPECT_THAT(explained(),
              AllOf(HasSubstr("Harm: a blocked write, dd ("), HasSubstr("was stopped by a signal"),
                    HasSubstr("Find out what stops the reader")))
      << recorded_;
}

// A pipeline waits for its slowest program.
TEST_F(Explain, AWriterThatASlowReaderBlocksHasSufferedNoHarm) {
  record_script("timeout 1.2 yes | sleep 1.3");
  EXPECT_THAT(explained(), HasSubstr("nothing that has done harm was found")) << recorded_;
}

TEST_F(Explain, TwoProcessesThatWaitForEachOther) {
  record_script(
      "mkfifo \"$2/back\"; "
      "sh -c 'exec 3>\"$1\" 4<\"$2/back\"; exec dd if=/dev/zero bs=200000 count=1 >&3' sh \"$1\" \"$2\" & "
      "one=$!; "
      "sh -c 'exec 4<\"$1\" 3>\"$2/back\"; exec dd if=/dev/zero bs=200000 count=1 >&3' sh \"$1\" \"$2\" & "
      "other=$!; "
      "for pid in $one $other; do until grep -q pipe_write /proc/$pid/wchan; do sleep 0.01; done; done; "
      "sleep 1.1; kill $one; wait $one; kill $other; wait");
  EXPECT_THAT(explained(), AllOf(HasSubstr("Harm: processes that wait for each other, dd ("),
                                 HasSubstr("Each waits for the next one, and none of them can go on.")))
      << recorded_;
}

TEST_F(Explain, AShortWriteWhoseRestNeverCame) {
  record_script("exec 3<>\"$1\"; dd if=/dev/zero of=\"$1\" oflag=nonblock bs=100000 count=1; true");
  EXPECT_THAT(explained(),
              AllOf(HasSubstr("Harm: a torn write, dd ("), HasSubstr("wrote 65536 of 100000 bytes"),
                    HasSubstr("never wrote the 34464 bytes that were missing")))
      << recorded_;
}

TEST_F(Explain, AFifoThatIsClosedBeforeItIsRead) {
  record_script("exec 3<>\"$1\"; echo x >&3; exec 3>&-");
  EXPECT_THAT(explained(), AllOf(HasSubstr("Harm: bytes thrown away unread, sh ("),
                                 HasSubstr("closed the last descriptor of the FIFO")))
      << recorded_;
}

TEST_F(Explain, AFifoThatIsClosedAfterItWasReadIsFine) {
  record_script("exec 3<>\"$1\"; echo x >&3; read line <&3; exec 3>&-");
  EXPECT_THAT(explained(), HasSubstr("nothing that has done harm was found")) << recorded_;
}

TEST_F(Explain, ASocketThatIsClosedBeforeItIsReadIsANote) {
  record_task({"leave-unread"});
  EXPECT_THAT(explained({"--explain=all"}),
              AllOf(HasSubstr("in which 8 bytes had not been read: they were thrown away"),
                    HasSubstr("in which 5 bytes had not been read"), Not(HasSubstr("Harm:"))))
      << recorded_;
}

TEST_F(Explain, AFileThatAnotherUserHasOpened) {
  record_script("exec 5>\"$2/log\"; setpriv --reuid 65534 sh -c 'echo x >&5'");
  EXPECT_THAT(explained({"--explain=all"}),
              AllOf(HasSubstr("Note: a file opened by another user, sh ("),
                    HasSubstr("used the file as user 65534"), HasSubstr("had opened it as user 0")))
      << recorded_;
}

TEST_F(Explain, AConnectionThatTimesOut) {
  record_task({"time-out"});
  EXPECT_THAT(explained(), AllOf(HasSubstr("Harm: a connection that timed out, traced_program ("),
                                 HasSubstr(", 127.0.0.1:"), HasSubstr("The connect failed with ETIMEDOUT")))
      << recorded_;
}

TEST_F(Explain, AServerThatAcceptsNoConnections) {
  record_task({"fill-queue", folder_.path()});
  EXPECT_THAT(explained(),
              AllOf(HasSubstr("Harm: a full queue of connections, traced_program ("),
                    HasSubstr("In the recording, this server had accepted no connection before.")))
      << recorded_;
}

TEST_F(Explain, ShortConnectionsDoNoHarm) {
  record_task({"converse", folder_ / "server", "100"});
  EXPECT_THAT(explained(), HasSubstr("nothing that has done harm was found")) << recorded_;
}

TEST_F(Explain, JsonHasTheEventsThatProveIt) {
  record_script("yes | head -n 1");
  const std::string json = explained({"--explain=all", "--json"});
  EXPECT_THAT(json, AllOf(HasSubstr("{\"pattern\":\"refused-write\",\"severity\":\"note\""),
                          HasSubstr("\"events\":["), HasSubstr("\"error\":\"EPIPE\"")));
}

}  // namespace
}  // namespace slurper::test
