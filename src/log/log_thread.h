// The log's thread: from the ring into the log.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/backoff.h"
#include "base/doorbell.h"
#include "base/event.h"
#include "base/histogram.h"
#include "base/settings.h"
#include "log/housekeeper.h"
#include "log/log_writer.h"
#include "log/rotation_request.h"
#include "log/time_index.h"
#include "ring/ring.h"

namespace slurper {

// What any thread may ask of the log at any time.
struct LogStatus {
  std::string path = {};  // of the active segment
  dev_t device = 0;       // the same
  ino_t inode = 0;
  StreamOffset synced;                                   // what is before it survives a loss of power
  std::uint64_t rotations = 0;                           // since the start
  std::uint64_t lines = 0;                               // written, since the start
  std::uint64_t bytes = 0;                               // the same
  StreamOffset end = {};                                 // of what is written
  std::chrono::system_clock::time_point synced_at = {};  // the last time since the start; 0: not yet
  std::uint64_t segments = 0;       // rotated ones that are left, as of the housekeeper's last look
  std::uint64_t segment_bytes = 0;  // what they take on disk
  HistogramCounts sync_duration = {};
  HistogramCounts latency = {};  // of each line, from its arrival to its write
};

// Writes the ring's bytes to the log, syncs and rotates it, and keeps the housekeeper of its rotated
// segments. It alone waits for the disk: a disk that stalls, is full or fails holds up this thread and
// nothing else, and it tries again for as long as it lives.
class LogThread {
 public:
  // `made_room` is called from this thread whenever the intake has asked for it and the ring has got emptier.
  // All references outlive it.
  LogThread(Ring& ring, LogWriter& writer, TimeIndex& times, const LogSettings& settings,
            EventListener& events, std::function<void()> made_room);
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;
  ~LogThread();  // stops

  // From the intake's thread:
  // Busy if a thread can't be made. From here on the data's path allocates nothing.
  [[nodiscard]] Status start();
  void notify() { bell_.ring(); }                    // after every take
  void ask_for_room() { room_wanted_.store(true); }  // made_room will be called, once
  // At the next end of a line. `request`, if there is one, shows what has become of it.
  void rotate(std::shared_ptr<RotationRequest> request = nullptr);
  void reload(
      const LogSettings& settings);  // new limits, and the log is opened anew where its file was moved
  // Writes what the ring holds, syncs, and ends the thread; gives up after `patience` where the log can't be
  // written. Whether the log has everything.
  bool stop(std::chrono::milliseconds patience);

  // For those who read the log: what is written, with `sync = "always"` what is synced.
  [[nodiscard]] LogFeed& feed() { return writer_.feed(); }

  [[nodiscard]] LogStatus status() const;
  [[nodiscard]] std::uint64_t lines() const { return lines_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(); }
  // Since the log's place is taken by another log: what the ring holds, `slurper recover` writes.
  [[nodiscard]] bool place_is_taken() const { return place_is_taken_.load(); }

  // What the watchdog asks for, see StallDetector.
  struct Progress {
    std::uint64_t steps;
    bool has_work;
    std::uint64_t ring_room;  // bytes
  };
  [[nodiscard]] Progress progress() const {
    return {steps_.load(), ring_.used() > 0 || requested_.load(), ring_.room()};
  }
  [[nodiscard]] pid_t tid() const { return tid_.load(); }  // 0 before start()

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void serve_requests();
  bool write_some();
  void sync_if_due();
  void sync();
  std::uint64_t measure(StreamOffset from, StreamOffset to, Clock::time_point now);
  void rotate_if_due();
  void rotate_now();
  void note_rotation();
  void sleep();
  void publish();
  void failed(const Error& error);
  void rotation_failed(const Error& error);
  void report_findings();
  static Housekeeper::Options housekeeping(const LogSettings& settings);

  Ring& ring_;
  LogWriter& writer_;
  TimeIndex& times_;
  EventListener& events_;
  std::function<void()> made_room_;

  // Shared:
  std::mutex mutex_;
  Doorbell bell_;
  std::atomic<bool> room_wanted_{false};
  std::atomic<bool> requested_{false};  // something below, under the mutex, is to be done
  bool stop_requested_ = false;
  bool rotate_requested_ = false;
  std::vector<std::shared_ptr<RotationRequest>> new_rotations_;
  std::optional<LogSettings> reload_requested_;
  Clock::time_point give_up_at_ = Clock::time_point::max();
  std::atomic<std::uint64_t> synced_{0};
  std::atomic<std::uint64_t> rotations_{0};
  std::atomic<bool> place_is_taken_{false};
  std::atomic<std::uint64_t> lines_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::chrono::system_clock::rep> synced_at_{0};
  std::atomic<std::uint64_t> steps_{0};
  Histogram sync_duration_;
  Histogram latency_;
  std::atomic<pid_t> tid_{0};

  // The thread's own:
  std::unique_ptr<HousekeeperListener> housekeeper_listener_;
  Housekeeper::Options housekeeping_;
  std::unique_ptr<Housekeeper> housekeeper_;
  SyncPolicy sync_;
  WhenDiskFull when_disk_full_;
  bool stopping_ = false;
  bool failing_ = false;
  std::vector<std::shared_ptr<RotationRequest>> open_rotations_;  // amid a line
  StreamOffset rotates_from_;                                     // the segment that they are about
  std::optional<Clock::time_point> sync_due_;
  Clock::time_point retry_at_;
  Clock::time_point failing_since_;
  Backoff backoff_;
  std::uint64_t renewals_ = 0;  // of the files beside the log
  StreamOffset housekept_;      // what the housekeeper was told
  std::thread thread_;
};

}  // namespace slurper
