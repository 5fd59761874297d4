// LogFeed: how a log's writer keeps the readers in the same process up to date.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <mutex>
#include <vector>

#include "base/contract.h"
#include "base/stream_offset.h"

namespace slurper {

// The file that the log is written to.
struct ActiveSegment {
  StreamOffset base;
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const ActiveSegment&) const = default;
};

// One thread writes, any number read and wait. A thread that sees the end of a publish() sees all of it. A
// publish() costs the writer two atomic operations, and a write to an eventfd(2) for each reader whose wait
// it ends. Nothing of it survives the process.
class LogFeed {
 public:
  using Clock = std::chrono::steady_clock;

  struct Snapshot {
    ActiveSegment active;
    bool open = false;       // the writer has that file open, so its inode is no other file's
    std::uint64_t cuts = 0;  // how often another process cut the active segment's file to nothing
    StreamOffset end;        // of what is written
  };

  LogFeed() = default;
  ~LogFeed() { SLURPER_ASSERT(waiting_.empty()); }
  LogFeed(const LogFeed&) = delete;
  LogFeed& operator=(const LogFeed&) = delete;

  // The writer's thread:

  // `end` never goes back.
  void publish(const ActiveSegment& active, StreamOffset end);
  // To be called before the file is closed, for another one to follow: a reader that finds the file by its
  // inode must know that the number was not given to another file meanwhile.
  void leave();
  // The file was cut to nothing, so its readers must not read on. To be called before it is written again.
  void cut();
  // The files beside the log must be made again, since others have removed them. Wakes every reader that
  // waits.
  void renew();
  // A write(2) of `bytes` bytes begins; 0: what it did is known, and cut() has been called if need be.
  void set_in_flight(std::uint64_t bytes) { in_flight_.store(bytes); }

  // Any thread:

  [[nodiscard]] StreamOffset end() const { return {end_.load()}; }
  [[nodiscard]] Snapshot snapshot() const;
  // How often renew() was called.
  [[nodiscard]] std::uint64_t renewals() const { return renewals_.load(); }
  // So many bytes that were meant for the file's end may stand at its beginning.
  [[nodiscard]] std::uint64_t in_flight() const { return in_flight_.load(); }

  // A reader's place to wait. One thread waits, any thread may wake it. It ends before the feed does.
  class Listener {
   public:
    // `wake_fd`, an eventfd(2) that does not block, stays open as long as the listener lives.
    Listener(LogFeed& feed, int wake_fd) : feed_(feed), wake_fd_(wake_fd) { feed_.expect_one_more(); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() { feed_.expect_one_less(*this); }

    // Waits until the log is written up to `wanted`, until `deadline` (Clock::time_point::max(): none), or
    // until `wake_fd` was written; rarely for nothing. Returns whether the log is written that far. A reader
    // that wants more bytes wakes up less often.
    bool wait_until(StreamOffset wanted, Clock::time_point deadline);

   private:
    friend LogFeed;
    LogFeed& feed_;
    const int wake_fd_;
    std::uint64_t wanted_ = kNothing;  // under the feed's waiting_mutex_
  };

 private:
  static constexpr std::uint64_t kNothing = std::numeric_limits<std::uint64_t>::max();

  void expect_one_more();
  void expect_one_less(Listener& listener);
  void add(Listener& listener, StreamOffset wanted);
  void remove(Listener& listener);
  void wake_up_to(std::uint64_t end);
  void set_wanted();

  // The lowest offset that a reader waits for. A reader stores it and then looks at end_, the writer stores
  // end_ and then looks at it: so one of them sees the other.
  std::atomic<std::uint64_t> wanted_{kNothing};
  std::atomic<std::uint64_t> end_{0};
  std::atomic<std::uint64_t> in_flight_{0};
  std::atomic<std::uint64_t> renewals_{0};

  mutable std::mutex active_mutex_;
  ActiveSegment active_;  // written by the writer's thread alone
  bool open_ = false;     // the same
  std::uint64_t cuts_ = 0;

  std::mutex waiting_mutex_;
  std::vector<Listener*> waiting_;  // with room for all that there are: waiting allocates nothing
  std::size_t listeners_ = 0;
};

}  // namespace slurper
