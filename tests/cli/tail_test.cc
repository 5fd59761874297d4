// slurper tail on a log that no slurper writes. tests/e2e has those that follow one.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/tail_site.h"
#include "support/child.h"

namespace slurper::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class TailCommand : public TailSite {};

std::string numbers(int from, int to) {
  std::string lines;
  for (int i = from; i < to; ++i) lines += std::to_string(i) + '\n';
  return lines;
}

TEST_F(TailCommand, ShowsTheLastLinesOfAllSegments) {
  add(numbers(0, 8), "2026-11-30T12:00Z");
  rotate();
  add(numbers(8, 12), "2026-11-30T12:01Z");
  rotate();
  add(numbers(12, 14), "2026-11-30T12:02Z");
  for (const bool compressed : {false, true}) {
    if (compressed) (void)compress();
    EXPECT_EQ(shown({}), numbers(4, 14));
    EXPECT_EQ(shown({"-n", "2"}), numbers(12, 14));
    EXPECT_EQ(shown({"-n3"}), numbers(11, 14));
    EXPECT_EQ(shown({"--lines=7"}), numbers(7, 14));
    EXPECT_EQ(shown({"-n", "100"}), numbers(0, 14));
    EXPECT_EQ(shown({"-n", "0"}), "");
    EXPECT_EQ(shown({"--offset", "0"}), numbers(0, 14));
  }
}

