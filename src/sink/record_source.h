// RecordSource: the log as records, in batches.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/os.h"
#include "log/log_feed.h"
#include "log/log_reader.h"
#include "log/time_index.h"
#include "record/framer.h"
#include "record/record_fields.h"
#include "slurper/record.h"

namespace slurper {

// Reads the log, cuts it into records, and leaves those out that the filter does not want: of a line in parts
// all or none, by its first part. One thread.
class RecordSource {
 public:
  struct Options {
    std::optional<RecordFilter> filter;
    FramerSettings framing;
    // A batch is handed out when it has as many lines, as many bytes have been read, or the first of them has
    // waited for so long.
    std::size_t batch_lines = 1000;
    std::size_t batch_bytes = 1 << 20;
    std::chrono::milliseconds batch_time{50};
  };

  // What will never come: how many bytes, and why.
  struct Missing {
    std::uint64_t bytes = 0;
    Gap why = Gap::None;
    StreamOffset up_to;
  };

  // All references outlive it. seek() comes first.
  RecordSource(Os& os, LogPaths paths, const LogFeed& feed, const TimeIndex& times, const LogId& log_id,
               const Options& options);

  // Goes on at `from`, the beginning of a record. In the middle of a line in parts, the line's header and the
  // filter's answer are those of its first part, which is looked up in the log; if it is gone, the rest is a
  // line of its own. Errors as LogReader::read(); Stopped if `stops` says so meanwhile, since a line may be
  // as long as the log.
  Status seek(StreamOffset from, const std::function<bool()>& stops = {});

  // Where a reader may begin; errors as LogReader::read().

  // The oldest byte that there is.
  [[nodiscard]] Result<StreamOffset> oldest() const;
  // The beginning of the line that has bytes both before `at` and, sooner or later, from there on: where the
  // last newline or gap before `at` ends, at the earliest at the oldest byte that there is.
  [[nodiscard]] Result<StreamOffset> line_begin(StreamOffset at,
                                                const std::function<bool()>& stops = {}) const;

  // How a reader that goes on at `at` would find the stream there.
  struct Place {
    StreamOffset line;  // where the line begins that the byte at `at` is of; `at` itself, if it does
    // A line, or a part of one as max_line cuts it; or what is before it is gone.
    bool begins_a_record = false;
  };
  // Looks at the log, from `at` back to the line's beginning. Errors as LogReader::read().
  [[nodiscard]] Result<Place> place_of(StreamOffset at, const std::function<bool()>& stops = {}) const;

  // Reads as much as there is and fits, or a good part of it: read_up_to() tells. What is missing before it.
  // Errors as LogReader::read().
  Result<Missing> read();
  // Gives up what can't be read of a damaged segment.
  Missing skip_damaged();

  // Whether there is something that take() has not seen yet.
  [[nodiscard]] bool has_news() const { return news_ > 0 || gap_up_to_; }
  // Whether a batch is worth handing out, however short it has waited.
  [[nodiscard]] bool is_full() const;
  // Written up to there, the log has enough for one.
  [[nodiscard]] StreamOffset full_at() const;

  // The next records, until batch_lines of them are found. They are gone with the next call of anything.
  // Empty: what was read has none that is whole and wanted.
  std::span<const Record> take();

  // Everything before it has been handed out, or was not wanted.
  [[nodiscard]] StreamOffset position() const { return framer_.offset(); }
  // It lies in a line of which parts have been handed out, or were not wanted.
  [[nodiscard]] bool in_parts() const { return framer_.in_parts(); }
  // Everything before it has been read.
  [[nodiscard]] StreamOffset read_up_to() const { return framer_.offset() + (filled_ - begin_); }

 private:
  Status go_on_in_line(StreamOffset begin, StreamOffset from);
  [[nodiscard]] Timestamp arrival_of(StreamOffset offset) const;
  [[nodiscard]] bool wants(const Record& record);
  void make_room();
  void end_line_at_gap(StreamOffset up_to);
  [[nodiscard]] Arrival arrival();
  Missing note(const LogReader::Chunk& chunk);
  [[nodiscard]] std::string_view uncut() const { return {buffer_.data() + begin_, filled_ - begin_}; }

  Os& os_;
  const LogPaths paths_;
  const LogFeed& feed_;
  const TimeIndex& times_;
  const LogId log_id_;
  const Options& options_;

  std::unique_ptr<LogReader> reader_;
  Framer framer_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;                  // of what is not cut yet: the byte at framer_.offset()
  std::size_t filled_ = 0;                 // end of what was read
  std::uint64_t news_ = 0;                 // bytes read that take() has not seen
  std::uint64_t new_lines_ = 0;            // in those
  std::optional<StreamOffset> gap_up_to_;  // the stream goes on there, once what is before the gap is out
  std::optional<Arrival> arrival_;         // of the byte that was asked for last, and those behind it
  std::vector<Record> records_;
  bool wants_line_ = true;  // what the filter said of the line whose parts come
};

}  // namespace slurper
