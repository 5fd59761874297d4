// RecordSource: reads the log as records, in batches.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/os.h"
#include "log/log_feed.h"
#include "log/log_reader.h"
#include "log/time_index.h"
#include "record/framer.h"
#include "record/record_fields.h"
#include "sink/record_batch.h"
#include "slurper/record.h"

namespace slurper {

// See SinkContext::checksum.
[[nodiscard]] std::uint32_t record_checksum(const Record& record);

// Reads the log, cuts it into records, and leaves out the records that the filter rejects. For a split line
// the filter decides by the first part and applies to all parts. One thread uses it.
class RecordSource {
 public:
  struct Options {
    std::optional<RecordFilter> filter;
    FramerSettings framing;
    // A batch is handed out if it has batch_lines lines, if batch_bytes have been read, or if its first line
    // has waited for batch_time.
    std::size_t batch_lines = 1000;
    std::size_t batch_bytes = 1 << 20;
    std::chrono::milliseconds batch_time{50};
    // Nothing will be written to the log any more: its last block is complete.
    bool log_is_complete = false;
  };

  // What is missing for good: how many bytes, and why.
  struct Missing {
    std::uint64_t bytes = 0;
    Gap why = Gap::None;
    StreamOffset up_to;
  };

  // All references outlive it. Call seek() first.
  RecordSource(Os& os, LogPaths paths, const LogFeed& feed, const TimeIndex& times, const LogId& log_id,
               const Options& options);

  // See Sink::border(); 0: none. Call seek() after it.
  void set_border(std::uint64_t border) { border_ = border; }

  // Continues at `from`, the beginning of a record. If that is inside a split line, the line's first part,
  // which is looked up in the log, provides its header and the filter's decision. If the first part is gone,
  // the rest is a line of its own. Errors: those of LogReader::read(), and Stopped if `stops` returns true
  // meanwhile, since a line may be as long as the log.
  Status seek(StreamOffset from, const std::function<bool()>& stops = {});

  // These return where a reader may begin; errors are those of LogReader::read().

  // Returns the offset of the oldest byte.
  [[nodiscard]] Result<StreamOffset> oldest() const;
  // Returns the beginning of the line that has bytes before `at` and, sooner or later, from there on. That
  // is the end of the last newline or gap before `at`, and at the earliest the oldest byte.
  [[nodiscard]] Result<StreamOffset> line_begin(StreamOffset at,
                                                const std::function<bool()>& stops = {}) const;

  // The position of `at` in the stream, as a reader that continues there needs it.
  struct Place {
    StreamOffset line;  // the beginning of the line that contains the byte at `at`
    // True if a line begins at `at`, or a part of one as max_line cuts it, or if what is before it is gone.
    bool begins_a_record = false;
  };
  // Reads the log from `at` back to the line's beginning. Errors are those of LogReader::read().
  [[nodiscard]] Result<Place> place_of(StreamOffset at, const std::function<bool()>& stops = {}) const;

  // See checksum_of_line_before().
  [[nodiscard]] Result<std::uint32_t> checksum_before(StreamOffset end,
                                                      const std::function<bool()>& stops = {}) const;

  // Reads what exists and fits, or a large part of it: read_up_to() shows how far. Returns what is missing
  // before it. Errors are those of LogReader::read().
  Result<Missing> read();
  // Skips the unreadable rest of a damaged segment.
  Missing skip_damaged();

  // Whether there is anything that take() has not processed.
  [[nodiscard]] bool has_news() const { return border_ != 0 ? block_is_complete() : news_ > 0 || gap_up_to_; }
  // Whether a batch is worth handing out before its batch_time has passed.
  [[nodiscard]] bool is_full() const;
  // Returns the offset that the log's end must reach to fill a batch.
  [[nodiscard]] StreamOffset full_at() const;

  // Returns the next records, at most batch_lines; an empty batch if what was read has no complete record
  // that passes the filter. A batch is valid as long as this object.
  RecordBatch take();
  // Takes back a batch that is not needed any more, to use its memory again.
  void recycle(RecordBatch batch);

  // Every record before this offset was handed out or rejected by the filter.
  [[nodiscard]] StreamOffset position() const {
    return block_.empty() ? framer_.offset() : StreamOffset{block_.front().offset()};
  }
  // Whether position() is inside a split line whose earlier parts were handed out or rejected.
  [[nodiscard]] bool in_parts() const { return framer_.in_parts(); }
  // Everything before this offset has been read.
  [[nodiscard]] StreamOffset read_up_to() const { return framer_.offset() + (filled_ - begin_); }

 private:
  Status go_on_in_line(StreamOffset begin, StreamOffset from);
  [[nodiscard]] Timestamp arrival_of(StreamOffset offset) const;
  [[nodiscard]] bool wants(const Record& record);
  void gather();
  [[nodiscard]] StreamOffset block_end() const;
  [[nodiscard]] bool block_is_complete() const {
    return !block_.empty() &&
           (framer_.offset() >= block_end() || (options_.log_is_complete && framer_.offset() >= feed_.end()));
  }
  RecordBatch take_block();
  void keep_wanted(std::vector<Record>& records);
  void make_room();
  [[nodiscard]] std::shared_ptr<std::vector<char>> new_buffer();
  void end_line_at_gap(StreamOffset up_to, std::vector<Record>& records);
  [[nodiscard]] Arrival arrival();
  Missing note(const LogReader::Chunk& chunk);
  [[nodiscard]] std::string_view uncut() const { return {buffer_->data() + begin_, filled_ - begin_}; }

  Os& os_;
  const LogPaths paths_;
  const LogFeed& feed_;
  const TimeIndex& times_;
  const LogId log_id_;
  const Options& options_;

  std::unique_ptr<LogReader> reader_;
  Framer framer_;
  // Memory of earlier batches.
  std::vector<std::shared_ptr<std::vector<char>>> free_buffers_;
  std::vector<std::vector<Record>> free_records_;
  // Bytes of records that were handed out stay where they are.
  std::shared_ptr<std::vector<char>> buffer_;
  std::size_t begin_ = 0;                  // of what is not cut: the byte at framer_.offset()
  std::size_t filled_ = 0;                 // the end of what was read
  std::uint64_t news_ = 0;                 // bytes read that take() has not processed
  std::uint64_t new_lines_ = 0;            // lines in news_
  std::optional<StreamOffset> gap_up_to_;  // where the stream continues after a gap
  std::optional<Arrival> arrival_;         // of the byte that was looked up last, and those after it
  bool wants_line_ = true;                 // the filter's decision on the current split line

  std::uint64_t border_ = 0;
  std::vector<Record> block_;  // of the block at position(): what was read of it, before the filter
  std::vector<std::shared_ptr<const void>> block_buffers_;  // that these refer to, besides buffer_
  std::uint64_t block_size_ = 0;                            // of these buffers
};

}  // namespace slurper
