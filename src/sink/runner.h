// SinkRunner: runs one sink in a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/backoff.h"
#include "base/event.h"
#include "base/fd.h"
#include "base/os.h"
#include "base/settings.h"
#include "log/cursor_file.h"
#include "log/log_feed.h"
#include "sink/dead_letters.h"
#include "sink/record_source.h"
#include "slurper/sink.h"

namespace slurper {

enum class StartAt { End, Beginning };

// The settings that every sink has.
struct RunnerOptions {
  RecordSource::Options source;
  StartAt start = StartAt::End;  // for a sink that has never run on this log
  std::chrono::milliseconds retry_max{30'000};

  // Returns their declarations.
  static std::span<const Setting> settings();
  static RunnerOptions from(SinkOptions& options);
};

// A sink with parsed settings; nothing is open.
struct PreparedSink {
  std::string name;
  std::string type;
  RunnerOptions options;
  // Makes the sink, on the sink's own thread. After an error it is called again, since a plug-in may be
  // installed meanwhile.
  std::function<Result<std::unique_ptr<Sink>>()> make;
  std::vector<Phrase> warnings = {};  // about its settings, for the operator
};

// The log that sinks read. Everything it refers to outlives them.
struct SinkLog {
  Os& os;
  LogPaths paths;
  LogId id;
  FileAccess access;  // for the files that are created beside it
  SyncPolicy sync;
  LogFeed& feed;
  const TimeIndex& times;
};

// The state of a sink, which any thread may read at any time.
struct SinkStatus {
  std::string name = {};
  std::uint64_t held = 0;      // the destination has everything before this offset
  std::uint64_t records = 0;   // delivered since this process started
  std::uint64_t rejected = 0;  // ever
  std::uint64_t missed = 0;    // bytes that were gone before they were read; ever
  bool has_begun = false;      // `held` is known: its cursor was usable
  bool failing = false;
  bool stopped = false;  // failing, and not retried before resume()
  bool lagging = false;
  std::optional<Error> failure = {};  // while it is failing; none while memory has run out
};

// Reads the log from the sink's cursor, hands records to the sink in batches, and moves the cursor to the
// offset before which the destination has everything. It retries what fails for as long as it takes. What
// the destination refuses for good goes to the dead letters. It reports once each that a sink fails, lags,
// and has caught up.
//
// A fault of a sink affects this sink alone: a type that does not exist or a cursor that can't be used is a
// failure like any other, visible in status() and retried.
//
// After a crash at any moment, the cursor is not ahead of what the destination has. So each record is
// delivered at least once, and exactly once if the sink can ask its destination.
class SinkRunner {
 public:
  // Opens and starts nothing. `events` outlives it, and receives what its thread reports. `render` words the
  // reasons in the dead letters.
  SinkRunner(const SinkLog& log, PreparedSink sink, EventListener& events, PhraseRenderer render);
  SinkRunner(const SinkRunner&) = delete;
  SinkRunner& operator=(const SinkRunner&) = delete;
  ~SinkRunner();

  // Fails with Busy if its thread can't be made.
  [[nodiscard]] Status start();

  // Announces that the log is complete: the thread ends when the destination has all of it, or when the sink
  // fails.
  void finish();
  // Interrupts every wait of the sink; returns at once.
  void request_stop();
  // Any thread: makes a sink that has stopped because of a loop try again.
  void resume();
  // Calls request_stop(); returns whether the thread has ended before `deadline`.
  bool stop(std::chrono::steady_clock::time_point deadline);

  // Any thread:
  [[nodiscard]] SinkStatus status() const;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool ended() const { return ended_.load(); }

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  Status turn();
  void tear_down() noexcept;
  void close_sink() noexcept;
  Status open_cursor();
  Status open_sink();
  Result<StreamOffset> where_to_resume(std::optional<std::uint64_t> answer);
  Result<std::optional<StreamOffset>> check_answer(StreamOffset answer, StreamOffset noted) const;
  void note_delivered(StreamOffset held);
  Status step();
  Status deliver();
  Status settle();
  void note_handed(std::span<const Record> batch);
  Status take(std::span<const Record> batch, const Delivery& delivery);
  Status note_held(StreamOffset held);
  Status save_cursor(bool surely);
  void renew_cursor();
  void note_gap(const RecordSource::Missing& missing);
  void watch_lag(Timestamp oldest);
  void failed(const Error& error);
  void wait_for_resume();
  void works();
  void wait(Clock::time_point deadline, StreamOffset wanted);
  void say(Level level, const Phrase& text) const;
  [[nodiscard]] bool is_done() const;
  [[nodiscard]] ByteSize behind() const;
  bool set_failure(std::optional<Error> failure);

  const SinkLog log_;
  const std::string name_;
  const RunnerOptions options_;
  const std::function<Result<std::unique_ptr<Sink>>()> make_sink_;
  EventListener& events_;
  UniqueFd stop_fd_;  // eventfd
  LogFeed::Listener listener_;
  const StreamOffset began_at_;  // the log's end at construction: nothing after it is old

  std::atomic<bool> finishing_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{false};
  std::atomic<bool> resumed_{false};
  std::atomic<std::uint64_t> held_{0};
  std::atomic<std::uint64_t> records_{0};
  std::atomic<std::uint64_t> rejected_{0};
  std::atomic<std::uint64_t> missed_{0};
  std::atomic<bool> has_begun_{false};
  std::atomic<bool> failing_{false};
  std::atomic<bool> stopped_{false};
  std::atomic<bool> lagging_{false};
  mutable std::mutex failure_mutex_;
  std::optional<Error> failure_;  // under the mutex; written by the thread alone

  // The thread's own state:
  std::optional<CursorFile> cursor_;
  std::unique_ptr<Sink> sink_;
  DeadLetters dead_letters_;
  RecordSource source_;
  SinkContext context_;
  bool is_open_ = false;
  StreamOffset handed_;  // the end of what was handed over
  Clock::time_point settle_due_;
  std::optional<StreamOffset> line_in_parts_;  // the beginning of the split line that was handed over last
  StreamOffset whole_lines_;               // the end of the last line that was handed over and not refused
  std::optional<StreamOffset> delivered_;  // see CursorRecord
  bool set_by_hand_ = false;               // see CursorRecord
  // Everything before this offset was delivered once or rejected by the filter. If the log no longer has
  // some of it, that is not missed.
  StreamOffset passed_once_;
  bool went_back_ = false;  // the destination has lost some of what is before passed_once_
  std::optional<Clock::time_point> linger_until_;
  Clock::time_point sync_due_;
  bool cursor_unsaved_ = false;
  std::uint64_t renewals_ = 0;  // of the files beside the log, as of the last renew_cursor()
  std::optional<Error> renewal_failure_;
  Backoff backoff_;
  bool failure_is_told_ = false;
  Clock::time_point failing_since_;
  Clock::time_point say_again_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace slurper
