// Framer: cuts the log's stream into records, in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream_offset.h"
#include "slurper/record.h"

namespace slurper {

struct FramerSettings {
  std::size_t max_line = std::size_t{64} << 10;  // without the line end; at least 1
  bool crlf = false;                             // a CR before the LF belongs to the line end
};

// The time of arrival of all bytes before `until`.
struct Arrival {
  Timestamp time;
  StreamOffset until{UINT64_MAX};
};

// A line ends with LF. A line that is longer than max_line comes in parts of at most that size: none is
// dropped, none is truncated. Records tile the stream: each begins where the one before ended. Between the
// end of a record's bytes and the next record is its line end: LF; CR LF if `crlf`; nothing after a part that
// other parts follow. A part never ends between CR and LF, nor within a UTF-8 character. The records are the
// same whether the caller passes the stream at once or byte by byte.
//
// The caller has a buffer of at least window() bytes:
//
//   used = framer.cut(bytes, arrival, limit, records);
//   … records, which point into the buffer …
//   move bytes[used..) to the front, read on after them
//
// All parts of a line have the header of its first part. The framer keeps that header for the later parts: it
// is valid until cut() or flush() is called with an empty `records`, and longer for the holder of headers().
//
// For one thread. It has no state to save: a framer that begins at any record's offset cuts the same records
// from there on. If that offset is in the middle of a split line, go_on() must pass it the line's header.
class Framer {
 public:
  // `log_id` outlives the records.
  Framer(const LogId& log_id, FramerSettings settings, StreamOffset begin)
      : log_id_(log_id), settings_(settings), offset_(begin) {}
  Framer(const Framer&) = delete;  // records point into it
  Framer& operator=(const Framer&) = delete;

  // `bytes` begin at offset(). Appends the records of all lines that are complete in `bytes`, until `records`
  // has `limit` of them or the next record begins at `arrival.until`. Returns how many bytes these records
  // take. Pass the rest again, with the bytes that follow it; it is not searched again. The beginning of a
  // line becomes a record of its own only if the line is longer than max_line.
  [[nodiscard]] std::size_t cut(std::string_view bytes, const Arrival& arrival, std::size_t limit,
                                std::vector<Record>& records);

  // The stream has a gap or its end after `bytes`: what cut() left of a line becomes a record, or two if it
  // is longer than max_line. If the gap comes right after a part of a split line, that line has no Last.
  void flush(std::string_view bytes, Timestamp arrival, std::vector<Record>& records);

  // A line begins at `offset`. Discards what was passed of another line.
  void seek(StreamOffset offset);

  // `offset` lies in a line whose first part has the header `line`, which is copied: the next records are
  // Middle or Last.
  void go_on(StreamOffset offset, const SyslogHeader& line);

  // The offset at which the next record begins.
  [[nodiscard]] StreamOffset offset() const { return offset_; }
  // The next record is a Middle or a Last, unless a gap comes first.
  [[nodiscard]] bool in_parts() const { return in_parts_; }
  // The size of a buffer in which cut() always finds a record.
  [[nodiscard]] std::size_t window() const { return settings_.max_line + 2; }
  // What the headers of the records refer to that were cut since `records` was empty: who keeps these records
  // longer than until the next cut() keeps it, too. Seldom any.
  [[nodiscard]] std::vector<std::shared_ptr<const void>> headers() const {
    return {headers_.begin(), headers_.end()};
  }

 private:
  struct Cutting;
  // The header of a split line, and the text that it points to.
  struct LineHeader {
    std::string text;
    SyslogHeader header;
  };

  void keep(const SyslogHeader& line);
  void forget_headers();

  const LogId& log_id_;
  FramerSettings settings_;
  StreamOffset offset_;
  std::size_t searched_ = 0;  // bytes after offset_ that are known to have no LF
  bool in_parts_ = false;     // the line at offset_ has had its First; its header is the last of headers_
  std::vector<std::shared_ptr<const LineHeader>> headers_;
};

}  // namespace slurper