// More than a window, and lines that are longer than one.
TEST_F(TailCommand, SearchesTheLastLinesBackwards) {
  const std::string lines = numbered_lines(3 << 20);
  add(lines, "2026-11-30T12:00Z");
  const std::string long_line = std::string(700'000, 'x') + '\n';
  add(long_line + long_line, "2026-11-30T12:01Z");
  EXPECT_EQ(shown({"-n", "1"}), long_line);
  EXPECT_EQ(shown({"-n", "2"}), long_line + long_line);
  EXPECT_EQ(shown({"-n", "100000"}), lines + long_line + long_line);
  EXPECT_EQ(shown({"-n", "1", "raw contains 'line 17'"}).substr(0, 4), "Nov ");
  EXPECT_EQ(shown({"-n", "1", "raw endswith ': line 17'"}),
            "Nov 21 19:40:00 host program[" + std::to_string(17 * 7919 % 32768) + "]: line 17\n");
}

TEST_F(TailCommand, ShowsAnUnfinishedLineAndAnEmptyLog) {
  EXPECT_EQ(shown({}), "");
  add("one\ntw", "2026-11-30T12:00Z");
  EXPECT_EQ(shown({"-n", "1"}), "tw\n");
  EXPECT_EQ(shown({"--offset", "0"}), "one\ntw\n");
}

TEST_F(TailCommand, ShowsTheLinesOfATime) {
  add("a\nb\n", "2026-11-30T12:00:00Z");
  add("c\n", "2026-11-30T12:00:00.5Z");
  rotate();
  add("d\ne", "2026-11-30T12:10:00Z");
  add("e\nf\n", "2026-11-30T12:10:01Z");
  rotate();
  add("g\n", "2026-11-30T12:20:00Z");
  (void)compress();
  EXPECT_EQ(shown({"--since", "2026-11-30T12:05Z"}), "d\nee\nf\ng\n");
  EXPECT_EQ(shown({"--until", "2026-11-30T12:05Z"}), "a\nb\nc\n");
  EXPECT_EQ(shown({"--since", "2026-11-30T12:05Z", "--until", "2026-11-30T12:15Z"}), "d\nee\nf\n");
  EXPECT_EQ(shown({"--since", "2026-11-30T12:10:01Z"}), "f\ng\n") << "the line began before";
  EXPECT_EQ(shown({"--until", "2026-11-30T12:10:00Z"}), "a\nb\nc\nd\nee\n") << "and is shown to its end";
  EXPECT_EQ(shown({"--since", "2026-11-30T12:00:00.2Z", "--until", "2026-11-30T12:00:00.4Z"}), "a\nb\n")
      << "a block ends half a second after its beginning";
  EXPECT_EQ(shown({"--since", "2026-11-30T12:00:00.5Z", "--until", "2026-11-30T12:00:00.5Z"}), "c\n");
  EXPECT_EQ(shown({"--since", "2026-11-30T12:30Z"}), "");
  EXPECT_EQ(shown({"--since", "2026-11-30T12:05Z", "-n", "2"}), "f\ng\n");
  EXPECT_EQ(shown({"--until", "2026-11-30T12:15Z", "-n", "2"}), "ee\nf\n");
  EXPECT_EQ(shown({"--since", "2026-11-30T12:05Z", "raw = g or raw = a"}), "g\n");
}

// Three segments; the second one came after the clock had been set back by two hours.
TEST_F(TailCommand, LosesNoLineWhenTheClockWasSetBack) {
  ASSERT_EQ(::setenv("TZ", "UTC0", 1), 0);  // NOLINT(concurrency-mt-unsafe): no other thread runs
  add("noon\n", "2026-11-30T12:00Z");
  rotate();
  add("ten\n", "2026-11-30T10:00Z");
  add("later\n", "2026-11-30T10:20Z");
  rotate();
  add("five past\n", "2026-11-30T12:05Z");
  for (const bool compressed : {false, true}) {
    if (compressed) (void)compress();
    Outcome ten = tail({"--since", "2026-11-30T09:55Z", "--until", "2026-11-30T10:05Z"});
    EXPECT_EQ(ten.out, "ten\n");
    EXPECT_EQ(ten.err,
              "slurper: the clock was set back at offset 5, from 2026-11-30 12:00:00.000 to 2026-11-30 "
              "10:00:00.000: the lines are in the order in which they came, not in that of their times\n");
    EXPECT_EQ(ten.status, 0);
    EXPECT_EQ(tail({"--since", "2026-11-30T11:55Z"}).out, "noon\nfive past\n");
    EXPECT_EQ(tail({"--until", "2026-11-30T10:30Z"}).out, "ten\nlater\n");
    EXPECT_EQ(tail({"--until", "2026-11-30T10:30Z", "-n", "1"}).out, "later\n");
    EXPECT_EQ(tail({"--since", "2026-11-30T10:10Z"}).out, "noon\nlater\nfive past\n");
    EXPECT_EQ(shown({"--since", "2026-11-30T12:04Z"}), "five past\n") << "nothing next to it jumped";
  }
}

// Lines that "came" in the far future, as before a clock was right, are in no answer about today.
TEST_F(TailCommand, IsNotMisledByAClockThatWasAhead) {
  add("far\n", "2099-01-01T00:00Z");
  add("now\n", "2026-11-30T12:00Z");
  EXPECT_EQ(tail({"--since", "2026-11-30T11:00Z", "--until", "2026-11-30T13:00Z"}).out, "now\n");
  EXPECT_EQ(tail({"--since", "2027-01-01"}).out, "far\n");
}

void damage(const std::string& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path) / 2));
  file.write("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  ASSERT_TRUE(file);
}

// That the damaged segment is not missed proves that it is not read.
TEST_F(TailCommand, ReadsNoSegmentOutsideTheTime) {
  const std::string lines = numbered_lines(300'000);
  add(lines, "2026-11-30T12:00Z");
  rotate();
  damage(compress());
  add("new\n", "2026-11-30T12:10Z");
  EXPECT_EQ(shown({"--since", "2026-11-30T12:05Z"}), "new\n");
  EXPECT_EQ(shown({"-n", "1"}), "new\n");
  const Outcome outcome = tail({"--since", "2026-11-30T11:55Z"});
  EXPECT_EQ(outcome.status, 65);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("cannot read the segment"), HasSubstr("cannot show the offsets"),
                                 HasSubstr("their segment is damaged. Continues at offset 300000\n")));
  EXPECT_THAT(outcome.out, testing::EndsWith("\nnew\n"));
  const Outcome last = tail({"-n", "2"});
  EXPECT_EQ(last.status, 65);
  EXPECT_THAT(last.out, testing::EndsWith("\nnew\n"));
}

