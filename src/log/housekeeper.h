// Housekeeper: compresses and removes rotated segments in the background.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "base/os.h"
#include "base/settings.h"
#include "log/retention.h"
#include "log/segment_name.h"
#include "slurper/result.h"

namespace slurper {

// Called with what the housekeeper did, on the housekeeper's own thread.
class HousekeeperListener {
 public:
  virtual ~HousekeeperListener() = default;
  virtual void on_compressed(const Segment& raw, const Segment& compressed) = 0;
  virtual void on_removed(const Segment& segment) = 0;            // by retention
  virtual void on_removed_for_room(const Segment& segment) = 0;   // before its time
  virtual void on_leftover_removed(const std::string& path) = 0;  // of a compression that a crash cut short
  virtual void on_housekeeping_failed(const Error& error) = 0;    // the segment stays as it was
  virtual void on_all_kept() {}  // a look at all segments is over, and none has failed, then or before
};

// A thread of the lowest priority that works on the rotated segments of one log: resolves what a crash left
// of compressions, compresses what is raw, removes what is beyond the limits. It never touches the active
// segment, nor one that a rotation may still be busy with: only those before the active base that it was told
// last. What fails is reported and not tried again at once: an unlink with the next rotation, a compression
// with the next rotation when space was short, otherwise not before the next start.
//
// For the holder of the log's lock, one at a time. notify() may be called from any thread and never waits for
// the work; the destructor does, but for milliseconds: it cancels it. A crash at any point leaves what the
// next start resolves (compress.h).
class Housekeeper {
 public:
  struct Options {
    Compression compress = Compression::None;
    RetentionLimits limits;
  };

  // `os` and `listener` outlive it. Busy if its thread can't be made.
  [[nodiscard]] static Result<std::unique_ptr<Housekeeper>> start(Os& os, const LogPaths& paths,
                                                                  const Options& options,
                                                                  HousekeeperListener& listener);
  // Throws std::system_error if its thread can't be made.
  Housekeeper(Os& os, LogPaths paths, const Options& options, HousekeeperListener& listener);
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;
  ~Housekeeper();

  // For what is done from now on; what is under way ends first.
  void set_options(const Options& options);

  // Segments before `active_base` are complete, and the index says so. To be called once after start-up's
  // recovery and after each rotation.
  void notify(StreamOffset active_base);

  // The disk is full: removes the oldest segment before `active_base`, whatever the limits say. To be called
  // for each write that has failed: none goes too many.
  void make_room(StreamOffset active_base);

  // Counts since it was made.
  struct Counters {
    std::uint64_t compressed = 0;
    std::uint64_t removed = 0;
    std::uint64_t leftovers_removed = 0;
    std::uint64_t failures = 0;
    // At the last look: the rotated segments that are left, and the bytes that they take on disk.
    std::uint64_t segments = 0;
    std::uint64_t segment_bytes = 0;
  };
  [[nodiscard]] Counters counters() const;

 private:
  void run(const std::stop_token& stop);
  void serve(const std::stop_token& stop);
  void fell(const char* why) noexcept;
  void work(StreamOffset active_base, const std::stop_token& stop);
  void resolve(StreamOffset active_base, const std::stop_token& stop);
  [[nodiscard]] bool retain(std::vector<Segment>& segments, const RetentionLimits& limits);
  void count(const std::vector<Segment>& segments);
  void remove_oldest(StreamOffset active_base);
  void compress(std::vector<Segment>& segments, const std::stop_token& stop);
  [[nodiscard]] bool compress_one(Segment& segment, const std::stop_token& stop);
  [[nodiscard]] std::optional<std::vector<Segment>> list(StreamOffset active_base);
  void report_failure(const Error& error);

  Os& os_;
  const LogPaths paths_;
  HousekeeperListener& listener_;

  std::atomic<std::uint64_t> compressed_ = 0;
  std::atomic<std::uint64_t> removed_ = 0;
  std::atomic<std::uint64_t> leftovers_removed_ = 0;
  std::atomic<std::uint64_t> failures_ = 0;
  std::atomic<std::uint64_t> segments_ = 0;
  std::atomic<std::uint64_t> segment_bytes_ = 0;

  // The thread's own.
  Options options_;
  std::optional<StreamOffset> working_before_;  // what is under way, to be done again if it throws
  bool resolved_ = false;
  std::set<StreamOffset> given_up_;

  std::mutex mutex_;  // of what follows
  std::condition_variable_any notified_;
  std::optional<StreamOffset> work_before_;
  std::optional<StreamOffset> make_room_before_;
  std::optional<Options> new_options_;

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace slurper
