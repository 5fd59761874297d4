// The memory that a sink takes while its destination is down: the window bounds it, whatever the log grows
// by.
#include <fmt/format.h>

#include <fstream>

#include "sink/runner_site.h"

// A sanitizer keeps freed memory, so it has nothing to say here.
#ifndef SLURPER_SANITIZED

namespace slurper {
namespace {

using namespace std::chrono_literals;
using test::eventually;

// What a destination takes that is down behind its queue: it never acknowledges.
class SilentSink : public Sink {
 public:
  Result<std::optional<Reached>> open(const SinkContext&) override { return std::nullopt; }
  Status deliver(std::span<const Record>) override { return {}; }
  [[nodiscard]] std::chrono::milliseconds flush_after() const override { return 1h; }
  void close() override {}
};

// RssAnon of this process, in bytes.
std::uint64_t memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == "RssAnon:" && status >> kib) return kib << 10;
  }
  ADD_FAILURE() << "no RssAnon in /proc/self/status";
  return 0;
}

class WindowMemoryTest : public RunnerSite {};

// A minute at 50,000 lines/s.
TEST_F(WindowMemoryTest, IsAllThatADestinationCostsThatIsDownForAMinute) {
  constexpr std::uint64_t kWindow = 16 << 20;
  constexpr std::uint64_t kSlack = 8 << 20;  // buffers of the reader, the allocator's spare pages
  constexpr std::uint64_t kLineSize = 40;
  RunnerOptions options;
  options.start = StartAt::Beginning;
  options.window_bytes = kWindow;
  const auto runner =
      make_runner(options, []() -> Result<std::unique_ptr<Sink>> { return std::make_unique<SilentSink>(); });
  std::string second;
  for (int i = 0; i < 50'000; ++i) second += fmt::format("{:0{}}\n", i, kLineSize - 1);
  write(second);
  const std::uint64_t before = memory();
  ASSERT_TRUE(runner->start());
  for (int i = 1; i < 60; ++i) write(second);
  // It reads on until the window is full. Half of it is what the records of such lines fill for certain.
  const std::uint64_t half = kWindow / 2 / (sizeof(Record) + kLineSize);
  std::uint64_t in_flight = 0;
  int looks = 0;  // without a change
  ASSERT_TRUE(eventually([&] {
    const std::uint64_t now = runner->status().in_flight;
    looks = now == in_flight ? looks + 1 : 0;
    in_flight = now;
    return in_flight >= half && looks > 100;
  })) << in_flight;
  EXPECT_LE(memory(), before + kWindow + kSlack);
  EXPECT_EQ(runner->status().acked, 0U);
  EXPECT_TRUE(runner->stop(std::chrono::steady_clock::now() + 1min));
}

}  // namespace
}  // namespace slurper

#endif
