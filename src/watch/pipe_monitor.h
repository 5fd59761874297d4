// PipeMonitor: the thread that finds out which processes have the FIFO open.
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
  // "'rsyslogd' (pid 123)", as of the last look: those that have it open for writing, those that read it.
  std::vector<std::string> writers = {};
  std::vector<std::string> readers = {};
  bool sees_all = false;  // every process could be looked at
  // Since the start, see PipeUsers:
  std::uint64_t writer_connects = 0;
  std::uint64_t last_writers_left = 0;
};

// Waits for a process to open or close the FIFO, identifies it, and reports what the operator should know. It
// has a thread of its own, because a search of /proc takes longer the more descriptors the machine has, and
// the intake must not wait for it. It sleeps while no process opens or closes the FIFO, and uses at most a
// few percent of a processor if they never stop. If the kernel can't report them (no inotify instance is
// left), it reports that and retries every second; until then it still detects a second reader by what that
// reader takes.
class PipeMonitor {
 public:
  // Sees every process that opens `fifo` from now on, and with its first look those that have it open
  // already. `events` outlives it. Fails as eventfd(2), or with Busy if its thread can't be created.
  [[nodiscard]] static Result<std::unique_ptr<PipeMonitor>> start(std::string path, const Fifo& fifo,
                                                                  EventListener& events);
  PipeMonitor(const PipeMonitor&) = delete;
  PipeMonitor& operator=(const PipeMonitor&) = delete;
  ~PipeMonitor();  // ends the thread

  // For the intake's thread:

  // Another FIFO is at the path. Processes that still write to the one before are reported.
  void follow(const Fifo& fifo);
  // The pipe held less than the kernel had reported: another reader takes lines.
  void on_short_read();
  // Removes a second reader that has left from the status.
  void forget_second_readers();

  // Any thread may call it.
  [[nodiscard]] WatchStatus status() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct Inode {
    dev_t device = 0;
    ino_t number = 0;
  };
  struct Watched {
    explicit Watched(const Fifo& fifo);

    UniqueFd fd;  // O_PATH: it does not count as a reader, whatever the intake closes meanwhile
    Inode inode;
    bool hides_reads;
    bool shows_reads;  // those of others, by its access time
  };

  PipeMonitor(std::string path, const Fifo& fifo, EventListener& events, UniqueFd wake_fd);
  void run(const std::stop_token& stop);
  void wait();
  void serve_requests();
  void watch(Watched fifo);
  void arm();
  Status try_to_watch();
  [[nodiscard]] bool was_read();
  void note_reads();
  void report_left_behind(const std::stop_token& stop);
  void look(const std::stop_token& stop);
  void wake();

  std::string path_;
  EventListener& events_;
  UniqueFd wake_fd_;  // eventfd
  Inode followed_;    // used by the intake's thread: the FIFO that it requested last

  // Shared:
  mutable std::mutex mutex_;
  WatchStatus seen_;  // without the number of readers
  std::optional<Watched> next_;
  std::vector<Inode> left_behind_;
  std::atomic<bool> short_read_{false};  // until the monitor has investigated it
  std::atomic<bool> forget_{false};
  std::atomic<std::uint64_t> second_readers_{0};

  // Used by the monitor's thread alone:
  std::unique_ptr<FifoInotify> watch_;
  std::optional<Clock::time_point> arm_at_;  // if it could not be watched: when to retry
  std::optional<Watched> watched_;
  timespec last_read_{};              // the FIFO's access time
  bool has_new_access_ = false;       // it has changed since the last look
  std::unique_ptr<PipeUsers> users_;  // of the FIFO that it follows now
  // Of the FIFOs before:
  std::uint64_t earlier_readers_ = 0;
  std::uint64_t earlier_connects_ = 0;
  std::uint64_t earlier_last_writers_ = 0;
  int looks_again_ = 0;
  std::optional<Clock::time_point> look_at_;
  Clock::time_point not_before_;
  Clock::time_point short_read_not_before_;
  std::jthread thread_;  // last: it uses all members above
};

}  // namespace slurper
