// One SIGKILL at every system call, and at every instruction of the read, each in a life of its own: nothing
// may be lost, doubled or torn, byte by byte.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "support/daemon.h"
#include "support/kill_at.h"

namespace slurper::test {
namespace {

// Small segments, so that a few lines take the log through rotation and compression.
const std::vector<std::string> small_segments = {"log.rotate_size=4KiB", "log.compress=zstd",
                                                 "log.keep_files=0"};

// Lines of 100 bytes that differ.
std::string lines(int count, int from) {
  std::string text;
  for (int i = from; i < from + count; ++i) text += fmt::format("{:06} {:.<92}\n", i, "kill points ");
  return text;
}

bool is_compressed(const LogStream& log) {
  return std::ranges::any_of(log.segments(), &LogSegment::compressed);
}

// A short life of a log: a pipe that has bytes before slurper starts, reads below and above the declared
// read's 16 bytes, half lines, two rotations, a compression, and an end that finds bytes in the pipe. Each
// step waits for the log, so that one run is like the next. Returns early if slurper has ended.
void live(Site& site, TracedChild& slurper) {
  const auto write = [&](const std::string& bytes) {
    if (!slurper.running()) return false;
    EXPECT_TRUE(site.holder.write(bytes));
    return eventually(
               [&] { return site.log.end() >= site.holder.accepted().size() || !slurper.running(); }) &&
           slurper.running();
  };
  for (const char* bytes : {"\n", "four", "+eleven...\n", "fifteen bytes.\n", "sixteen bytes..\n",
                            "seventeen bytes.\n", "half a line, and its ", "other half\n"}) {
    if (!write(bytes)) return;
  }
  if (!write(lines(40, 0)) || !write(lines(10, 40)) || !write(lines(45, 50))) return;
  if (!eventually([&] { return is_compressed(site.log) || !slurper.running(); }) || !slurper.running())
    return;
  EXPECT_TRUE(site.holder.write(lines(3, 100) + "the end, open"));
  slurper.signal(SIGTERM);
}

// Starts slurper on what the kill has left, lets it go on for a little, ends it, and compares the log with
// what was written.
void recover_and_compare(Site& site) {
  Child slurper = site.start(small_segments);
  for (const std::string& bytes : {std::string("again\n"), lines(2, 200)})
    EXPECT_TRUE(site.holder.write(bytes));
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_EQ(difference(site.holder.accepted(), site.log.bytes()), "");
  EXPECT_TRUE(site.log.leftovers().empty());
  EXPECT_EQ(site.holder.pending(), 0U);
}

// Runs the life with a kill at the plan's stop.
TraceOutcome live_until(Site& site, const KillPlan& plan) {
  EXPECT_TRUE(site.holder.write(lines(3, 300)));  // there before slurper is
  TracedChild slurper(site.run(small_segments), plan);
  live(site, slurper);
  return slurper.wait();
}

// Calls `one(n)` for n = first, first + stride … on all processors, until it has returned false a few times
// running (one life has a few stops more than the other), or a failure.
template <typename One>
void for_each_point(std::uint64_t first, std::uint64_t stride, One one) {
  constexpr int kEnough = 12;
  std::atomic<std::uint64_t> next = first;
  std::atomic<int> beyond = 0;
  const auto work = [&] {
    while (beyond < kEnough && !testing::Test::HasFailure()) {
      if (one(next.fetch_add(stride))) {
        beyond = 0;
      } else {
        ++beyond;
      }
    }
  };
  std::vector<std::jthread> workers(std::max(1U, std::thread::hardware_concurrency()));
  for (std::jthread& worker : workers) worker = std::jthread(work);
}

std::uint64_t stride() {
  return std::max<std::uint64_t>(1, count_from_env("SLURPER_KILL_STRIDE", 1, 25));
}

class Tally {
 public:
  void add(const TraceOutcome& outcome) {
    const std::scoped_lock lock(mutex_);
    ++points_;
    ++places_[outcome.where];
  }
  [[nodiscard]] std::uint64_t points() const { return points_; }
  void print() const {
    for (const auto& [where, count] : places_) fmt::print("  {:5} x {}\n", count, where);
  }

