// The thread that sees who has the FIFO open.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/event.h"
#include "base/fd.h"
#include "fifo/fifo.h"
#include "fifo/inotify.h"
#include "watch/pipe_users.h"

namespace slurper {

struct WatchStatus {
  std::uint64_t second_readers = 0;  // processes that read the FIFO besides slurper, since the start
};

// Waits for a process to open or close the FIFO, looks who it is, and says what there is to say. A thread of
// its own, since a look through /proc takes as long as the machine has descriptors, and the intake must not
// wait for it. It sleeps while no process comes or goes, and uses a few per cent of a processor at the most
// where they never stop. If the kernel can't report them (no inotify instance is left), it says so and tries
// again every second; another reader is found by what it takes nevertheless.
class PipeMonitor {
 public:
  // Who opens `fifo` from now on is seen; who has it open already, with the first look.
  // `events` outlives it.
  PipeMonitor(std::string path, const Fifo& fifo, EventListener& events);
  PipeMonitor(const PipeMonitor&) = delete;
  PipeMonitor& operator=(const PipeMonitor&) = delete;
  ~PipeMonitor();  // ends the thread

  // From the intake's thread:
  // Another one is at the path. Who still writes to the one before is told.
  void follow(const Fifo& fifo);
  // The pipe has held less than it was said to: another reader takes lines.
  void on_short_read();
  // A reader that has left is not shown in the status any longer.
  void forget_second_readers();

  // Any thread.
  [[nodiscard]] WatchStatus status() const { return {.second_readers = second_readers_.load()}; }

 private:
  using Clock = std::chrono::steady_clock;

  struct Inode {
    dev_t device = 0;
    ino_t number = 0;
  };
  struct Watched {
    explicit Watched(const Fifo& fifo);

    UniqueFd fd;  // O_PATH: it counts as no reader, whatever the intake closes meanwhile
    Inode inode;
    bool hides_reads;
  };

  void run(const std::stop_token& stop);
  void wait();
  void serve_requests();
  void watch(Watched fifo);
  void arm();
  Status try_to_watch();
  [[nodiscard]] bool was_read();
  void report_left_behind(const std::stop_token& stop);
  void look(const std::stop_token& stop);
  void wake();

  std::string path_;
  EventListener& events_;
  UniqueFd wake_fd_;  // eventfd
  Inode followed_;    // the intake's: the last one that it asked for

  // Shared:
  std::mutex mutex_;
  std::optional<Watched> next_;
  std::vector<Inode> left_behind_;
  std::atomic<bool> short_read_{false};  // until it has been looked into
  std::atomic<bool> forget_{false};
  std::atomic<std::uint64_t> second_readers_{0};

  // The thread's own:
  std::unique_ptr<FifoInotify> watch_;
  std::optional<Clock::time_point> arm_at_;  // it could not be watched: when to try again
  std::optional<Watched> watched_;
  timespec last_read_{};               // its time of last access
  std::unique_ptr<PipeUsers> users_;   // of the FIFO that it follows now
  std::uint64_t earlier_readers_ = 0;  // of the FIFOs before
  int looks_again_ = 0;
  std::optional<Clock::time_point> look_at_;
  Clock::time_point not_before_;
  Clock::time_point short_read_not_before_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace slurper
