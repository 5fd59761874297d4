// SinkRunner: the thread of one sink.
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

// What a runner asks of every sink's settings.
struct RunnerOptions {
  RecordSource::Options source;
  StartAt start = StartAt::End;  // of a sink that has never run on this log
  std::chrono::milliseconds retry_max{30'000};

  // What they are called.
  static std::span<const Setting> settings();
  static RunnerOptions from(SinkOptions& options);
};

// A sink whose settings have been understood; nothing is open yet.
struct PreparedSink {
  std::string name;
  std::string type;
  RunnerOptions options;
  // Makes the sink, on its own thread. An error is tried again: a plug-in may be installed meanwhile.
  std::function<Result<std::unique_ptr<Sink>>()> make;
  std::vector<std::string> warnings = {};  // about its settings, for the operator
};

// The log that sinks read. All of it outlives them.
struct SinkLog {
  Os& os;
  LogPaths paths;
  LogId id;
  FileAccess access;  // to the files that are made beside it
  SyncPolicy sync;
  LogFeed& feed;
  const TimeIndex& times;
};

// What any thread may ask of a sink at any time.
struct SinkStatus {
  std::string name = {};
  std::uint64_t held = 0;      // the destination has everything before this offset
  std::uint64_t records = 0;   // delivered since the start
  std::uint64_t rejected = 0;  // ever
  std::uint64_t missed = 0;    // bytes that were gone before they were read; ever
  bool has_begun = false;      // `held` is known: its cursor could be used
  bool failing = false;
  bool stopped = false;  // failing, and not tried again before resume()
  bool lagging = false;
  std::string failure = {};  // while it is failing: "cannot …"; empty while memory has run out
};

// Reads the log from the sink's cursor, hands records to the sink, in batches, and keeps the cursor where the
// destination has everything before it. What fails is tried again for as long as it takes; what the
// destination refuses for good goes to the dead letters. It says when a sink fails, lags, and has caught up,
// once each.
//
// What is wrong with a sink is this sink's alone: a type that does not exist, a cursor that can't be used and
// whatever else is in the way are failures like any other, seen in status() and tried again.
//
// A crash at any moment: the cursor is never beyond what the destination has, so that a record is delivered
// at least once, and once where the sink can ask its destination.
class SinkRunner {
 public:
  // Touches nothing yet. `events` outlives it, and gets what its thread reports.
  SinkRunner(const SinkLog& log, PreparedSink sink, EventListener& events);
  SinkRunner(const SinkRunner&) = delete;
  SinkRunner& operator=(const SinkRunner&) = delete;
  ~SinkRunner();

  // Busy if its thread can't be made.
  [[nodiscard]] Status start();

  // Nothing more will be written to the log: ends when the destination has all of it, or when it fails.
  void finish();
  // Ends whatever the sink waits for, and does not wait for that.
  void request_stop();
  // Any thread: a sink that has stopped because of a loop tries again.
  void resume();
  // request_stop(), and whether its thread has ended before `deadline`.
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
  Result<StreamOffset> where_to_go_on(std::optional<std::uint64_t> answer);
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
  void say(Level level, const std::string& text) const;
  [[nodiscard]] bool is_done() const;
  [[nodiscard]] ByteSize behind() const;
  bool set_failure(std::string failure);

  const SinkLog log_;
  const std::string name_;
  const RunnerOptions options_;
  const std::function<Result<std::unique_ptr<Sink>>()> make_sink_;
  EventListener& events_;
  UniqueFd stop_fd_;  // eventfd
  LogFeed::Listener listener_;
  const StreamOffset began_at_;  // the log's end when it was made: nothing from then on is old

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
  std::string failure_;  // under the mutex; written by the thread alone

  // The thread's own:
  std::optional<CursorFile> cursor_;
  std::unique_ptr<Sink> sink_;
  DeadLetters dead_letters_;
  RecordSource source_;
  SinkContext context_;
  bool is_open_ = false;
  StreamOffset handed_;  // of what was handed over, the end
  Clock::time_point settle_due_;
  std::optional<StreamOffset> line_in_parts_;  // of what was handed over last: where it began
  StreamOffset whole_lines_;  // of what was handed over and not refused: where the last line ends
  std::optional<StreamOffset> delivered_;  // see CursorRecord
  bool set_by_hand_ = false;               // the same
  // Before it everything was delivered once, or not wanted: what the log no longer has of it was not missed.
  StreamOffset passed_once_;
  bool went_back_ = false;  // the destination: it has lost what is from there to passed_once_
  std::optional<Clock::time_point> linger_until_;
  Clock::time_point sync_due_;
  bool cursor_unsaved_ = false;
  std::uint64_t renewals_ = 0;  // of the files beside the log
  std::string renewal_failure_;
  std::chrono::milliseconds backoff_{0};
  bool failure_is_told_ = false;
  Clock::time_point failing_since_;
  Clock::time_point say_again_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace slurper
