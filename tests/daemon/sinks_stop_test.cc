// Sinks that hang until they are stopped are stopped together.
#include <gtest/gtest.h>
#include <poll.h>

#include <latch>

#include "daemon/sinks.h"
#include "log/log_writer.h"
#include "support/temp_dir.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;

constexpr int kSinks = 3;

// Hangs in open() until all sinks have been told to end.
class HangingSink : public Sink {
 public:
  HangingSink(std::latch& all_hang, std::latch& all_told) : all_hang_(all_hang), all_told_(all_told) {}

  Result<std::optional<std::uint64_t>> open(const SinkContext& context) override {
    all_hang_.count_down();
    pollfd stop = {.fd = context.stop_fd, .events = POLLIN, .revents = 0};
    while (::poll(&stop, 1, -1) < 1) continue;
    all_told_.arrive_and_wait();
    return fail(ErrorKind::Busy, "open", "slurper is ending");
  }
  Result<Delivery> deliver(std::span<const Record>) override { return Delivery{}; }
  void close() override {}

 private:
  std::latch& all_hang_;
  std::latch& all_told_;
};

TEST(SinksStopTest, OneThatHangsHoldsUpNoOthersStop) {
  const test::TempDir disk;
  LogSettings settings;
  settings.path = disk / "messages";
  auto writer = LogWriter::open(kernel(), settings, Uuid{1});
  ASSERT_TRUE(writer) << writer.error().message();
  (*writer)->publish();
  const auto times =
      TimeIndex::open(kernel(), (*writer)->paths(), (*writer)->log_id(), {}, {.log_end = {}, .head = {}});
  std::latch all_hang(kSinks);
  std::latch all_told(kSinks);
  std::vector<PreparedSink> prepared;
  for (int i = 0; i < kSinks; ++i)
    prepared.push_back({.name = "hangs" + std::to_string(i),
                        .type = "test",
                        .options = {},
                        .make = [&]() -> Result<std::unique_ptr<Sink>> {
                          return std::make_unique<HangingSink>(all_hang, all_told);
                        }});
  Troubles troubles([] {});
  Sinks sinks({.os = kernel(),
               .paths = (*writer)->paths(),
               .id = (*writer)->log_id(),
               .access = {},
               .sync = {},
               .feed = (*writer)->feed(),
               .times = *times},
              std::move(prepared), troubles);
  ASSERT_TRUE(sinks.start());
  all_hang.wait();  // one that is told before it has begun does not begin
  EXPECT_TRUE(sinks.stop(0ms, 30s)) << "each would have waited for the one before it";
}

}  // namespace
}  // namespace slurper
