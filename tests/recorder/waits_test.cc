// slurper trace --explain, on recordings of real programs of which one waits for another, and of programs
// that nearly do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/recording.h"

namespace slurper::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Waits : public BothEngines {
 protected:
  // Records a script, in which $1 is a FIFO and $2 a folder.
  void record_script(const std::string& script) {
    // How long a process sleeps in a function of the kernel is not seen before it does.
    const std::string functions =
        "sleeps() { until grep -q \"$2\" /proc/$1/wchan 2>/dev/null; do sleep 0.01; done; }\n";
    recorded_ = record(arguments({"-w", capture_},
                                 {"bash", "-c", functions + script, "bash", make_fifo(), folder_.path()}))
                    .err;
  }
  void record_task(const std::vector<std::string>& task) { recorded_ = record_program(task).err; }
  // In one line, for words that a line's end may separate.
  [[nodiscard]] std::string explained() const {
    std::string text;
    for (const std::string& line : slurper(capture_, {"--explain=all"})) {
      std::string_view rest = line;
      rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
      text.append(text.empty() ? "" : " ").append(rest);
    }
    return text;
  }

  std::string recorded_;
};

INSTANTIATE_TEST_SUITE_P(Engines, Waits, both_engines(), name_of_engine);

// As popen2: the program waits for the answer of a filter that waits for more.
TEST_P(Waits, AProgramThatReadsBeforeItHasClosedItsFiltersInput) {
  record_script(
      "bash -c 'coproc sort; echo b >&\"${COPROC[1]}\"; echo \"$COPROC_PID\" >\"$0/filter\"; "
      "read -r line <&\"${COPROC[0]}\"' \"$2\" & program=$!\n"
      "until [ -s \"$2/filter\" ]; do sleep 0.01; done; filter=$(cat \"$2/filter\")\n"
      "sleeps $program pipe_read; sleeps $filter pipe_read; sleep 1.1; kill $program; wait");
  EXPECT_THAT(explained(),
              AllOf(HasSubstr("Harm: processes that wait for each other, "), HasSubstr(" for sort ("),
                    HasSubstr("in read on a pipe"), HasSubstr("none of them can go on."),
                    HasSubstr("must close the pipe, and flush its buffer")))
      << recorded_;
}

TEST_P(Waits, AFilterThatIsSlowIsFine) {
  record_script(
      "coproc { cat >/dev/null; sleep 1.2; echo answer; }; echo b >&\"${COPROC[1]}\"; "
      "eval \"exec ${COPROC[1]}>&-\"; read -r line <&\"${COPROC[0]}\"; wait");
  EXPECT_THAT(explained(), AllOf(HasSubstr("nothing that has done harm was found"),
                                 Not(HasSubstr("processes that wait for each other"))))
      << recorded_;
}

// Each fills a pipe that the other one does not read meanwhile.
TEST_P(Waits, AProgramThatWritesAllBeforeItReads) {
  record_script(
      "bash -c 'coproc cat; echo \"$COPROC_PID\" >\"$0/filter\"; printf \"%300000d\" 1 >&\"${COPROC[1]}\"' "
      "\"$2\" & program=$!\n"
      "until [ -s \"$2/filter\" ]; do sleep 0.01; done; filter=$(cat \"$2/filter\")\n"
      "sleeps $program pipe_write; sleeps $filter pipe_write; sleep 1.1; kill $program; wait");
  EXPECT_THAT(explained(), AllOf(HasSubstr("Harm: processes that wait for each other, "), HasSubstr("cat ("),
                                 HasSubstr("in write on a pipe"), HasSubstr("none of them can go on.")))
      << recorded_;
}

TEST_P(Waits, TheHolderOfALockAndWhatItWaitsFor) {
  record_script(
      "flock \"$2/lock\" sh -c 'echo $$ >\"$0/child\"; exec sleep 30' \"$2\" &\n"
      "until [ -s \"$2/child\" ]; do sleep 0.01; done\n"
      "flock \"$2/lock\" true & waiter=$!\n"
      "sleeps $waiter lock; sleep 1.1; kill $waiter; wait $waiter; kill $(cat \"$2/child\"); wait");
  EXPECT_THAT(explained(),
              AllOf(HasSubstr("Note: a wait for a lock, flock ("), HasSubstr("because the file was locked"),
                    HasSubstr("which had had a lock on <f>"), HasSubstr("waits for its child sleep ("),
                    Not(HasSubstr("Harm:"))))
      << recorded_;
}

TEST_P(Waits, ALockThatIsSharedIsFine) {
  record_script("flock -s \"$2/lock\" sleep 1.2 & flock -s \"$2/lock\" sleep 1.2; wait");
  EXPECT_THAT(explained(), Not(HasSubstr("a wait for a lock"))) << recorded_;
}

TEST_P(Waits, AWriterWhoseReaderWasKilledBeforeItOpened) {
  record_script(
      "cat \"$1\" >\"$2/read\" & reader=$!; exec 7>\"$1\"; echo one >&7\n"
      "until [ -s \"$2/read\" ]; do sleep 0.01; done; kill -KILL $reader; wait $reader; exec 7>&-\n"
      "sh -c 'echo two >\"$1\"' sh \"$1\" & writer=$!\n"
      "sleeps $writer wait_for_partner; sleep 1.1; kill $writer; wait");
  EXPECT_THAT(explained(), AllOf(HasSubstr("Harm: an open that waits for the other end, sh ("),
                                 HasSubstr("no process had the FIFO open for reading. cat ("),
                                 HasSubstr("Start the reader.")))
      << recorded_;
}

TEST_P(Waits, AReaderThatComesLateIsFine) {
  record_script("{ sleep 1.2; cat \"$1\" >/dev/null; } & echo one >\"$1\"; wait");
  EXPECT_THAT(explained(),
              AllOf(HasSubstr("nothing that has done harm was found"), Not(HasSubstr("an open that waits"))))
      << recorded_;
}

TEST_P(Waits, AConnectionWhoseOtherEndReadsLate) {
  for (const std::string kind : {"stream", "tcp"}) {
    record_task({"receive-late", folder_ / kind, kind});
    EXPECT_THAT(explained(), AllOf(HasSubstr("Note: a blocked write, traced_program ("),
                                   HasSubstr("because the other end had not read what was written before"),
                                   HasSubstr("was in clock_nanosleep for 1."), Not(HasSubstr("Harm:"))))
        << recorded_;
  }
}

// Every program that logs waits for such a server.
TEST_P(Waits, AServerOfDatagramsThatReceivesLate) {
  record_task({"receive-late", folder_ / "datagrams", "datagrams"});
  EXPECT_THAT(explained(),
              AllOf(HasSubstr("Harm: a blocked write, traced_program ("),
                    HasSubstr("has the socket that the bytes are sent to"),
                    HasSubstr("was in clock_nanosleep for 1."), HasSubstr("Make the server read")))
      << recorded_;
}

TEST_P(Waits, AServerThatReceivesAtOnceIsFine) {
  for (const std::string kind : {"stream-at-once", "tcp-at-once", "datagrams-at-once"}) {
    record_task({"receive-late", folder_ / kind, kind});
    EXPECT_THAT(explained(), Not(HasSubstr("a blocked write"))) << recorded_;
  }
}

}  // namespace
}  // namespace slurper::test
