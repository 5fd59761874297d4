#include "sink/exec/exec_sink.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <future>
#include <map>
#include <sstream>
#include <string>

#include "sink/exec/child_process.h"
#include "sink/sink_site.h"
#include "support/files.h"
#include "support/temp_dir.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using test::Delivered;
using test::text_of;

using namespace std::chrono_literals;
using test::content_of;
using test::eventually;
using testing::ContainsRegex;
using testing::HasSubstr;

std::vector<std::string> lines_of(const std::string& path) {
  std::istringstream text(content_of(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

class ExecSinkTest : public testing::Test {
 public:
  // As slurper does.
  ExecSinkTest() {
    for (const int number : {SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2}) (void)::signal(number, SIG_IGN);
  }
  ~ExecSinkTest() override {
    if (sink_) sink_->close();
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a zombie, or a program that still runs";
    EXPECT_EQ(errno, ECHILD);
  }

 protected:
  // `script` is the shell's, $OUT in it a file.
  void make(const std::string& script, SinkSite::Pairs options = {}) {
    std::string text = script;
    for (std::size_t at = 0; (at = text.find("$OUT")) != std::string::npos;) text.replace(at, 4, out_);
    options.insert(options.begin(), {{"path", dir_ / "program"}});
    std::ofstream(dir_ / "program") << "#!/bin/sh\n" << text << '\n';
    std::filesystem::permissions(dir_ / "program", std::filesystem::perms::owner_all);
    auto sink = site_.make(exec_sink(), options);
    ASSERT_TRUE(sink) << text_of(sink.error());
    sink_ = std::move(*sink);
  }
  Result<std::optional<Reached>> open() { return site_.open(*sink_); }

  // As the runner does it: batches, and back to what is held after an error. How many errors there were.
  int deliver_all(std::span<const Record> records, std::size_t batch_size, int max_errors) {
    int errors = 0;
    bool is_open = false;
    std::uint64_t held = records.front().offset();
    std::size_t next = 0;
    while (errors <= max_errors && held < records.back().next_offset()) {
      if (!is_open) {
        next = static_cast<std::size_t>(std::ranges::lower_bound(records, held, {}, &Record::offset) -
                                        records.begin());
        is_open = open().has_value();
        if (!is_open) {
          ++errors;
          sink_->close();
          continue;
        }
      }
      Result<std::uint64_t> reached = held;
      if (next < records.size()) {
        const auto batch = records.subspan(next, std::min(batch_size, records.size() - next));
        next += batch.size();
        const auto delivered = site_.deliver(*sink_, batch);
        if (delivered) {
          reached = delivered->acked;
        } else {
          reached = std::unexpected(delivered.error());
        }
      } else {
        reached = site_.flush(*sink_);
      }
      if (reached) {
        EXPECT_GE(*reached, held) << "what is held does not go back";
        held = *reached;
        continue;
      }
      ++errors;
      held = std::max(held, site_.acked());  // what was acknowledged before the error counts
      sink_->close();
      is_open = false;
    }
    return errors;
  }

  test::TempDir dir_ = test::TempDir::in_ram();
  std::string out_ = dir_ / "out";
  SinkSite site_;
  std::unique_ptr<Sink> sink_;
};

TEST_F(ExecSinkTest, LinesArriveAndAreHeldWhenTheyHaveBeenRead) {
  make("exec cat >$OUT");
  ASSERT_EQ(open().value(), std::nullopt);
  const auto batch = site_.records({"one", "", "t\x1bo"});
  const auto delivered = site_.deliver(*sink_, batch);
  ASSERT_TRUE(delivered) << text_of(delivered.error());
  EXPECT_EQ(site_.flush(*sink_).value(), batch.back().next_offset());
  sink_->close();
  EXPECT_EQ(content_of(out_), "one\n\nt\x1bo\n");
}

TEST_F(ExecSinkTest, TheStatusShowsTheProcess) {
  make("echo $$ >$OUT; exec cat");
  ASSERT_TRUE(open());
  ASSERT_TRUE(eventually([&] { return content_of(out_).ends_with('\n'); }));
  EXPECT_EQ(site_.shown() + '\n', "the program is process " + content_of(out_));
}

TEST_F(ExecSinkTest, WhatTheProgramHasNotReadIsNotHeld) {
  make("read -r line; echo \"$line\" >$OUT; trap '' TERM; exec sleep 100", {{"close_timeout", "1ms"}});
  ASSERT_TRUE(open());
  const auto batch = site_.records({"one", "two"});
  ASSERT_TRUE(site_.deliver(*sink_, batch));
  ASSERT_TRUE(eventually([&] { return content_of(out_) == "one\n"; }));
  auto settled = std::async(std::launch::async, [&] { return site_.flush(*sink_); });
  site_.stop();
  EXPECT_EQ(settled.get().value(), batch[1].offset());
  sink_->close();
  EXPECT_THAT(
      site_.said(),
      ContainsRegex(
          "sends SIGTERM to its program '.*', which has not ended 1ms after its input\nkills its program "));
}

TEST_F(ExecSinkTest, AProgramStartsInOrder) {
  make(
      "{ env | sort; pwd; echo $#,$1,$2; ls /proc/self/fd | paste -sd,; grep -E '^Sig(Blk|Ign)' "
      "/proc/self/status;"
      "cut -d' ' -f5 /proc/$$/stat; echo $$; } >$OUT; cat >/dev/null",
      {{"args", "a b"}});
  sigset_t blocked;
  sigfillset(&blocked);
  sigset_t before;
  (void)::pthread_sigmask(SIG_BLOCK, &blocked, &before);  // as slurper does
  const int leaked = ::open("/dev/null", O_RDONLY);       // without O_CLOEXEC
  const auto opened = open();
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(opened);
  ASSERT_TRUE(site_.deliver(*sink_, site_.records({"x"})));
  ASSERT_TRUE(site_.flush(*sink_));
  sink_->close();
  (void)::close(leaked);
  auto lines = lines_of(out_);
  ASSERT_EQ(lines.size(), 14U) << content_of(out_);
  const std::vector<std::string> expected = {
      "HOME=/",
      "LANG=C.UTF-8",
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "PWD=/",
      "SLURPER_LOG_ID=07070707-0707-0707-0707-070707070707",
      "SLURPER_SINK=test",
      "SLURPER_START_ID",
      "/",
      "1,a b,",
      "0,1,2,3",  // 3 is the folder that ls reads
      "SigBlk:\t0000000000000000"};
  lines[6].resize(lines[6].find('='));  // what follows is another each time
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(lines[i], expected[i]);
  // Of the C library's own two signals posix_spawn(3) makes ignored ones.
  constexpr std::uint64_t kOurs = 1U << (SIGHUP - 1) | 1U << (SIGUSR1 - 1) | 1U << (SIGUSR2 - 1);
  EXPECT_EQ(std::stoull(lines[11].substr(8), nullptr, 16) & 0x7fff'ffff, kOurs);
  EXPECT_EQ(lines[12], lines[13]) << "its process group is its own";
}

TEST_F(ExecSinkTest, WhatCannotBeStartedIsAnError) {
  make("true");
  std::filesystem::permissions(dir_ / "program", std::filesystem::perms::owner_read);
  EXPECT_THAT(text_of(open().error()),
              ContainsRegex("cannot start the program '.*/program': Permission denied"));
  std::filesystem::remove(dir_ / "program");
  EXPECT_THAT(text_of(open().error()), HasSubstr("No such file or directory"));
  EXPECT_THAT(text_of(site_.make(exec_sink(), {{"path", "cat"}}).error()),
              HasSubstr("path of the sink 'test' is \"cat\", but must be the absolute path of a program"));
  EXPECT_THAT(text_of(site_.make(exec_sink(), {}).error()), HasSubstr("needs 'path'"));
}

TEST_F(ExecSinkTest, AProgramThatEndsSaysWhy) {
  make("read -r line; echo \"no room for $line\" >&2; exit 3");
  ASSERT_TRUE(open());
  const auto records = site_.records({"one", "two", "three"});
  EXPECT_TRUE(site_.deliver(*sink_, records.first(1)));
  Result<Delivered> delivered = Delivered{};
  ASSERT_TRUE(eventually([&] { return !(delivered = site_.deliver(*sink_, records.subspan(1))); }));
  EXPECT_THAT(
      text_of(delivered.error()),
      ContainsRegex("cannot hand lines to the program '.*': it ended with status 3; the last line that it "
                    "wrote is 'no room for one'"));
  EXPECT_THAT(site_.said(), ContainsRegex("reports a line from its program '.*/program': no room for one\n"));
}

TEST_F(ExecSinkTest, WhatAProgramThatEndsHasNotReadFailsTheFlush) {
  make("read -r line; exit 3");
  ASSERT_TRUE(open());
  ASSERT_TRUE(site_.deliver(*sink_, site_.records({"one", "two"})));
  const auto flushed = site_.flush(*sink_);
  ASSERT_FALSE(flushed);
  EXPECT_THAT(text_of(flushed.error()), HasSubstr("it ended with status 3"));
}

// Reads some lines, then ends or is killed, again and again: it has each line that it read once, and all
// others.
TEST_F(ExecSinkTest, NothingIsLostByAProgramThatEndsAgainAndAgain) {
  for (const std::string last : {"exit 0", "exit 1", "kill -9 $$"}) {
    std::filesystem::remove(out_);
    make("for n in 1 2 3 4 5 6 7; do read -r line && echo \"$line\" >>$OUT; done; " + last);
    const auto records = site_.numbered(0, 100);
    EXPECT_GT(deliver_all(records, 10, 1000), 5);
    std::map<std::string, int> seen;
    for (const std::string& line : lines_of(out_)) ++seen[line];
    for (const Record& record : records) EXPECT_EQ(seen[std::string(record.raw())], 1) << record.raw();
    sink_->close();
  }
}

TEST_F(ExecSinkTest, AByteAtATime) {
  make("exec dd bs=1 of=$OUT 2>/dev/null");
  ASSERT_TRUE(open());
  const auto batch = site_.records(std::vector<std::string>(700, std::string(100, 'x')));
  ASSERT_TRUE(site_.deliver(*sink_, batch));
  EXPECT_EQ(site_.flush(*sink_).value(), batch.back().next_offset());
  sink_->close();
  EXPECT_EQ(content_of(out_).size(), 70'700U);
}

TEST_F(ExecSinkTest, AProgramThatReadsNothingHoldsNoStopUp) {
  make("exec sleep 1000", {{"close_timeout", "10ms"}});
  ASSERT_TRUE(open());
  const auto batch = site_.records(std::vector<std::string>(2000, std::string(100, 'x')));
  auto delivered = std::async(std::launch::async, [&] { return site_.deliver(*sink_, batch); });
  EXPECT_EQ(delivered.wait_for(50ms), std::future_status::timeout);
  site_.stop();
  EXPECT_EQ(delivered.get()->acked, batch.front().offset());
  EXPECT_EQ(site_.flush(*sink_).value(), batch.front().offset());
  sink_->close();
  EXPECT_THAT(site_.said(), HasSubstr("sends SIGTERM"));
}

TEST_F(ExecSinkTest, WhatItSaysIsToldButNotWithoutEnd) {
  make("echo on stdout; yes 'a\033[31m' | head -n 100000 >&2; cat >$OUT");
  ASSERT_TRUE(open());
  ASSERT_TRUE(site_.deliver(*sink_, site_.records({"x"})));
  ASSERT_TRUE(site_.flush(*sink_));
  sink_->close();
  EXPECT_EQ(content_of(out_), "x\n");
  EXPECT_THAT(site_.said(), HasSubstr("program': on stdout\n"));
  EXPECT_THAT(site_.said(), HasSubstr("program': a\\x1b[31m\n"));
  EXPECT_EQ(std::ranges::count(site_.said(), '\n'), 10);
}

// The limit is for 10 seconds.
TEST_F(ExecSinkTest, LinesThatWereLeftOutAreCounted) {
  make("seq 100 >&2; sleep 11; echo then >&2; cat >/dev/null");
  ASSERT_TRUE(open());
  ASSERT_TRUE(site_.deliver(*sink_, site_.records({"x"})));
  ASSERT_TRUE(site_.flush(*sink_));
  sink_->close();
  EXPECT_THAT(site_.said(), HasSubstr("program': then (it left out 90 lines before it)\n"));
}

TEST(ChildProcess, AnEndThatAnotherPartHasCollectedIsUnknown) {
  ChildProcess child;
  ASSERT_TRUE(child.start({.path = "/bin/true", .args = {}, .environment = {}}));
  ASSERT_EQ(::waitpid(child.pid(), nullptr, 0), child.pid());
  EXPECT_EQ(text_of(child.ask_how_it_ended()), "it has ended, and its status is unknown");
}

// Of a process that the test has not started itself: init or a subreaper reaps it.
bool is_gone(const std::string& pid) {
  const std::string stat = content_of("/proc/" + pid + "/stat");
  return stat.empty() || stat.find(") Z ") != std::string::npos;
}
// The pids that a program has written into the file, one a line.
std::vector<std::string> pids_in(const std::string& path, std::size_t count) {
  std::vector<std::string> pids;
  EXPECT_TRUE(eventually([&] { return (pids = lines_of(path)).size() == count; })) << content_of(path);
  return pids;
}

// Children that a program leaves behind would pile up with each new start of it.
TEST_F(ExecSinkTest, TheGroupEndsWithItsLeader) {
  make("for n in 1 2 3 4 5 6 7; do sleep 1000 & echo $! >>$OUT; done; read -r line; exit 3");
  for (std::size_t start = 1; start <= 3; ++start) {
    ASSERT_TRUE(open());
    const auto batch = site_.records({"one"});
    Result<Delivered> delivered = Delivered{};
    ASSERT_TRUE(eventually([&] { return !(delivered = site_.deliver(*sink_, batch)); }));
    EXPECT_THAT(text_of(delivered.error()), HasSubstr("it ended with status 3"));
    const auto pids = pids_in(out_, 7 * start);
    sink_->close();
    for (const std::string& pid : pids) EXPECT_TRUE(eventually([&] { return is_gone(pid); })) << pid;
  }
  // What has not got to its execve(2) yet has its parent's name.
  EXPECT_THAT(
      site_.said(),
      ContainsRegex("ends what its program '.*' has left behind: [0-9]+ .'(sleep|program)'.; .*; and 2 "
                    "more\n"));
}

TEST_F(ExecSinkTest, WhatIgnoresATermInTheGroupIsKilled) {
  make("(trap '' TERM; echo ready >$OUT; exec sleep 1000) & echo $! >$OUT.pid; read -r line; exit 3");
  ASSERT_TRUE(open());
  ASSERT_TRUE(eventually([&] { return content_of(out_) == "ready\n"; }));
  const auto batch = site_.records({"one"});
  ASSERT_TRUE(eventually([&] { return !site_.deliver(*sink_, batch); }));
  sink_->close();
  const std::string pid = pids_in(out_ + ".pid", 1).front();
  EXPECT_TRUE(eventually([&] { return is_gone(pid); }));
  EXPECT_THAT(site_.said(),
              ContainsRegex("kills what its program '.*' has left behind, which continues in spite of "));
}

// slurper exits soon, and leaves nothing behind.
TEST_F(ExecSinkTest, WhenSlurperStopsNoProgramOutlivesIt) {
  make("trap '' TERM; echo $$ >$OUT; while :; do sleep 1; done", {{"close_timeout", "1h"}});
  ASSERT_TRUE(open());
  const std::string pid = pids_in(out_, 1).front();
  auto closed = std::async(std::launch::async, [&] { sink_->close(); });
  site_.stop();
  closed.get();
  EXPECT_TRUE(is_gone(pid));
  EXPECT_THAT(site_.said(),
              ContainsRegex("sends SIGTERM to its program '.*', which has not ended .* after its "
                            "input\nkills its program '.*', which continues in spite of SIGTERM"));
}

// A pipeline's end writes what its beginning has read: the end of the input reaches it last.
TEST_F(ExecSinkTest, WhatFinishesItsWorkInTheGroupIsLeftTheTime) {
  make("mkfifo $OUT.go; (cat $OUT.go >/dev/null; echo done >$OUT) </dev/null & read -r line",
       {{"close_timeout", "1h"}});
  ASSERT_TRUE(open());
  auto closed = std::async(std::launch::async, [&] { sink_->close(); });
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(out_ + ".go"); }));
  std::ofstream(out_ + ".go") << "go\n";
  closed.get();
  EXPECT_EQ(content_of(out_), "done\n");
  EXPECT_EQ(site_.said(), "");
}

TEST_F(ExecSinkTest, WhatHasLeftTheGroupIsNamedAndLeftAlone) {
  make("setsid sh -c 'echo $$ >$OUT; exec sleep 1000' & while [ ! -s $OUT ]; do sleep 0.01; done");
  ASSERT_TRUE(open());
  const std::string pid = pids_in(out_, 1).front();
  ASSERT_TRUE(eventually([&] { return content_of("/proc/" + pid + "/comm") == "sleep\n"; }));
  sink_->close();
  EXPECT_FALSE(is_gone(pid));
  EXPECT_THAT(site_.said(),
              ContainsRegex("leaves alone what its program '.*' has started in another session or process "
                            "group: " +
                            pid + " .'sleep'.. It continues until it ends by itself"));
  (void)::kill(std::stoi(pid), SIGKILL);
}

// What logger(1) in the program would do: each line comes back as the message of another.
TEST_F(ExecSinkTest, LinesThatComeBackInTheirOrderStopIt) {
  make("exec cat >/dev/null");
  ASSERT_TRUE(open());
  std::vector<std::string> lines;
  for (int i = 0; i < 40; ++i) lines.push_back(fmt::format("<13>Nov 21 22:14:15 host prog[7]: line {}", i));
  Result<Delivered> delivered = Delivered{};
  int rounds = 0;
  for (; delivered && rounds < 10; ++rounds) {
    delivered = site_.deliver(*sink_, site_.records(lines));
    for (std::string& line : lines) line = "<13>Nov 21 22:14:16 host logger: " + line;
  }
  ASSERT_FALSE(delivered) << "it went round for ever";
  EXPECT_EQ(rounds, 3) << "and came back twice";
  EXPECT_EQ(delivered.error().kind, ErrorKind::Loop);
  EXPECT_THAT(
      text_of(delivered.error()),
      ContainsRegex("cannot hand lines to the program '.*': 64 different lines that it wrote have come "
                    "back through the FIFO, in their order, the last as '<13>.*logger: .*. Stop what this "
                    "program sends to a syslogd. Then run systemctl reload slurper"));
  sink_->close();
  ASSERT_TRUE(open());
  EXPECT_TRUE(site_.deliver(*sink_, site_.records(lines))) << "it was told to go on";
}

// As `cat >FIFO` would do it.
TEST_F(ExecSinkTest, LinesThatComeBackAsTheyWereStopIt) {
  make("exec cat >/dev/null");
  ASSERT_TRUE(open());
  std::vector<std::string> lines;
  for (int i = 0; i < 40; ++i) lines.push_back(fmt::format("<13>Nov 21 22:14:15 host prog[7]: line {}", i));
  const auto first = site_.records(lines);
  // A batch that is delivered again is none that has come back.
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(site_.deliver(*sink_, first));
  Result<Delivered> delivered = Delivered{};
  int rounds = 0;
  for (; delivered && rounds < 10; ++rounds) delivered = site_.deliver(*sink_, site_.records(lines));
  ASSERT_FALSE(delivered) << "it went round for ever";
  EXPECT_EQ(rounds, 2) << "and came back twice";
  EXPECT_EQ(delivered.error().kind, ErrorKind::Loop);
}

TEST_F(ExecSinkTest, LinesThatAreEqualAreNoLoop) {
  make("exec cat >/dev/null", {{"format", "{msg}"}});
  ASSERT_TRUE(open());
  const std::vector<std::string> equal(1000, "<13>Nov 21 22:14:15 host prog[7]: again");
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(site_.deliver(*sink_, site_.records(equal)));
  // A job that logs the same every minute.
  for (int i = 0; i < 100; ++i) {
    const auto delivered = site_.deliver(*sink_, site_.numbered(0, 50));
    ASSERT_TRUE(delivered) << text_of(delivered.error());
  }
}

constexpr const char* kAnswering = "echo OK; while read -r line; do echo \"$line\" >>$OUT; echo OK; done";

TEST_F(ExecSinkTest, EachLineIsConfirmed) {
  make(kAnswering, {{"confirm", "line"}});
  ASSERT_TRUE(open());
  const auto batch = site_.numbered(0, 1000);
  EXPECT_EQ(site_.deliver(*sink_, batch)->acked, batch.back().next_offset());
  EXPECT_EQ(lines_of(out_).size(), 1000U);
  EXPECT_EQ(site_.flush(*sink_).value(), batch.back().next_offset());
}

TEST_F(ExecSinkTest, NoMoreLinesAreUnderWayThanTheWindowAllows) {
  make("echo OK; exec sleep 100", {{"confirm", "line"}, {"window_lines", "3"}, {"close_timeout", "0ms"}});
  ASSERT_TRUE(open());
  const auto batch = site_.numbered(0, 1000);
  auto delivered = std::async(std::launch::async, [&] { return site_.deliver(*sink_, batch); });
  EXPECT_EQ(delivered.wait_for(50ms), std::future_status::timeout);
  site_.stop();
  ASSERT_TRUE(delivered.get());
  EXPECT_EQ(site_.flush(*sink_).value(), batch.front().offset());
}

TEST_F(ExecSinkTest, AWrongAnswerIsAnErrorAndWhatWasConfirmedStays) {
  make("echo OK; read -r a; echo ...OK; read -r b; echo '.no database'; cat >/dev/null",
       {{"confirm", "line"}});
  ASSERT_TRUE(open());
  const auto batch = site_.numbered(0, 3);
  EXPECT_THAT(text_of(site_.deliver(*sink_, batch).error()), HasSubstr("it answered 'no database'"));
  EXPECT_EQ(site_.acked(), batch[1].offset());
  sink_->close();
  ASSERT_TRUE(open());
  ASSERT_TRUE(site_.deliver(*sink_, batch.subspan(1, 1)));
}

TEST_F(ExecSinkTest, WhatIsRejectedNeverComesAgain) {
  make("echo OK; while read -r line; do case $line in *1) echo 'REJECTED: too odd';; *) echo OK;; esac; done",
       {{"confirm", "line"}});
  ASSERT_TRUE(open());
  const auto batch = site_.numbered(0, 12);
  const auto delivered = site_.deliver(*sink_, batch);
  ASSERT_TRUE(delivered);
  EXPECT_EQ(delivered->acked, batch.back().next_offset());
  ASSERT_EQ(delivered->rejected.size(), 2U);
  EXPECT_EQ(delivered->rejected[1].index, 11U);
  EXPECT_EQ(text_of(delivered->rejected[1].reason), "too odd");
}

TEST_F(ExecSinkTest, AProgramThatIsNotReadyOrDoesNotAnswer) {
  make("echo no database", {{"confirm", "line"}});
  EXPECT_THAT(text_of(open().error()), HasSubstr("its first answer is 'no database', not OK"));
  sink_->close();
  make("exec sleep 100", {{"confirm", "line"}, {"confirm_timeout", "20ms"}, {"close_timeout", "0ms"}});
  EXPECT_THAT(text_of(open().error()),
              HasSubstr("it has not written the line OK, which says that it is ready, for 20ms. Have "
                        "it flush"));
  sink_->close();
  make("exec >&-; exec sleep 100", {{"confirm", "line"}, {"close_timeout", "0ms"}});
  EXPECT_THAT(text_of(open().error()), HasSubstr("it has closed its standard output"));
  sink_->close();
  make("exit 7", {{"confirm", "line"}});
  EXPECT_THAT(text_of(open().error()), HasSubstr("it ended with status 7"));
  sink_->close();
  make("echo OK; exec <&-; exec sleep 100", {{"confirm", "line"}, {"close_timeout", "0ms"}});
  ASSERT_TRUE(open());
  EXPECT_THAT(text_of(site_.deliver(*sink_, site_.numbered(0, 1)).error()),
              HasSubstr("it has closed its standard input"));
  sink_->close();
  make("read -r line; kill -9 $$");
  ASSERT_TRUE(open());
  const auto lines = site_.numbered(0, 1);
  Result<Delivered> killed = Delivered{};
  ASSERT_TRUE(eventually([&] { return !(killed = site_.deliver(*sink_, lines)); }));
  EXPECT_THAT(text_of(killed.error()), HasSubstr("it was ended by signal 9 (Killed)"));
  sink_->close();
  make("read -r line; kill -40 $$");
  ASSERT_TRUE(open());
  ASSERT_TRUE(eventually([&] { return !(killed = site_.deliver(*sink_, lines)); }));
  EXPECT_THAT(text_of(killed.error()), HasSubstr("it was ended by signal 40 (real-time)"));
  sink_->close();
  // Both answers in one write.
  make("echo OK; read -r line; printf 'OK\\nOK\\n'; exec sleep 100",
       {{"confirm", "line"}, {"close_timeout", "0ms"}});
  ASSERT_TRUE(open());
  const auto batch = site_.numbered(0, 1);
  EXPECT_THAT(text_of(site_.deliver(*sink_, batch).error()),
              HasSubstr("it answered 'OK' although every line had its answer"));
  EXPECT_EQ(site_.acked(), batch.back().next_offset()) << "what it confirmed counts";
}

TEST_F(ExecSinkTest, AMissingAnswerSaysWhatWasExpected) {
  const SinkSite::Pairs shortly = {{"confirm_timeout", "20ms"}, {"close_timeout", "0ms"}};
  for (const std::string mode : {"line", "transaction"}) {
    SinkSite::Pairs settings = shortly;
    settings.emplace_back("confirm", mode);
    settings[0].second = "1s";
    make("echo OK; exec sleep 100", settings);
    ASSERT_TRUE(open());
    EXPECT_THAT(
        text_of(site_.deliver(*sink_, site_.numbered(0, 1)).error()),
        AllOf(HasSubstr(mode == "line" ? "slurper expects a line OK, or REJECTED and a reason, for each "
                                         "line that it has read"
                                       : "and OK after COMMIT TRANSACTION"),
              HasSubstr("Then raise confirm_timeout"), HasSubstr("confirm = \"none\"")));
    sink_->close();
  }
}

// Signs of life, slower than the time that an answer has.
TEST_F(ExecSinkTest, DotsKeepAProgramAlive) {
  make("echo OK; read -r line; for n in 1 2 3 4 5 6 7 8 9; do printf .; sleep 0.4; done; echo OK; cat",
       {{"confirm", "line"}, {"confirm_timeout", "3s"}});
  ASSERT_TRUE(open());
  const auto batch = site_.numbered(0, 1);
  const auto delivered = site_.deliver(*sink_, batch);
  ASSERT_TRUE(delivered) << text_of(delivered.error());
  EXPECT_EQ(delivered->acked, batch.back().next_offset());
}

// rsyslog's plug-ins for useTransactions.
TEST_F(ExecSinkTest, ABatchIsATransaction) {
  make(
      "echo OK; while read -r line; do echo \"$line\" >>$OUT; case $line in *TRANSACTION) echo OK;; "
      "*) echo DEFER_COMMIT;; esac; done",
      {{"confirm", "transaction"}});
  ASSERT_TRUE(open());
  const auto batch = site_.records({"one", "COMMIT TRANSACTION", "two"});
  const auto delivered = site_.deliver(*sink_, batch);
  ASSERT_TRUE(delivered) << text_of(delivered.error());
  EXPECT_EQ(delivered->acked, batch.back().next_offset());
  // Nobody who writes to the FIFO can end a transaction.
  ASSERT_EQ(delivered->rejected.size(), 1U);
  EXPECT_EQ(delivered->rejected[0].index, 1U);
  EXPECT_EQ(text_of(delivered->rejected[0].reason), "it reads like the mark of a transaction");
  EXPECT_EQ(content_of(out_), "BEGIN TRANSACTION\none\ntwo\nCOMMIT TRANSACTION\n");
}

TEST_F(ExecSinkTest, ATransactionThatFailsComesAgainFromWhereItWasCommitted) {
  make(
      "echo OK; read -r b; echo OK; read -r l; echo DEFER_COMMIT; read -r l; echo PREVIOUS_COMMITTED; read "
      "-r l; "
      "echo out of order; cat >/dev/null",
      {{"confirm", "transaction"}});
  ASSERT_TRUE(open());
  const auto batch = site_.numbered(0, 5);
  EXPECT_THAT(text_of(site_.deliver(*sink_, batch).error()), HasSubstr("it answered 'out of order'"));
  EXPECT_EQ(site_.acked(), batch[1].offset());
}

TEST_F(ExecSinkTest, ConfirmedLinesThatComeAgainAreBoundByTheWindow) {
  constexpr int kWindow = 16;
  make(
      "echo OK; n=0; while read -r line; do echo \"$line\" >>$OUT; n=$((n+1)); [ $n -lt 37 ] || kill -9 $$; "
      "echo OK; done",
      {{"confirm", "line"}, {"window_lines", std::to_string(kWindow)}});
  const auto records = site_.numbered(0, 500);
  const int errors = deliver_all(records, 50, 1000);
  EXPECT_GT(errors, 10);
  std::map<std::string, int> seen;
  int again = 0;
  for (const std::string& line : lines_of(out_)) again += seen[line]++ > 0 ? 1 : 0;
  for (const Record& record : records) EXPECT_GE(seen[std::string(record.raw())], 1) << record.raw();
  EXPECT_LE(again, errors * kWindow);
}

}  // namespace
}  // namespace slurper
