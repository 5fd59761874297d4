// Others move, remove, cut and write to the log while lines flow and slurper is killed.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "support/daemon.h"
#include "support/lines.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;

struct Hand {
  const char* name;
  void (*act)(const std::string& log, int round);
  bool takes_away;  // what it does to the file takes lines from the test's reach
};

std::ostream& operator<<(std::ostream& out, const Hand& hand) {
  return out << hand.name;
}

std::string moved_name(const std::string& log, int round) {
  return fmt::format("{}.moved-{:04}", log, round);
}

class ExternalChanges : public testing::TestWithParam<Hand> {
 protected:
  // Every byte that is the stream's, in its order: of moved files all, of segments what verify's ledger says.
  static void feed_all(const Site& site, LineChecker& checker) {
    const std::string log = site.disk / "messages";
    const auto feed = [&](const std::string& path, std::uint64_t size) {
      std::ifstream file(path, std::ios::binary);
      std::string bytes(std::min<std::uint64_t>(size, fs::file_size(path)), '\0');
      file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      checker.feed(bytes);
    };
    for (int round = 0; round < 10'000; ++round) {
      if (fs::exists(moved_name(log, round))) feed(moved_name(log, round), UINT64_MAX);
    }
    Child verify(site.verify());
    EXPECT_TRUE(verify.exits_with(0)) << verify.out();
    std::istringstream ledger(verify.out());
    for (std::string line; std::getline(ledger, line);) {
      std::istringstream columns(line);
      std::uint64_t base = 0;
      std::uint64_t bytes = 0;
      std::uint64_t stored = 0;
      std::uint64_t lines = 0;
      std::string kind;
      if (!(columns >> base >> bytes >> stored >> lines >> kind)) continue;
      feed(kind == "active" ? log : fmt::format("{}.{:020}", log, base), bytes);
    }
  }
};

TEST_P(ExternalChanges, AndKillsLoseNothingThatIsNotTakenAway) {
  const Hand& hand = GetParam();
  const std::uint64_t rounds = count_from_env("SLURPER_EXTERNAL_CHANGES", 150, 20);
  const std::uint64_t seed = seed_from_env();
  SCOPED_TRACE(fmt::format("SLURPER_SEED={}", seed));
  std::mt19937_64 random(seed);
  Site site;
  LineWriter writer(site.fifo, {});
  std::uint64_t end = 0;
  int round = 0;
  for (std::uint64_t done = 0; done < rounds;) {
    Child slurper = site.start();
    // Some rounds with one process, the last of which ends with its death, sometimes in the same moment.
    for (std::uint64_t left = 1 + random() % 4; left > 0; --left, ++done) {
      const std::uint64_t before = writer.lines();
      ASSERT_TRUE(eventually([&] { return writer.lines() > before + 300; })) << slurper.err();
      hand.act(site.disk / "messages", round++);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3 == 0 ? 0 : random() % 3000));
    slurper.kill();
  }
  {
    Child slurper = site.start();
    ASSERT_TRUE(writer.finish());
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
    // The offsets count what was written, whatever has become of it.
    EXPECT_TRUE(slurper.said(fmt::format("everything up to offset {}\n", writer.bytes()))) << slurper.err();
    end = writer.bytes();
  }
  LineChecker checker;
  feed_all(site, checker);
  const LineReport report = checker.finish({{writer.lines()}});
  fmt::print("{} of {} bytes in {} rounds: {}\n", report.bytes, end, round, report.text());
  EXPECT_EQ(report.duplicated + report.reordered + report.invented, 0U) << report.text();
  if (hand.takes_away) return;
  EXPECT_TRUE(report.clean()) << report.text();
  EXPECT_EQ(report.bytes, writer.bytes());
}

INSTANTIATE_TEST_SUITE_P(
    All, ExternalChanges,
    testing::Values(Hand{"Append",
                         [](const std::string& log, int) {
                           std::ofstream(log, std::ios::app) << "somebody else's line\n";
                         },
                         false},
                    Hand{"Move",
                         [](const std::string& log, int round) {
                           std::error_code ignored;  // it may not have been made again yet
                           fs::rename(log, moved_name(log, round), ignored);
                         },
                         false},
                    Hand{"MoveAndMake",
                         [](const std::string& log, int round) {
                           std::error_code ignored;
                           fs::rename(log, moved_name(log, round), ignored);
                           std::ofstream(log, std::ios::app).close();
                         },
                         false},
                    Hand{"Remove",
                         [](const std::string& log, int) {
                           std::error_code ignored;
                           fs::remove(log, ignored);
                         },
                         true},
                    Hand{"Cut",
                         [](const std::string& log, int) {
                           std::error_code ignored;
                           fs::resize_file(log, 0, ignored);
                         },
                         true}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

}  // namespace
}  // namespace slurper::test
