// TailReader: the lines of a log that another process may be writing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "log/arrival_times.h"
#include "log/log_reader.h"
#include "log/log_view.h"
#include "record/framer.h"
#include "slurper/record.h"
#include "slurper/result.h"

namespace slurper {

// A log, and when its bytes came.
struct TailedLog {
  std::unique_ptr<LogView> view;
  ArrivalTimes times;

  [[nodiscard]] static Result<TailedLog> open(Os& os, const LogPaths& paths);
  // See LogView::refresh().
  [[nodiscard]] Result<bool> refresh();
};

// Hears what is in the log, in the order of the offsets.
class TailListener {
 public:
  TailListener() = default;
  TailListener(const TailListener&) = delete;
  TailListener& operator=(const TailListener&) = delete;
  virtual ~TailListener() = default;

  // `block` says when the line came; the record's arrival is an estimate if that is unknown.
  virtual void line(const Record& record, const ArrivalTimes::Block& block) = 0;
  // These bytes will never come.
  virtual void gap(StreamOffset from, StreamOffset to, Gap why) = 0;
  // A segment is damaged: what follows is its readable part, or a gap.
  virtual void damage(const Error& error) = 0;
  // Whether it wants to hear more.
  [[nodiscard]] virtual bool is_done() const = 0;
};

class TailReader {
 public:
  // Begins with the first line that begins at `from` or behind it; `at_line`: a line begins there. The log
  // and the listener outlive it.
  TailReader(TailedLog& log, TailListener& listener, StreamOffset from, bool at_line);

  // Passes on the lines that begin before `end`, each when it is complete, up to the log's end at the last
  // refresh. Errors: those of LogReader::read() but damage, which it reads past.
  [[nodiscard]] Status read_to(StreamOffset end);
  // After it: passes on what there is of an unfinished line that begins before `end`.
  void flush(StreamOffset end);

 private:
  [[nodiscard]] Result<LogReader::Chunk> next();
  [[nodiscard]] Status skip_damage(const Error& error);
  void cut_lines(StreamOffset end);
  void pass_on(const std::vector<Record>& records);
  void end_at(const LogReader::Chunk& gap);
  void make_room();
  void drop_until_newline();
  [[nodiscard]] StreamOffset read_up_to() const { return framer_.offset() + (filled_ - begin_); }
  [[nodiscard]] std::string_view uncut() const { return {buffer_.data() + begin_, filled_ - begin_}; }
  [[nodiscard]] Timestamp arrival() const;

  TailedLog& log_;
  TailListener& listener_;
  std::optional<LogReader> reader_;
  Framer framer_;
  bool in_line_;  // of a line that began before: its rest is dropped
  std::vector<char> buffer_;
  std::size_t begin_ = 0;   // of what is not cut: the byte at framer_.offset()
  std::size_t filled_ = 0;  // the end of what was read
  std::vector<Record> records_;
  ArrivalTimes::Block block_;  // of framer_.offset(), if that is in it
  std::optional<StreamOffset> failed_at_;
  bool is_replaced_ = false;
};

}  // namespace slurper