TEST_F(TailCommand, GoesByTheTimesInLines) {
  add("2026-11-30T12:00:00Z host a: one\n  continued\n2026-11-30T11:00:00Z host a: delayed\n",
      "2026-11-30T12:00Z");
  rotate();
  add("no time\n2026-11-30T12:01:00Z host a: two\n", "2026-11-30T13:00Z");
  (void)compress();
  EXPECT_EQ(shown({"--by", "line", "--since", "2026-11-30T12:00Z"}),
            "2026-11-30T12:00:00Z host a: one\n  continued\n2026-11-30T12:01:00Z host a: two\n");
  EXPECT_EQ(shown({"--by=line", "--until", "2026-11-30T11:30Z"}),
            "2026-11-30T11:00:00Z host a: delayed\nno time\n");
  EXPECT_EQ(shown({"--by=line", "--until", "2026-11-30T12:00Z", "-n", "2"}),
            "2026-11-30T11:00:00Z host a: delayed\nno time\n");
  EXPECT_EQ(shown({"--by=arrival", "--since", "2026-11-30T12:30Z"}),
            "no time\n2026-11-30T12:01:00Z host a: two\n");
}

TEST_F(TailCommand, WritesTheFormatsOfSinks) {
  add("<34>Nov 30 12:00:00 host sshd[7]: hello\n", "2026-11-30T12:00:01.5Z");
  EXPECT_EQ(shown({"--format", "{severity} {program}: {msg}"}), "crit sshd: hello\n");
  EXPECT_EQ(shown({"--format", "{arrival} {offset}"}), "2026-11-30T12:00:01.500000Z 0\n");
  EXPECT_THAT(shown({"--format", "json"}), HasSubstr(R"("msg":"hello")"));
  EXPECT_EQ(shown({"program", "=", "sshd", "and", "severity", "<=", "err"}).size(), 40U);
  EXPECT_EQ(shown({"program = cron"}), "");
}

TEST_F(TailCommand, BeginsAtAnOffset) {
  add("one\n", "2026-11-30T12:00Z");
  rotate();
  add("two\nthree\n", "2026-11-30T12:01Z");
  EXPECT_EQ(shown({"--offset", "4"}), "two\nthree\n");
  EXPECT_EQ(shown({"--offset", "6"}), "two\nthree\n") << "the line that has it";
  EXPECT_EQ(shown({"--offset", "2"}), "one\ntwo\nthree\n");
  EXPECT_EQ(shown({"--offset", "14"}), "");
  const Outcome beyond = tail({"--offset", "15"});
  EXPECT_EQ(beyond.status, 65);
  EXPECT_THAT(beyond.err, HasSubstr("from offset 15 on: nothing was ever written beyond offset 14"));
  std::filesystem::remove(paths_.rotated(StreamOffset{0}));
  const Outcome removed = tail({"--offset", "2"});
  EXPECT_EQ(removed.status, 0);
  EXPECT_EQ(removed.out, "two\nthree\n");
  EXPECT_EQ(removed.err,
            "slurper: cannot show the offsets 2 to 4 (2B): they were removed, by log.keep_files, "
            "log.keep_size, or by hand. Continues at offset 4\n");
}

TEST_F(TailCommand, SaysThatTheLogBeginsLater) {
  add("one\n", "2026-11-30T12:00Z");
  rotate();
  add("two\n", "2026-11-30T12:10Z");
  std::filesystem::remove(paths_.rotated(StreamOffset{0}));
  const Outcome outcome = tail({"--since", "2026-11-30T12:05Z"});
  EXPECT_EQ(outcome.out, "two\n");
  EXPECT_THAT(outcome.err, HasSubstr("cannot show the offsets 0 to 4 (4B): they were removed"));
  EXPECT_EQ(shown({"--since", "2026-11-30T12:15Z"}), "");
  EXPECT_EQ(shown({}), "two\n");
}

