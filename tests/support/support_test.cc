// The proofs are worth what their checkers are: these must see every kind of damage.

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <zstd.h>

#include <csignal>
#include <fstream>

#include "support/child.h"
#include "support/fifo_writer.h"
#include "support/kill_at.h"
#include "support/lines.h"
#include "support/log_stream.h"
#include "support/temp_dir.h"

namespace slurper::test {
namespace {

std::vector<std::string> some_lines(unsigned writer, std::uint64_t count) {
  std::vector<std::string> lines;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string line(kMaxLine, '\0');
    line.resize(make_line(line.data(), writer, i));
    lines.push_back(line);
  }
  return lines;
}

// In pieces of three bytes: no boundary may matter.
LineReport check(const std::vector<std::string>& lines, std::uint64_t accepted) {
  std::string text;
  for (const std::string& line : lines) text += line;
  LineChecker checker;
  for (std::size_t at = 0; at < text.size(); at += 3) checker.feed(std::string_view(text).substr(at, 3));
  return checker.finish({{accepted}});
}

TEST(Lines, EndInTheirOnlyNewline) {
  std::size_t bytes = 0;
  for (const std::string& line : some_lines(7, 10'000)) {
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_GE(line.size(), 60U);
    bytes += line.size();
  }
  EXPECT_NEAR(static_cast<double>(bytes) / 10'000, 150, 10);
}

TEST(LineChecker, IsContentWithWhatIsWhole) {
  const LineReport report = check(some_lines(0, 100), 100);
  EXPECT_TRUE(report.clean()) << report.text();
  EXPECT_EQ(report.lines, 100U);
}

TEST(LineChecker, SeesEveryDamage) {
  const std::vector<std::string> whole = some_lines(0, 100);
  auto lines = whole;
  EXPECT_EQ(check(lines, 101).lost, 1U) << "the tail";
  EXPECT_EQ(check(lines, 99).invented, 1U);
  lines.erase(lines.begin() + 50);
  EXPECT_EQ(check(lines, 100).lost, 1U) << "in the middle";
  lines = whole;
  lines.insert(lines.begin() + 60, lines[40]);
  EXPECT_EQ(check(lines, 100).duplicated, 1U);
  lines = whole;
  std::swap(lines[10], lines[11]);
  EXPECT_EQ(check(lines, 100).reordered, 1U);
  lines = whole;
  lines[20].pop_back();  // two lines glued
  EXPECT_EQ(check(lines, 100).torn, 1U);
  EXPECT_EQ(check(lines, 100).lost, 2U);
  lines = whole;
  lines[20][30] ^= 1;
  EXPECT_EQ(check(lines, 100).torn, 1U) << "one bit";
  lines = whole;
  lines.back().resize(20);
  EXPECT_EQ(check(lines, 100).torn, 1U) << "cut at the end";
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path) << text;
}

TEST(LogStream, PutsSegmentsTogether) {
  const TempDir dir;
  const LogStream log(dir / "messages");
  write_file(dir / "messages.00000000000000000000", "abc");
  write_file(dir / "messages.00000000000000000003", "defg");
  write_file(dir / "messages", "hi");
  write_file(dir / "messages.1", "not of this log");
  EXPECT_EQ(log.bytes(), "abcdefghi");
  EXPECT_EQ(log.end(), 9U);

  ASSERT_TRUE(
      Child({.argv = {"zstd", "-q", dir / "messages.00000000000000000000"}, .env = {}}).exits_with(0));
  EXPECT_EQ(log.bytes(), "abcdefghi") << "both forms are there";
  std::filesystem::remove(dir / "messages.00000000000000000000");
  EXPECT_EQ(log.bytes(), "abcdefghi");

  std::filesystem::resize_file(dir / "messages.00000000000000000003", 3);
  EXPECT_EQ(log.bytes(), "abcdefhi");  // shorter, but contiguous: only the writer of the bytes can tell
  std::filesystem::remove(dir / "messages.00000000000000000000.zst");
  write_file(dir / "messages.00000000000000000000", "ab");
  EXPECT_NE(log.read([](std::string_view) {}), "") << "a gap";
}

TEST(Difference, ShowsWhereItBegins) {
  EXPECT_EQ(difference("same", "same"), "");
  EXPECT_NE(difference("one\n", "one\ntwo\n").find("part at 4"), std::string::npos);
}

TEST(Child, TellsWhatItSaidAndHowItEnded) {
  Child child({.argv = {"sh", "-c", "echo out; echo err >&2; read line; exit 3"}, .env = {}});
  EXPECT_TRUE(child.said("err"));
  EXPECT_TRUE(child.exits_with(3)) << "its input is empty";
  EXPECT_EQ(child.out(), "out\n");
  Child sleeper({.argv = {"sleep", "1000"}, .env = {}});
  EXPECT_FALSE(sleeper.wait(std::chrono::milliseconds(1)));
  sleeper.kill();
  EXPECT_EQ(describe_status(sleeper.wait().value_or(0)), "killed by SIGKILL");
}

TEST(LineWriter, CountsWhatThePipeTook) {
  const TempDir dir;
  const FifoHolder holder(dir / "fifo");
  LineWriter writer(dir / "fifo", {.writer = 3});
  EXPECT_TRUE(eventually([&] { return holder.pending() > 50'000 && holder.pending() == writer.bytes(); }))
      << "nobody reads: it fills";
}

// Of N stops, a kill at the n-th lets exactly the calls before it happen.
TEST(TracedChild, KillsBetweenTheCalls) {
  const TempDir dir;
  const std::string file = dir / "file";
  const Program program{.argv = {"dd", "if=/dev/zero", "of=" + file, "bs=1", "count=5", "status=none"},
                        .env = {}};
  const auto size = [&] { return std::filesystem::exists(file) ? std::filesystem::file_size(file) : 0; };
  TracedChild all(program, {.syscall = SYS_write});
  EXPECT_EQ(all.wait().stops, 10U) << "entry and exit of five writes";
  EXPECT_FALSE(all.wait().killed);
  EXPECT_EQ(size(), 5U);
  for (std::uint64_t stop = 1; stop <= 10; ++stop) {
    std::filesystem::remove(file);
    TracedChild child(program, {.stop = stop, .syscall = SYS_write});
    const TraceOutcome& outcome = child.wait();
    EXPECT_TRUE(outcome.killed);
    EXPECT_EQ(describe_status(outcome.status), "killed by SIGKILL");
    EXPECT_EQ(outcome.where, stop % 2 == 1 ? "entry of write, main thread" : "exit of write, main thread");
    EXPECT_EQ(size(), stop / 2) << "stop " << stop;
  }
}

}  // namespace
}  // namespace slurper::test
