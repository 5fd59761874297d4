// A destination that acknowledges late, out of order, twice, never, for other offsets, from another thread
// and after the end of its connection; and kills of the process at any moment.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <new>
#include <random>
#include <thread>

#include "sink/runner_site.h"

namespace slurper {
namespace {

using namespace std::chrono_literals;
using test::eventually;

constexpr std::uint64_t kLines = 20'000;
constexpr std::uint64_t kLineSize = 14;

// What has arrived, in memory that outlives the process that delivers.
struct Arrivals {
  std::atomic<std::uint64_t> count;
  std::atomic<std::uint64_t> up_to;  // of an ordered destination: the end of its last line
  std::atomic<std::uint64_t> out_of_order;
  std::atomic<std::uint64_t> breaks;  // of the connection, beside the kills
  std::array<std::atomic<std::uint32_t>, kLines> times;
};

class SharedArrivals {
 public:
  SharedArrivals()
      : memory_(::mmap(nullptr, sizeof(Arrivals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
        arrivals_(new(memory_) Arrivals{}) {}
  SharedArrivals(const SharedArrivals&) = delete;
  SharedArrivals& operator=(const SharedArrivals&) = delete;
  ~SharedArrivals() { ::munmap(memory_, sizeof(Arrivals)); }
  Arrivals& operator*() const { return *arrivals_; }
  Arrivals* operator->() const { return arrivals_; }

 private:
  void* memory_;
  Arrivals* arrivals_;
};

enum class Order { AsDelivered, Any };

// Delivers on a thread of its own.
class AsyncSink : public Sink {
 public:
  AsyncSink(Arrivals& to, Order order, std::uint32_t seed) : to_(to), order_(order), random_(seed) {}
  ~AsyncSink() override { end_thread(); }

  Result<std::optional<Reached>> open(const SinkContext& context) override {
    end_thread();
    acks_ = context.acks;
    queue_.clear();
    ending_ = false;
    thread_ = std::thread([this, acks = acks_] { carry(acks); });
    if (order_ == Order::AsDelivered) return to_.up_to.load();
    return std::nullopt;
  }
  Status deliver(std::span<const Record> batch) override {
    const std::lock_guard lock(mutex_);
    for (const Record& record : batch) queue_.push_back(&record);
    news_.notify_one();
    return {};
  }
  // The thread still acknowledges for a while, but its records are gone.
  void close() override {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    news_.notify_one();
  }

 private:
  void end_thread() {
    if (!thread_.joinable()) return;
    close();
    thread_.join();
  }
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  void carry(const std::shared_ptr<Acknowledgements>& acks) {
    std::vector<std::uint64_t> arrived;  // and not acknowledged
    for (std::unique_lock lock(mutex_);;) {
      news_.wait_for(lock, 1ms, [&] { return ending_ || !queue_.empty(); });
      if (ending_) break;
      for (std::uint64_t i = std::min<std::uint64_t>(1 + below(500), queue_.size()); i > 0; --i) {
        const auto at = order_ == Order::Any ? below(std::min<std::uint64_t>(queue_.size(), 50)) : 0;
        const auto record = queue_.begin() + static_cast<std::ptrdiff_t>(at);
        arrive(**record);
        arrived.push_back((*record)->offset());
        queue_.erase(record);
      }
      const bool breaks = below(300) == 0;
      if (breaks) ++to_.breaks;
      lock.unlock();
      acknowledge(*acks, arrived);
      if (breaks)
        acks->fail({.kind = ErrorKind::Io, .what = own_words("carry"), .why = own_words("the line is cut")});
      lock.lock();
    }
    acks->up_to(kLines * kLineSize);  // a lie, after close()
    for (const std::uint64_t offset : arrived) acks->one(offset);
  }
  void arrive(const Record& record) {
    if (order_ == Order::AsDelivered) {
      // One store: a kill finds the line there, or not.
      if (record.offset() != to_.up_to) ++to_.out_of_order;
      to_.up_to = record.next_offset();
    } else {
      ++to_.times.at(record.offset() / kLineSize);
    }
    ++to_.count;
  }
  void acknowledge(Acknowledgements& acks, std::vector<std::uint64_t>& arrived) {
    std::ranges::shuffle(arrived, random_);
    const std::uint64_t keep = queue_is_long() ? below(arrived.size() + 1) : 0;  // later, or never
    while (arrived.size() > keep) {
      const std::uint64_t offset = arrived.back();
      arrived.pop_back();
      acks.one(offset);
      if (below(10) == 0) acks.one(offset);               // twice
      if (below(50) == 0) acks.one(offset + 1);           // no record begins there
      if (below(50) == 0) acks.one(offset + (1U << 30));  // nor there
    }
  }
  bool queue_is_long() {
    const std::lock_guard lock(mutex_);
    return queue_.size() > 100;
  }

  Arrivals& to_;
  const Order order_;
  std::minstd_rand random_;
  std::shared_ptr<Acknowledgements> acks_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<const Record*> queue_;
  bool ending_ = false;
  std::thread thread_;
};

struct Case {
  Order order;
  std::size_t batch_lines;
  std::uint64_t window_bytes;
};

class AsyncSinkTest : public RunnerSite, public testing::WithParamInterface<Case> {
 protected:
  RunnerOptions options() const {
    RunnerOptions options;
    options.start = StartAt::Beginning;
    options.retry_max = 100ms;
    options.window_bytes = GetParam().window_bytes;
    options.source.batch_lines = GetParam().batch_lines;
    options.source.batch_time = 0ms;
    // Small buffers: the window has room for many.
    options.source.batch_bytes = 4096;
    options.source.framing.max_line = 480;
    return options;
  }
  std::unique_ptr<SinkRunner> runner(std::uint32_t seed) {
    return make_runner(options(), [this, seed]() -> Result<std::unique_ptr<Sink>> {
      return std::make_unique<AsyncSink>(*arrivals_, GetParam().order, seed);
    });
  }
  // The records that can be in flight.
  std::uint64_t most_in_flight() const {
    return GetParam().window_bytes / (sizeof(Record) + kLineSize) + GetParam().batch_lines;
  }
  // Delivers in a process of its own, and kills it when it has delivered `count` lines more. Returns whether
  // it had all of them before.
  bool deliver_until_killed(std::uint64_t count, std::uint32_t seed) {
    const std::uint64_t before = arrivals_->count;
    const pid_t pid = ::fork();
    if (pid == 0) {
      int status = 1;
      if (const auto running = runner(seed); running->start())
        status = eventually([&] { return running->status().acked == kLines * kLineSize; }) ? 0 : 2;
      ::_exit(status);  // without the thread: the thread sanitizer would report it
    }
    int status = 0;
    const auto ended = [&] { return ::waitpid(pid, &status, WNOHANG) == pid; };
    bool has_ended = false;
    EXPECT_TRUE(eventually([&] {
      has_ended = ended();
      return has_ended || arrivals_->count >= before + count;
    }));
    if (has_ended) {
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
      return true;
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status);
  }

  SharedArrivals arrivals_;
};

TEST_P(AsyncSinkTest, LosesNothingAndDoublesWithinTheWindow) {
  for (std::uint64_t line = 0; line < kLines; ++line) write(fmt::format("line {:08}\n", line));
  std::minstd_rand random(7);
  std::uint64_t lives = 1;
  while (!deliver_until_killed(random() % 2000, static_cast<std::uint32_t>(lives))) ++lives;
  EXPECT_GT(lives, 3U);
  if (GetParam().order == Order::AsDelivered) {
    EXPECT_EQ(arrivals_->out_of_order, 0U) << "it can be asked, so each line is there once";
    EXPECT_EQ(arrivals_->up_to, kLines * kLineSize);
    return;
  }
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  for (const auto& times : arrivals_->times) {
    lost += times == 0 ? 1 : 0;
    doubled += std::max<std::uint32_t>(times, 1) - 1;
  }
  EXPECT_EQ(lost, 0U);
  EXPECT_LE(doubled, (lives + arrivals_->breaks) * most_in_flight());
}

INSTANTIATE_TEST_SUITE_P(Windows, AsyncSinkTest,
                         testing::Values(Case{Order::AsDelivered, 100, 256 << 10},
                                         Case{Order::AsDelivered, 1, 512 << 10}, Case{Order::Any, 1000, 1},
                                         Case{Order::Any, 100, 256 << 10}, Case{Order::Any, 1, 512 << 10}),
                         [](const auto& one) {
                           return fmt::format("{}{}LinesIn{}",
                                              one.param.order == Order::Any ? "AnyOrder" : "InOrder",
                                              one.param.batch_lines, one.param.window_bytes);
                         });

}  // namespace
}  // namespace slurper
