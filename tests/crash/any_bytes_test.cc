// The main job, without kills: whatever bytes a writer puts into the FIFO, the log has them, and nothing
// else.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <optional>
#include <random>
#include <thread>

#include "support/daemon.h"
#include "support/kill_at.h"
#include "support/lines.h"

namespace slurper::test {
namespace {

// Lines of any bytes, NUL and invalid UTF-8 among them: empty ones, one-byte ones, and a few
// of up to 1 MiB, at least one of them of exactly that. No newline at the end.
std::string any_bytes(std::uint64_t seed, std::size_t size) {
  constexpr std::size_t kLongest = 1 << 20;
  std::mt19937_64 random(seed);
  std::string text;
  const auto add_line = [&](std::size_t length) {
    for (std::size_t i = 0; i < length; i += sizeof(std::uint64_t)) {
      std::uint64_t eight = random();
      text.append(reinterpret_cast<const char*>(&eight), std::min(sizeof eight, length - i));
    }
    std::replace(text.end() - static_cast<std::ptrdiff_t>(length), text.end(), '\n', '\0');
    text += '\n';
  };
  add_line(kLongest - 1);
  while (text.size() < size) {
    const std::uint64_t kind = random() % 1000;
    add_line(kind < 300 ? 0 : kind < 500 ? 1 : kind < 998 ? random() % 400 : random() % kLongest);
  }
  return text + "no newline \xff at the end";
}

void end(Child& slurper) {
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << describe_status(slurper.wait().value_or(-1)) << "\n" << slurper.err();
}

TEST(AnyBytes, ArriveAsTheyWereWritten) {
  const std::string bytes = any_bytes(1, kSanitized ? 8 << 20 : 48 << 20);
  Site site;
  Child slurper = site.start();
  // Sizes that have nothing to do with lines, pages or the pipe's.
  ASSERT_TRUE(write_blocking(site.fifo, bytes, {1, 4096, 65536, 15, 1 << 20, 4097, 333, 16, 100'000, 2}));
  EXPECT_TRUE(site.log.reaches(bytes.size()));
  end(slurper);
  EXPECT_EQ(difference(bytes, site.log.bytes()), "");
  EXPECT_TRUE(Child(site.verify()).exits_with(0));
}

TEST(AnyBytes, SurviveRotationAndCompression) {
  const std::string bytes = any_bytes(2, kSanitized ? 4 << 20 : 24 << 20);
  Site site;
  Child slurper = site.start({"log.rotate_size=100KiB", "log.compress=zstd"});
  ASSERT_TRUE(write_blocking(site.fifo, bytes, {100'000, 7, 4096, 1 << 20, 31}));
  EXPECT_TRUE(site.log.reaches(bytes.size()));
  end(slurper);
  EXPECT_EQ(difference(bytes, site.log.bytes()), "");
  const auto segments = site.log.segments();
  EXPECT_GE(segments.size(), 10U);
  for (const LogSegment& segment : segments) {
    if (segment.active) continue;
    std::string text;
    EXPECT_EQ(LogStream::read_segment(segment, [&](std::string_view piece) { text += piece; }), "");
    ASSERT_TRUE(text.ends_with('\n')) << segment.path << " ends within a line";
    // A line that was begun within the limit is ended in the same segment, however long it is.
    text.pop_back();
    EXPECT_LE(text.rfind('\n') + 1, 100U << 10) << segment.path << " was rotated too late";
  }
  EXPECT_TRUE(Child(site.verify()).exits_with(0));
}

TEST(AnyBytes, ALineBegunBeforeARestartIsEndedAfterIt) {
  Site site;
  {
    Child slurper = site.start();
    ASSERT_TRUE(site.holder.write("begun, "));
    end(slurper);
  }
  ASSERT_TRUE(site.holder.write("went on while nobody read, "));
  Child slurper = site.start();
  ASSERT_TRUE(site.holder.write("ended\n"));
  end(slurper);
  EXPECT_EQ(site.log.bytes(), "begun, went on while nobody read, ended\n");
}

TEST(AnyBytes, NothingIsWrittenWhereNothingWas) {
  Site site;
  Child slurper = site.start();
  end(slurper);
  EXPECT_EQ(site.log.bytes(), "");
}

TEST(AnyBytes, EightWritersAtOnce) {
  constexpr unsigned kWriters = 8;
  const std::uint64_t lines = kSanitized ? 20'000 : 250'000;
  Site site;
  std::vector<LineWriter> writers;
  writers.reserve(kWriters);
  for (unsigned i = 0; i < kWriters; ++i)
    writers.emplace_back(site.fifo, LineWriter::Plan{.writer = i, .lines = lines});
  Child slurper = site.start();
  std::uint64_t bytes = 0;
  for (LineWriter& writer : writers) {
    EXPECT_TRUE(writer.wait());
    EXPECT_EQ(writer.lines(), lines);
    bytes += writer.bytes();
  }
  end(slurper);
  LineChecker checker;
  EXPECT_EQ(site.log.read([&](std::string_view piece) { checker.feed(piece); }), "");
  const LineReport report = checker.finish(std::vector<std::uint64_t>(kWriters, lines));
  fmt::print("{}\n", report.text());
  EXPECT_TRUE(report.clean()) << report.text();
  EXPECT_EQ(report.bytes, bytes);
}

// A log that stalls: the ring takes what it can, and then when_full decides. 150 bytes a line on average:
// three times what ring and pipe have room for.
constexpr std::uint64_t kRing = 4 << 20;
constexpr std::uint64_t kTooManyLines = 3 * (kRing + (1 << 20)) / 150;

TEST(WhenFull, BlockMakesTheWriterWaitAndLosesNothing) {
  Site site;
  Child slurper = site.start({"ring.size=4MiB", "ring.when_full=block"});
  std::optional<StalledThreads> stall(slurper.pid());
  ASSERT_GE(stall->count(), 1U);
  LineWriter writer(site.fifo, {.lines = kTooManyLines});
  EXPECT_TRUE(eventually([&] { return writer.bytes() > kRing; }));
  // Now the writer waits; it must not have come to its end.
  EXPECT_TRUE(eventually([&] { return site.holder.pending() > 512U << 10; }));
  EXPECT_LT(writer.lines(), kTooManyLines);
  stall.reset();
  EXPECT_TRUE(writer.wait());
  end(slurper);
  LineChecker checker;
  EXPECT_EQ(site.log.read([&](std::string_view piece) { checker.feed(piece); }), "");
  const LineReport report = checker.finish({{kTooManyLines}});
  EXPECT_TRUE(report.clean()) << report.text();
}

TEST(WhenFull, DropLosesWholeLinesOnlyAndCountsThem) {
  Site site;
  Child slurper = site.start({"ring.size=4MiB", "ring.when_full=drop"});
  {
    const StalledThreads stall(slurper.pid());
    ASSERT_GE(stall.count(), 1U);
    LineWriter writer(site.fifo, {.lines = kTooManyLines});
    EXPECT_TRUE(writer.wait()) << "the writer had to wait";
    EXPECT_TRUE(eventually([&] { return site.holder.pending() == 0; }));
  }
  slurper.signal(SIGUSR2);
  EXPECT_TRUE(slurper.said("status: "));
  end(slurper);
  LineChecker checker;
  EXPECT_EQ(site.log.read([&](std::string_view piece) { checker.feed(piece); }), "");
  const LineReport report = checker.finish({{kTooManyLines}});
  EXPECT_EQ(report.torn + report.duplicated + report.reordered + report.invented, 0U) << report.text();
  EXPECT_GT(report.lost, 0U);
  EXPECT_GE(report.bytes, kRing / 4 * 3) << "the ring was hardly used";
  // The count that slurper gives is the one that is missing.
  EXPECT_NE(slurper.err().find(fmt::format("{} lines (", report.lost)), std::string::npos)
      << report.text() << "\n"
      << slurper.err();
  EXPECT_TRUE(slurper.said("the ring is full (4.00MiB) and ring.when_full = \"drop\""));
  EXPECT_TRUE(slurper.said(fmt::format("the ring was full until the end: dropped {} line", report.lost)))
      << slurper.err();
}

// Lines that are long beside the ring: wherever the ring gets full in one, it must keep that line, drop the
// next, and never make the writer wait.
TEST(WhenFull, DropKeepsUpWithLongLines) {
  constexpr std::size_t kLine = 300'000;
  constexpr int kLines = 60;
  std::string bytes;
  for (int i = 0; i < kLines; ++i) bytes += fmt::format("{:06}{:.<{}}\n", i, "", kLine - 7);
  Site site;
  Child slurper = site.start({"ring.size=4MiB", "ring.when_full=drop"});
  {
    std::atomic<bool> written = false;
    std::jthread writer;  // ends after the stall, whatever happens
    const StalledThreads stall(slurper.pid());
    writer = std::jthread([&] {
      EXPECT_TRUE(write_blocking(site.fifo, bytes, {1 << 20}));
      written = true;
    });
    EXPECT_TRUE(eventually([&] { return written && site.holder.pending() == 0; }))
        << "the writer had to wait";
  }
  ASSERT_TRUE(eventually([&] {
    slurper.signal(SIGUSR2);
    return slurper.err().find(" 0B wait in the ring") != std::string::npos;
  }));
  const std::string one_more = fmt::format("{:06}{:.<{}}\n", kLines, "", kLine - 7);
  EXPECT_TRUE(site.holder.write(one_more));
  bytes += one_more;
  EXPECT_TRUE(slurper.said("the ring has room again: ")) << slurper.err();
  end(slurper);
  const std::string log = site.log.bytes();
  ASSERT_EQ(log.size() % kLine, 0U) << "a line is torn";
  int last = -1;
  for (std::size_t at = 0; at < log.size(); at += kLine) {
    const int number = std::stoi(log.substr(at, 6));
    EXPECT_GT(number, last);
    EXPECT_EQ(log.compare(at, kLine, bytes, static_cast<std::size_t>(number) * kLine, kLine), 0);
    last = number;
  }
  EXPECT_EQ(last, kLines) << "what comes when there is room again is taken";
  const std::size_t dropped = kLines + 1 - log.size() / kLine;
  EXPECT_GT(dropped, 0U);
  EXPECT_LT(dropped, kLines);
  EXPECT_NE(slurper.err().find(fmt::format(" {} lines (", dropped)), std::string::npos) << slurper.err();
  EXPECT_TRUE(slurper.said(fmt::format("the ring has room again: dropped {} line", dropped)))
      << slurper.err();
}

}  // namespace
}  // namespace slurper::test
