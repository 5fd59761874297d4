// SIGKILL in the middle of a sink's batches: what promises "exactly once" keeps it.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <charconv>
#include <csignal>
#include <random>
#include <thread>

#include "support/daemon.h"
#include "support/lines.h"

namespace slurper::test {
namespace {

using std::chrono::microseconds;

// Takes the lines of a file in JSON, piece by piece: each has an offset, and they follow each other.
class OffsetChecker {
 public:
  void feed(std::string_view bytes) {
    for (const char c : bytes) {
      if (c != '\n') {
        line_ += c;
        continue;
      }
      check();
      line_.clear();
    }
  }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }
  [[nodiscard]] const std::string& wrong() const { return wrong_; }
  [[nodiscard]] bool ended() const { return line_.empty(); }

 private:
  void check() {
    constexpr std::string_view kOffset = "\"offset\":";
    const std::size_t at = line_.rfind(kOffset);
    std::uint64_t offset = 0;
    const char* const end = line_.data() + line_.size();
    const bool is_whole = line_.starts_with('{') && at != std::string::npos &&
                          std::from_chars(line_.data() + at + kOffset.size(), end, offset).ptr == end - 1 &&
                          line_.ends_with('}');
    if (wrong_.empty() && !is_whole) wrong_ = fmt::format("line {} is torn: {}", lines_, line_);
    if (wrong_.empty() && lines_ > 0 && offset <= last_)
      wrong_ = fmt::format("line {} has offset {}, the one before {}", lines_, offset, last_);
    last_ = offset;
    ++lines_;
  }

  std::string line_;
  std::uint64_t lines_ = 0;
  std::uint64_t last_ = 0;
  std::string wrong_;
};

TEST(SinkKill, AFileHasEachLineOnce) {
  const std::uint64_t kills = count_from_env("SLURPER_KILLS", 100, 25);
  const std::uint64_t chance = std::random_device{}();
  const std::uint64_t seed = count_from_env("SLURPER_SEED", chance, chance);
  SCOPED_TRACE(fmt::format("SLURPER_SEED={}", seed));
  std::mt19937_64 random(seed);

  Site site;
  // The second is late by design: it is killed far behind the log's end, in segments that are rotated.
  site.sinks = {
      "file:" + (site.disk / "raw") + "?start=beginning&batch_time=5ms&rotate_size=2MiB&compress=zstd",
      "file:" + (site.disk / "json") + "?start=beginning&format=json&batch_time=0s&batch_lines=100"};
  const std::vector<std::string> settings = {"log.rotate_size=4MiB", "log.compress=zstd"};
  const LogStream raw(site.disk / "raw");
  LineWriter writer(site.fifo, {.writer = 0, .lines = ~0ULL, .per_second = kSanitized ? 10'000U : 50'000U});
  std::uint64_t in_flow = 0;
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    const std::uint64_t before = raw.end();
    Child slurper = site.start(settings);
    std::this_thread::sleep_for(microseconds(random() % 100'000));
    ASSERT_FALSE(slurper.wait(std::chrono::milliseconds(0))) << "it ended by itself: " << slurper.err();
    slurper.kill();
    if (raw.end() > before) ++in_flow;
  }
  {
    Child slurper = site.start(settings);
    ASSERT_TRUE(writer.finish());
    ASSERT_TRUE(eventually([&] { return site.holder.pending() == 0; }));
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
    EXPECT_EQ(slurper.err().find("may repeat"), std::string::npos) << slurper.err();
  }
  LineChecker checker;
  EXPECT_EQ(raw.read([&](std::string_view bytes) { checker.feed(bytes); }), "");
  const LineReport report = checker.finish({{writer.lines()}});
  EXPECT_TRUE(report.clean()) << report.text();
  EXPECT_EQ(report.bytes, writer.bytes());

  OffsetChecker offsets;
  EXPECT_EQ(LogStream(site.disk / "json").read([&](std::string_view bytes) { offsets.feed(bytes); }), "");
  EXPECT_EQ(offsets.wrong(), "");
  EXPECT_EQ(offsets.lines(), writer.lines());
  EXPECT_TRUE(offsets.ended());
  fmt::print("{} kills, {} while the sink wrote: {}\n", kills, in_flow, report.text());
  EXPECT_GT(in_flow, kills / 3);
}

}  // namespace
}  // namespace slurper::test
