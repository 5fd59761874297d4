// SIGKILL at random moments under a writer that never pauses: nothing lost, doubled, torn or reordered.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <optional>
#include <random>
#include <thread>

#include "support/consumer.h"
#include "support/daemon.h"
#include "support/kill_at.h"
#include "support/lines.h"

namespace slurper::test {
namespace {

using std::chrono::microseconds;

struct Variant {
  const char* name;
  std::vector<std::string> settings;
  std::uint64_t kills;  // without a sanitizer
  std::uint64_t kills_sanitized;
  std::uint64_t bytes;  // that may flow in all: the time between kills is cut to keep to it
  bool stalls =
      false;  // every other time the log's thread is held, so that the ring fills whatever the disk does
  bool drops = false;                   // lines may be lost, and then they are counted
  std::vector<bool> packets = {false};  // of each writer: whether its lines are packets
};

std::ostream& operator<<(std::ostream& out, const Variant& variant) {
  return out << variant.name;
}

class RandomKill : public testing::TestWithParam<Variant> {};

TEST_P(RandomKill, LosesNothing) {
  const Variant& variant = GetParam();
  const std::uint64_t kills = count_from_env("SLURPER_KILLS", variant.kills, variant.kills_sanitized);
  const std::uint64_t seed = seed_from_env();
  SCOPED_TRACE(fmt::format("SLURPER_SEED={}", seed));
  std::mt19937_64 random(seed);

  Site site;
  std::vector<LineWriter> writers;
  for (const bool packets : variant.packets)
    writers.emplace_back(
        site.fifo, LineWriter::Plan{.writer = static_cast<unsigned>(writers.size()), .packets = packets});
  const auto sum = [&](auto count) {
    std::uint64_t all = 0;
    for (const LineWriter& writer : writers) all += (writer.*count)();
    return all;
  };
  const auto written = [&] { return sum(&LineWriter::bytes); };
  Consumer consumer(site.log);
  std::uint64_t under_flow = 0;
  std::uint64_t not_ready = 0;
  std::uint64_t ring_full = 0;
  constexpr microseconds kLongest{kSanitized ? 200'000 : 40'000};
  microseconds longest{10'000};
  for (std::uint64_t kill = 1; kill <= kills; ++kill) {
    const std::uint64_t before = written();
    Child slurper(site.run(variant.settings));
    // A quarter of the kills counts from the exec, to hit the start and its recovery.
    const bool at_start = random() % 4 == 0;
    ASSERT_TRUE(at_start || slurper.said("ready")) << slurper.err();
    {
      std::optional<StalledThreads> stall;
      if (variant.stalls && !at_start && kill % 2 == 0) stall.emplace(slurper.pid());
      std::this_thread::sleep_for(microseconds(random() % static_cast<std::uint64_t>(longest.count())));
      ASSERT_FALSE(slurper.wait(std::chrono::milliseconds(0)))
          << "slurper ended by itself: " << slurper.err();
      slurper.signal(SIGKILL);
    }
    slurper.kill();
    if (written() > before) ++under_flow;
    if (slurper.err().find("ready") == std::string::npos) ++not_ready;
    if (slurper.err().find("the ring is full") != std::string::npos) ++ring_full;
    if (kill % 16 == 0) consumer.consume(false);
    if (HasFailure()) return;
    // The time between two kills follows the machine: a fast one must not fill the disk.
    const bool too_fast =
        static_cast<double>(written()) >
        static_cast<double>(variant.bytes) * static_cast<double>(kill) / static_cast<double>(kills);
    longest =
        too_fast ? std::max(longest * 9 / 10, microseconds(1000)) : std::min(longest * 11 / 10, kLongest);
  }
  std::string status;
  {
    Child slurper = site.start(variant.settings);
    if (variant.drops) {
      // More than the ring and the pipe hold, so that some of it is dropped whatever the kills have hit.
      const StalledThreads stall(slurper.pid());
      const std::uint64_t before = written();
      ASSERT_TRUE(eventually([&] { return written() > before + (8 << 20); }));
    }
    for (LineWriter& writer : writers) ASSERT_TRUE(writer.finish());
    ASSERT_TRUE(eventually([&] { return site.holder.pending() == 0; }));
    slurper.signal(SIGUSR2);
    ASSERT_TRUE(slurper.said("status: "));
    status = slurper.err();
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  }
  EXPECT_TRUE(Child(site.verify()).exits_with(0));
  consumer.consume(true);
  std::vector<std::uint64_t> lines;
  for (const LineWriter& writer : writers) lines.push_back(writer.lines());
  const LineReport report = consumer.finish(lines);
  fmt::print("{} kills: {} while bytes flowed, {} before it was ready, {} with a full ring. {}\n", kills,
             under_flow, not_ready, ring_full, report.text());
  EXPECT_EQ(report.torn + report.duplicated + report.reordered + report.invented, 0U) << report.text();
  EXPECT_EQ(report.lines + report.lost, sum(&LineWriter::lines));
  if (variant.drops) {
    // Counted exactly, over all the kills: the count is settled with the read that took the bytes.
    EXPECT_NE(status.find(fmt::format(" {} lines (", report.lost)), std::string::npos)
        << report.text() << "\n"
        << status;
    EXPECT_GT(report.lost, 0U);
  } else {
    EXPECT_EQ(report.lost, 0U) << report.text();
    EXPECT_EQ(report.bytes, written());
  }
  EXPECT_TRUE(!variant.stalls || ring_full > 0);
  // Otherwise the kills were too early to prove anything.
  EXPECT_GT(under_flow, kills / 2);
}

constexpr std::uint64_t kGigabyte = 1'000'000'000;

INSTANTIATE_TEST_SUITE_P(
    Variants, RandomKill,
    testing::Values(Variant{"FlatOut", {"log.rotate_size=128MiB"}, 1000, 60, 3 * kGigabyte},
                    Variant{"Rotation", {"log.rotate_size=100KiB", "log.compress=zstd"}, 2000, 40, kGigabyte},
                    Variant{"SmallRing",
                            {"ring.size=4MiB", "log.sync=always", "log.rotate_size=128MiB"},
                            300,
                            60,
                            kGigabyte,
                            true},
                    Variant{"Dropping",
                            {"ring.size=4MiB", "ring.when_full=drop", "log.rotate_size=128MiB"},
                            300,
                            60,
                            kGigabyte,
                            true,
                            true},
                    // Packets fill a pipe's slots one each, so that far fewer bytes flow.
                    Variant{"Packets", {"log.rotate_size=128MiB"}, 200, 40, kGigabyte, false, false, {true}},
                    Variant{"PacketsBesideOrdinaryWrites",
                            {"log.rotate_size=128MiB"},
                            200,
                            40,
                            kGigabyte,
                            false,
                            false,
                            {true, false}},
                    Variant{"PacketsDropping",
                            {"ring.size=4MiB", "ring.when_full=drop", "log.rotate_size=128MiB"},
                            200,
                            40,
                            kGigabyte,
                            true,
                            true,
                            {true, false}}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

}  // namespace
}  // namespace slurper::test
