// A long run at a steady flow with random faults: nothing is lost, and slurper does not grow.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "support/consumer.h"
#include "support/daemon.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Use {
  std::uint64_t anonymous_kib = 0;  // what the process itself takes: code and the ring apart
  std::uint64_t descriptors = 0;
  std::uint64_t threads = 0;
};

std::uint64_t entries(const std::string& folder) {
  std::error_code error;
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder, error), fs::directory_iterator()));
}

Use use_of(pid_t pid) {
  const std::string proc = fmt::format("/proc/{}", pid);
  Use use{.descriptors = entries(proc + "/fd"), .threads = entries(proc + "/task")};
  std::ifstream status(proc + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) use.anonymous_kib = std::stoull(line.substr(8));
  }
  return use;
}

// The lower quartile of each: for most of the time a compression may have files open, and at any one moment a
// reload may be under way, which has a thread fewer.
Use usual(std::span<const Use> uses) {
  const auto quartile = [&](auto Use::* member) {
    std::vector<std::uint64_t> all;
    for (const Use& use : uses) all.push_back(use.*member);
    std::ranges::nth_element(all, all.begin() + static_cast<std::ptrdiff_t>(all.size() / 4));
    return all[all.size() / 4];
  };
  return {quartile(&Use::anonymous_kib), quartile(&Use::descriptors), quartile(&Use::threads)};
}

// What happens to a slurper that lives on.
class Faults {
 public:
  Faults(std::mt19937_64& random, const Site& site) : random_(random), site_(site) {}

  void strike(const Child& slurper) {
    switch (random_() % 6) {
      case 0:
        slurper.signal(SIGHUP);
        break;
      case 1:
        slurper.signal(SIGUSR1);
        break;
      case 2:
        slurper.signal(SIGUSR2);
        break;
      case 3:  // a process that gets no processor for a while: the pipe fills, the writer waits
        slurper.signal(SIGSTOP);
        std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 300));
        slurper.signal(SIGCONT);
        break;
      case 4: {  // a file that takes nothing for a while: log and ring. What slurper says is a file, too.
        const rlimit small = {.rlim_cur = 256 << 10, .rlim_max = RLIM_INFINITY};
        const rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
        EXPECT_EQ(::prlimit(slurper.pid(), RLIMIT_FSIZE, &small, nullptr), 0);
        std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 300));
        EXPECT_EQ(::prlimit(slurper.pid(), RLIMIT_FSIZE, &none, nullptr), 0);
        break;
      }
      default: {  // a writer comes and goes
        const UniqueFd fifo_write_fd(::open(site_.fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        EXPECT_TRUE(fifo_write_fd);
      }
    }
  }

 private:
  std::mt19937_64& random_;
  const Site& site_;
};

// One life of slurper through faults at random moments. How it ends is the caller's choice.
void live(Child& slurper, Faults& faults, std::mt19937_64& random, Consumer& consumer,
          std::chrono::seconds length, std::vector<Use>& uses) {
  const auto end = Clock::now() + length;
  for (int step = 0; Clock::now() < end && !testing::Test::HasFailure(); ++step) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 150));
    faults.strike(slurper);
    uses.push_back(use_of(slurper.pid()));
    if (step % 20 == 19) consumer.consume(false);
    ASSERT_FALSE(slurper.wait(0ms)) << "slurper ended by itself: " << slurper.err();
  }
}

// 20,000 lines/s for SLURPER_SOAK seconds (90; 20 under a sanitizer): the first half in one life, which must
// not grow; the second in many, which end by SIGKILL or SIGTERM.
TEST(Soak, LosesNothingAndDoesNotGrow) {
  const std::chrono::seconds length(count_from_env("SLURPER_SOAK", 90, 20));
  const std::uint64_t seed = seed_from_env();
  SCOPED_TRACE(fmt::format("SLURPER_SEED={}", seed));
  std::mt19937_64 random(seed);
  const std::vector<std::string> settings = {"log.rotate_size=2MiB", "log.compress=zstd"};

  Site site;
  LineWriter writer(site.fifo, {.per_second = 20'000});
  Consumer consumer(site.log);
  Faults faults(random, site);
  int lives = 1;
  std::vector<Use> uses;
  {
    Child slurper = site.start(settings);
    live(slurper, faults, random, consumer, length / 2, uses);
    slurper.kill();
  }
  ASSERT_GE(uses.size(), 20U);
  // Not the first quarter: buffers get their sizes then.
  const std::span all(uses);
  const std::size_t quarter = uses.size() / 4;
  const Use early = usual(all.subspan(quarter, quarter));
  const Use late = usual(all.last(quarter));
  fmt::print("{} s in one life: {} -> {} KiB of its own memory, {} -> {} descriptors, {} -> {} threads\n",
             (length / 2).count(), early.anonymous_kib, late.anonymous_kib, early.descriptors,
             late.descriptors, early.threads, late.threads);
  // A sanitizer keeps what was freed for a while, and makes all so slow that a compression is always under
  // way.
  if (!kSanitized) {
    // A compression under way has two; what leaks at each rotation is many.
    EXPECT_LE(late.descriptors, early.descriptors + 2);
    EXPECT_LE(late.threads, early.threads + 1);
    EXPECT_LE(late.anonymous_kib, early.anonymous_kib + 1024);
  }

  std::vector<Use> others;
  for (const auto end = Clock::now() + length / 2; Clock::now() < end && !HasFailure(); ++lives) {
    Child slurper = site.start(settings);
    live(slurper, faults, random, consumer, std::chrono::seconds(random() % 3), others);
    if (random() % 2 == 0) {
      slurper.kill();
    } else {
      slurper.signal(SIGTERM);
      ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
    }
  }
  {
    Child slurper = site.start(settings);
    ASSERT_TRUE(writer.finish());
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
  }
  consumer.consume(true);
  const LineReport report = consumer.finish({{writer.lines()}});
  fmt::print("{} lives, seed {}: {}\n", lives, seed, report.text());
  EXPECT_TRUE(report.clean()) << report.text();
  EXPECT_EQ(report.lines, writer.lines());
  // A machine that is busy with other things slows the writer down; this much is a flow nevertheless.
  EXPECT_GT(report.lines, static_cast<std::uint64_t>(length.count()) * 20'000 / 5);
}

}  // namespace
}  // namespace slurper::test