 private:
  std::mutex mutex_;
  std::uint64_t points_ = 0;
  std::map<std::string, std::uint64_t> places_;
};

TEST(KillPoints, TheLifeItselfIsWhole) {
  Site site;
  const TraceOutcome outcome = live_until(site, {});
  EXPECT_TRUE(WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == 0)
      << describe_status(outcome.status);
  EXPECT_EQ(difference(site.holder.accepted(), site.log.bytes()), "");
  EXPECT_GE(site.log.segments().size(), 3U) << "the life has no two rotations";
  EXPECT_TRUE(is_compressed(site.log));
  EXPECT_TRUE(Child(site.verify()).exits_with(0));
}

TEST(KillPoints, EverySystemCall) {
  Tally tally;
  for_each_point(1, stride(), [&](std::uint64_t stop) {
    SCOPED_TRACE(fmt::format("SIGKILL at stop {}", stop));
    Site site;
    const TraceOutcome outcome = live_until(site, {.stop = stop});
    SCOPED_TRACE(outcome.where);
    if (outcome.killed) tally.add(outcome);
    recover_and_compare(site);
    return outcome.killed;
  });
  fmt::print("{} kills, each at another system-call stop (one in {}):\n", tally.points(), stride());
  tally.print();
  EXPECT_GT(tally.points(), 300 / stride());
}

// The start after a kill is killed too: recovery must be able to begin again from anything.
TEST(KillPoints, TheRecoveryAsWell) {
  Tally tally;
  constexpr std::uint64_t kRarer = 5;
  constexpr std::uint64_t kPrime = 7919;
  std::uint64_t recovery_stops = 0;
  {
    Site site;
    TracedChild slurper(site.run(small_segments), {});
    EXPECT_TRUE(eventually([&] { return slurper.err().find("ready") != std::string::npos; }));
    slurper.signal(SIGTERM);
    recovery_stops = slurper.wait().stops;
  }
  ASSERT_GT(recovery_stops, 0U);
  for_each_point(1, kRarer * stride(), [&](std::uint64_t stop) {
    const std::uint64_t second_stop = 1 + stop * kPrime % recovery_stops;
    SCOPED_TRACE(fmt::format("SIGKILL at stop {}, then at stop {} of the next start", stop, second_stop));
    Site site;
    const TraceOutcome first = live_until(site, {.stop = stop});
    SCOPED_TRACE(first.where);
    TraceOutcome second;
    {
      TracedChild slurper(site.run(small_segments), {.stop = second_stop});
      (void)eventually(
          [&] { return !slurper.running() || slurper.err().find("ready") != std::string::npos; });
      slurper.signal(SIGTERM);
      second = slurper.wait();
    }
    SCOPED_TRACE(second.where);
    if (second.killed) tally.add(second);
    recover_and_compare(site);
    return first.killed;
  });
  fmt::print("{} kills in the start after a kill:\n", tally.points());
  tally.print();
  EXPECT_GT(tally.points(), 50 / stride());
}

// From the return of FIONREAD over the declaration and the read(2) to the next system call, one kill after
// every instruction. The lives are chained: what one kill leaves is what the next start finds.
constexpr std::uint64_t kWholeWindow = 1'000'000;

struct Read {
  const char* name;
  std::vector<std::string> writes;
  bool packets = false;
};

std::ostream& operator<<(std::ostream& out, const Read& read) {
  return out << read.name;
}

class EveryInstruction : public testing::TestWithParam<Read> {};

TEST_P(EveryInstruction, OfTheDeclaredRead) {
#if !defined(__x86_64__)
  GTEST_SKIP() << "single-stepping is written for x86-64";
#endif
  const Read& read = GetParam();
  const auto write_all = [&](Site& site) {
    if (read.packets) site.holder.write_packets();
    for (const std::string& bytes : read.writes) EXPECT_TRUE(site.holder.write(bytes));
  };
  const auto start = [](const Site& site) {
    // Otherwise most of the instructions would be the dynamic linker's, which looks functions up at their
    // first call.
    Program program = site.run();
    program.env.emplace_back("LD_BIND_NOW=1");
    Child slurper(program);
    EXPECT_TRUE(slurper.said("ready")) << slurper.err();
    return slurper;
  };
  std::uint64_t window = 0;
  {
    Site site;
    Child slurper = start(site);
    const StepOutcome whole = step_and_kill(slurper.pid(), kWholeWindow, [&] { write_all(site); });
    ASSERT_EQ(whole.error, "");
    ASSERT_FALSE(whole.killed) << "there is no read in the window";
    EXPECT_TRUE(site.log.reaches(site.holder.accepted().size()));
    window = whole.instructions;
  }
  // Sanitizers multiply the instructions, not the states.
  const std::uint64_t wanted = count_from_env("SLURPER_STEP_KILLS", 10'000, 50);
  const std::uint64_t every = std::max<std::uint64_t>(1, window / wanted);
  std::atomic<std::uint64_t> kills = 0;
  std::atomic<std::uint64_t> next = 1;
  const auto chain = [&] {
    Site site;
    for (std::uint64_t n = 0; (n = next.fetch_add(every)) <= window && !HasFailure();) {
      SCOPED_TRACE(fmt::format("SIGKILL after instruction {} of {}", n, window));
      Child slurper = start(site);
      EXPECT_TRUE(site.log.reaches(site.holder.accepted().size()));
      EXPECT_EQ(site.log.end(), site.holder.accepted().size());
      const StepOutcome outcome = step_and_kill(slurper.pid(), n, [&] { write_all(site); });
      EXPECT_EQ(outcome.error, "");
      // A start that had to read already has a shorter window now: what a first read prepares is there.
      if (outcome.killed) ++kills;
      slurper.kill();
    }
    Child slurper = site.start();
    slurper.signal(SIGTERM);
    EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
    EXPECT_EQ(difference(site.holder.accepted(), site.log.bytes()), "");
  };
  {
    std::vector<std::jthread> workers(std::max(1U, std::thread::hardware_concurrency()));
    for (std::jthread& worker : workers) worker = std::jthread(chain);
  }
  fmt::print("{} kills in a window of {} instructions, one in {}\n", kills.load(), window, every);
  EXPECT_GE(kills, std::min(window, wanted) / 2);
}

INSTANTIATE_TEST_SUITE_P(
    Reads, EveryInstruction,
    testing::Values(Read{"OneByte", {"x"}}, Read{"FifteenBytes", {"fifteen bytes.\n"}},
                    Read{"SixteenBytes", {"sixteen bytes..\n"}},
                    Read{"ALine", {"a line of more than sixteen bytes, as nearly all are\n"}},
                    Read{
                        "Packets", {"a packet\n", "another, of another size\n", "\n", "the fourth\n"}, true}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

// Bytes 0 to 199 of the ring's file: docs/ring-format.md.
std::string ring_header(const Site& site) {
  std::string header(200, '\0');
  std::ifstream(site.ram / "ring", std::ios::binary).read(header.data(), 200);
  return header;
}

std::uint64_t number_at(const std::string& header, std::size_t at) {
  std::uint64_t number = 0;
  std::memcpy(&number, header.data() + at, sizeof number);
  return number;
}

// A ring of version 1 differs in the version and in the declared read alone.
void make_version_1(const Site& site) {
  std::string header = ring_header(site);
  ASSERT_EQ(header[8], 2);
  header[8] = 1;
  const std::uint64_t size = 100;
  const std::uint64_t offset = number_at(header, 64) - size;  // it is noted as done
  std::memcpy(header.data() + 128, &size, sizeof size);
  std::memcpy(header.data() + 136, &offset, sizeof offset);
  header.replace(144, 48, "a mark of 16 bytes" + std::string(30, '\0'));
  header[160] = 16;
  std::fstream(site.ram / "ring", std::ios::binary | std::ios::in | std::ios::out).write(header.data(), 200);
}

TEST(Upgrade, AFullRingOfTheVersionBeforeIsDrained) {
  Site site;
  const std::vector<std::string> settings = {"ring.size=4MiB"};
  {
    Child slurper = site.start(settings);
    {
      const StalledThreads stalled(slurper.pid());
      int from = 0;
      ASSERT_TRUE(eventually([&] {
        while (site.holder.write(lines(1, from))) ++from;
        const std::string header = ring_header(site);
        return number_at(header, 64) - number_at(header, 192) == 4 << 20;
      })) << slurper.err();
      slurper.signal(SIGKILL);
    }
    slurper.kill();
  }
  make_version_1(site);
  Child slurper = site.start(settings);
  EXPECT_TRUE(site.log.reaches(site.holder.accepted().size())) << slurper.err();
  EXPECT_EQ(ring_header(site)[8], 2);
  slurper.signal(SIGTERM);
  EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  EXPECT_EQ(difference(site.holder.accepted(), site.log.bytes()), "");
  EXPECT_FALSE(std::filesystem::exists(site.ram / "ring.put-aside-1"));
  EXPECT_TRUE(Child(site.verify()).exits_with(0));
}

}  // namespace
}  // namespace slurper::test