TEST_F(TailCommand, ReportsGapsOnce) {
  add("one\n", "2026-11-30T12:00Z");
  rotate();
  add("two\n", "2026-11-30T12:10Z");
  rotate();
  add("three\n", "2026-11-30T12:20Z");
  std::filesystem::remove(paths_.rotated(StreamOffset{4}));
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, {"--offset", "0"}, {"--since", "2026-11-30T11:00Z"}}) {
    const Outcome outcome = tail(arguments);
    EXPECT_EQ(outcome.out, "one\nthree\n");
    EXPECT_THAT(outcome.err, testing::StartsWith("slurper: cannot show the offsets 4 to 8 (4B): they were"));
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1);
  }
}

TEST_F(TailCommand, SaysWhatALossOfPowerTook) {
  add("one\n", "2026-11-30T12:00Z");
  ASSERT_TRUE(writer_->sync());
  begin(Uuid{2});  // without close()
  ASSERT_GT(end(), 4U);
  add("two\n", "2026-11-30T12:10Z");
  const Outcome outcome = tail({"--offset", "0"});
  EXPECT_EQ(outcome.out, "one\ntwo\n");
  EXPECT_THAT(outcome.err, HasSubstr("they were lost when the machine went down, or never assigned"));
}

// Without times of arrival, the times in the lines decide; a line without one is shown with the one before.
TEST_F(TailCommand, FallsBackToTheTimesInLines) {
  const std::string lines = "nothing\n2026-11-30T12:00:00Z h a: one\n more\n2026-11-30T12:10:00Z h a: two\n";
  add(lines, "2026-11-30T12:10Z");
  std::filesystem::remove(paths_.times());
  Outcome outcome = tail({"--since", "2026-11-30T12:05Z"});
  EXPECT_EQ(outcome.out, "nothing\n2026-11-30T12:10:00Z h a: two\n");
  EXPECT_EQ(outcome.err, "slurper: the arrival times of the offsets 0 to " + std::to_string(end()) +
                             " are unknown: the times in these lines are used instead\n");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(tail({"--until", "2026-11-30T12:05Z", "-n", "2"}).out, "2026-11-30T12:00:00Z h a: one\n more\n");
}

TEST_F(TailCommand, KnowsWhenTheTimesWereNotWritten) {
  add("2026-11-30T12:00:00Z h a: one\n", "2026-11-30T12:00Z");
  add("2026-11-30T12:10:00Z h a: two\n", "");
  set_last_write(utc("2026-11-30T12:10Z"));
  const Outcome outcome = tail({"--since", "2026-11-30T12:05Z"});
  EXPECT_EQ(outcome.out, "2026-11-30T12:10:00Z h a: two\n");
  EXPECT_THAT(outcome.err, HasSubstr("are unknown"));
}

