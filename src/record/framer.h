// Framer: cuts the log's stream into records, in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
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

// When bytes came: all those before `until`.
struct Arrival {
  Timestamp time;
  StreamOffset until{UINT64_MAX};
};

// A line ends with LF. One that is longer than max_line comes in parts of at most that size: none is dropped,
// none is cut off. Records tile the stream: each begins where the one before ended, and what is between the
// end of its bytes and the next one is its line end: LF, CR LF if `crlf`, nothing behind a part that others
// follow. A part ends neither between CR and LF nor within a character of UTF-8. How the stream is
// handed in, at once or byte by byte, changes nothing about its records.
//
// The caller has a buffer of at least window() bytes:
//
//   used = framer.cut(bytes, arrival, limit, records);
//   … records, which point into the buffer …
//   move bytes[used..) to the front, read on behind them
//
// All parts of a line have the header of its first part. The framer keeps it for the later ones: their
// headers are valid until cut() or flush() is called with no records in `records`.
//
// For one thread. It has nothing to be saved: a framer that begins at any record's offset cuts the same
// records from there on; in the middle of a line in parts it must be told the line's header, by go_on().
class Framer {
 public:
  // `log_id` outlives the records.
  Framer(const LogId& log_id, FramerSettings settings, StreamOffset begin)
      : log_id_(log_id), settings_(settings), offset_(begin) {}
  Framer(const Framer&) = delete;  // records point into it
  Framer& operator=(const Framer&) = delete;

  // `bytes` begin at offset(). Appends the records of all lines that are complete in there, until `records`
  // has `limit` of them or the next one begins at `arrival.until`, and returns how many bytes these are. The
  // rest is to be handed in again, with what follows it; it is not searched again. A line's beginning becomes
  // a record of its own only where it is longer than max_line.
  [[nodiscard]] std::size_t cut(std::string_view bytes, const Arrival& arrival, std::size_t limit,
                                std::vector<Record>& records);

  // The stream has a gap behind `bytes`, or an end: what cut() has left of a line is made a record, or two
  // where it is longer than max_line. Of a line in parts, Last may be missing then: where the gap comes right
  // behind a part.
  void flush(std::string_view bytes, Timestamp arrival, std::vector<Record>& records);

  // A line begins at `offset`. What was handed in of another one is forgotten.
  void seek(StreamOffset offset);

  // `offset` lies in a line whose first part has the header `line`, which is copied: what follows is Middle
  // or Last.
  void go_on(StreamOffset offset, const SyslogHeader& line);

  // Where the next record begins.
  [[nodiscard]] StreamOffset offset() const { return offset_; }
  // It is a Middle or a Last, unless a gap comes first.
  [[nodiscard]] bool in_parts() const { return in_parts_; }
  // In a buffer of this size cut() always comes to a record.
  [[nodiscard]] std::size_t window() const { return settings_.max_line + 2; }

 private:
  struct Cutting;
  // The header of a line in parts, and the text that it points to.
  struct LineHeader {
    std::string text;
    SyslogHeader header;
  };

  void keep(const SyslogHeader& line);
  void forget_headers();

  const LogId& log_id_;
  FramerSettings settings_;
  StreamOffset offset_;
  std::size_t searched_ = 0;  // bytes behind offset_ that are known to have no LF
  bool in_parts_ = false;     // the line at offset_ has had its First; its header is the last of headers_
  std::deque<LineHeader> headers_;
};

}  // namespace slurper
