// SinkProgress: how far a sink is in the log, in memory and in its cursor.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "log/cursor_file.h"
#include "sink/record_source.h"
#include "sink/runner_options.h"
#include "sink/sink_log.h"
#include "sink/sink_status.h"
#include "slurper/sink.h"

namespace slurper {

// The cursor is never ahead of what the destination has. So each record is delivered at least once, and
// exactly once if the sink can ask its destination. The sink's thread calls it, except fill() and acked().
class SinkProgress {
 public:
  using Clock = std::chrono::steady_clock;
  using Say = std::function<void(Level, const Phrase&)>;

  // The references outlive it. `began_at` is where a sink begins that has no cursor and starts at the end;
  // `stops` ends a search in the log.
  SinkProgress(const SinkLog& log, std::string name, RecordSource& source, StreamOffset began_at,
               OnReset on_reset, std::function<bool()> stops, Say say);

  // Opens the cursor, and makes one for a sink that has never run on this log. It is durable before the sink
  // first connects: what is written until then must not be skipped.
  [[nodiscard]] Status open(StartAt start);
  // Closes the cursor: the next open() reads it again.
  void close() { cursor_.reset(); }
  // Returns the offset to continue at: the cursor, or the destination's answer if it has one.
  [[nodiscard]] Result<StreamOffset> resume_at(const std::optional<Reached>& answer);

  // The destination has a whole line that ends here, or the last part of one.
  void delivered(StreamOffset end) {
    delivered_ = std::max(delivered_.value_or(StreamOffset{}), end);
    is_renamed_ = false;
  }
  void rejected() { ++rejected_; }
  // The destination has, or has refused, everything before `offset`. `line` is the beginning of a split line
  // within which delivery must not resume.
  [[nodiscard]] Status reach(StreamOffset offset, std::optional<StreamOffset> line);
  // The operator has set where to resume: the beginning of a line. The destination's own answer does not
  // count until it has gone further. What is passed over and was never delivered counts as missed. Returns
  // the number of these bytes.
  [[nodiscard]] Result<std::uint64_t> move_to(StreamOffset place);
  // Notes and reports what can no longer be read.
  void note_gap(const RecordSource::Missing& missing);

  // When the cursor must be synced.
  [[nodiscard]] Clock::time_point sync_due() const {
    return unsynced_ ? sync_due_ : Clock::time_point::max();
  }
  [[nodiscard]] Status sync() { return save(true); }
  // The same at the end of the sink, which may have no cursor yet.
  [[nodiscard]] Status sync_at_end();
  // Moves the cursor to the log's new folder after a replacement.
  void follow_log();

  // Any thread:
  [[nodiscard]] const std::atomic<std::uint64_t>& acked() const { return acked_; }
  [[nodiscard]] std::uint64_t rejected_ever() const { return rejected_; }
  void fill(SinkStatus& status) const;

 private:
  [[nodiscard]] Result<StreamOffset> choose_offset(const std::optional<Reached>& answer);
  [[nodiscard]] Result<std::optional<StreamOffset>> check_answer(const Reached& answer,
                                                                 StreamOffset noted) const;
  [[nodiscard]] Status check_last_record(const Reached& answer) const;
  [[nodiscard]] std::unexpected<Error> wrong_answer(const Reached& answer, Phrase why) const;
  [[nodiscard]] Status save(bool surely);

  const SinkLog& log_;
  const std::string name_;
  RecordSource& source_;
  const StreamOffset began_at_;
  const OnReset on_reset_;
  const std::function<bool()> stops_;
  const Say say_;

  std::atomic<std::uint64_t> acked_{0};
  std::atomic<std::uint64_t> rejected_{0};
  std::atomic<std::uint64_t> missed_{0};
  std::atomic<bool> has_begun_{false};

  // The thread's own state:
  std::optional<CursorFile> cursor_;
  std::optional<StreamOffset> line_;       // see reach()
  std::optional<StreamOffset> delivered_;  // see CursorRecord
  bool set_by_hand_ = false;               // see CursorRecord
  bool is_renamed_ = false;                // see CursorRecord
  // Everything before this offset was delivered once or rejected by the filter. If the log no longer has
  // some of it, that is not missed.
  StreamOffset passed_once_;
  bool went_back_ = false;     // the destination has lost some of what is before passed_once_
  StreamOffset missed_up_to_;  // what is gone before this offset has been counted
  Clock::time_point sync_due_;
  bool unsynced_ = false;
  std::uint64_t renewals_ = 0;  // of the files beside the log, as of the last follow_log()
  std::optional<Error> renewal_failure_;
};

}  // namespace slurper