TEST_F(TailCommand, DoesNotTrustDamagedTimes) {
  add("2026-11-30T12:00:00Z h a: one\n", "2026-11-30T12:00Z");
  add("2026-11-30T12:05:00Z h a: two\n", "2026-11-30T12:05Z");
  add("2026-11-30T12:10:00Z h a: three\n", "2026-11-30T12:10Z");
  std::fstream file(paths_.times(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(kTimesHeaderSize + kTimesEntrySize);  // the second one
  file.write("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  file.close();
  const Outcome outcome = tail({"--since", "2026-11-30T12:05Z", "--until", "2026-11-30T12:06Z"});
  EXPECT_EQ(outcome.out, "2026-11-30T12:05:00Z h a: two\n");
  EXPECT_THAT(outcome.err, HasSubstr("the arrival times of the offsets 0 to 60 are unknown"));
}

TEST_F(TailCommand, RefusesWhatItCannotUnderstand) {
  const auto refused = [&](const std::vector<std::string>& arguments) {
    const Outcome outcome = tail(arguments);
    EXPECT_EQ(outcome.status, 64);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  EXPECT_EQ(refused({"--since", "soon"}),
            "slurper: cannot understand the command line: --since: soon is no time. Write it as 10m (ago), "
            "10:15, \"2026-11-30 10:15:00\", today or @1764504000. See slurper tail --help\n");
  EXPECT_THAT(refused({"--until", "2026-13-01"}), HasSubstr("--until: 2026-13-01 is no time"));
  EXPECT_THAT(refused({"--since", "1m", "--until", "2m"}), HasSubstr("--until: is before --since"));
  EXPECT_THAT(refused({"-n", "-3"}), HasSubstr("-3 is no whole number"));
  EXPECT_THAT(refused({"--offset", "9999999999999999999"}), HasSubstr("is no whole number"));
  EXPECT_THAT(refused({"--format", "xml"}),
              HasSubstr("cannot accept the format 'xml': must be one of raw, json"));
  EXPECT_THAT(refused({"--by", "mood"}), HasSubstr("--by"));
  EXPECT_THAT(refused({"severty = err"}), HasSubstr("cannot accept the filter 'severty = err'"));
  EXPECT_THAT(tail({"length > 9 and length < 5"}).err, HasSubstr("the filter is doubtful"));
}

TEST_F(TailCommand, SaysWhyItCannotReadALog) {
  const Outcome missing = run_slurper({"tail", directory_ / "nothing"});
  EXPECT_EQ(missing.status, 66);
  EXPECT_EQ(missing.err, "slurper: cannot read the log '" + (directory_ / "nothing") +
                             "': there is no log. Name the path that `slurper run` was given\n");
  write_file(directory_ / "other", "line\n");
  const Outcome other = run_slurper({"tail", directory_ / "other"});
  EXPECT_EQ(other.status, 66);
  EXPECT_THAT(other.err, HasSubstr("it has no index, so slurper has not written it. Name the path that "
                                   "`slurper run` was given; tail -F follows any other file\n"));
}

TEST_F(TailCommand, NeedsNoMoreThanReadPermission) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can run a program as another user";
  add("one\n", "2026-11-30T12:00Z");
  const How nobody{.as_nobody = true};
  const Outcome allowed = tail({}, nobody);
  EXPECT_EQ(allowed.out, "one\n") << allowed.err;
  EXPECT_EQ(allowed.status, 0);
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
    std::filesystem::permissions(entry.path(), std::filesystem::perms(0640));
  const Outcome denied = tail({}, nobody);
  EXPECT_EQ(denied.status, 77);
  EXPECT_EQ(denied.out, "");
  EXPECT_THAT(denied.err,
              AllOf(HasSubstr("Permission denied"),
                    HasSubstr("Run the command as root, or as a member of the group that owns the "
                              "log (ls -l '" +
                              directory_.path() + "')\n")));
}

// Enough descriptors to read the log, and none to watch it.
TEST_F(TailCommand, SaysWhyItCannotFollow) {
  add("one\n", "2026-11-30T12:00Z");
  Child tail(
      Program{.argv = {"prlimit", "--nofile=6:6", SLURPER_PROGRAM, "tail", paths_.active()}, .env = {}});
  EXPECT_TRUE(tail.exits_with(74)) << tail.err();
  EXPECT_EQ(tail.out(), "one\n");
  EXPECT_THAT(tail.err(), HasSubstr("cannot watch the folder of the log"));
}

TEST_F(TailCommand, ReportsAFullDiskButNotAReaderThatIsGone) {
  add(numbered_lines(300'000), "2026-11-30T12:00Z");
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const Program all{.argv = {SLURPER_PROGRAM, "tail", "--no-follow", "--offset", "0", paths_.active()},
                    .env = {}};
  Child unwritable(all, -1, full.get());
  EXPECT_TRUE(unwritable.exits_with(74));
  EXPECT_EQ(unwritable.err(), "slurper: cannot write to standard output: No space left on device\n");
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  ::close(ends[0]);
  const UniqueFd closed(ends[1]);
  Child filter(all, -1, closed.get());
  EXPECT_TRUE(filter.exits_with(0));
  EXPECT_EQ(filter.err(), "");
}

}  // namespace
}  // namespace slurper::test
