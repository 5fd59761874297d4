// LogReader: the log's stream from an offset on, whatever happens to its files meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/os.h"
#include "base/phrase_id.h"
#include "base/stream_offset.h"
#include "base/thread_owner.h"
#include "log/log_feed.h"
#include "log/segment_name.h"
#include "log/segment_reader.h"
#include "slurper/result.h"

namespace slurper {

// Why a part of the stream can no longer be read.
enum class Gap {
  None,
  Removed,    // retention removed it, or the reason is unknown
  Moved,      // another process moved the file away that held it
  Cut,        // another process removed, cut or overwrote that file
  PowerLoss,  // lost when the machine went down, or never assigned
  Damaged,    // skip_segment() gave it up
};

// The same in words, as a message has them.
[[nodiscard]] PhraseId reason_of(Gap why);

// Reads the segments of a log one after the other, rotated and active, raw and compressed, while the process
// that reads also writes, rotates, compresses and removes them, and other processes change them. It holds the
// file that it reads open, so a rename, a finished compression or an unlink loses nothing. Bytes that other
// processes appended to a segment's own are not returned.
//
// log_reader.cc is one file, since each step decides anew which file continues the stream: the reasons of one
// step are in the others.
//
// Belongs to one thread. Keeps nothing on the disk: the caller notes how far it has read.
class LogReader {
 public:
  // The result of one step: bytes, or a gap, or neither at the end of what is written.
  struct Chunk {
    StreamOffset at;            // the offset of the first byte; after a gap, of the byte that follows it
    std::size_t bytes = 0;      // how many bytes were put at the beginning of `out`
    std::uint64_t missing = 0;  // how many bytes before `at` will never come
    Gap why = Gap::None;        // why they are missing
  };

  // Begins with the oldest byte that exists; what was removed before does not count as missing.
  static constexpr std::nullopt_t kBeginning = std::nullopt;

  // `os` and `feed` outlive it; something has been published to the feed.
  LogReader(Os& os, LogPaths paths, const LogFeed& feed, std::optional<StreamOffset> from);

  // The offset of the next byte to read; empty before the first read() from the beginning.
  [[nodiscard]] std::optional<StreamOffset> position() const {
    return found_ ? std::optional(position_) : std::nullopt;
  }

  // Returns the next bytes, as many as one read(2) returns; `out` has room for some. Does not wait for more
  // to be written. While the writer changes files, it may pause for a millisecond, and return without bytes
  // before the end.
  //
  // After a failure, position() is as before, and the next call tries the same again. Errors: Data (a
  // compressed segment is damaged, and skip_segment() continues after it; or position() is beyond what was
  // ever written); Io and NoPermission, as the kernel reports them.
  [[nodiscard]] Result<Chunk> read(std::span<char> out);

  // Call this after a read() that failed: gives up the rest of the segment that failed; of the active one,
  // what is written so far. Returns the gap; nothing is missing if no segment caused the failure.
  Chunk skip_segment();

 private:
  struct Open {
    SegmentReader reader;
    StreamOffset base;
    StreamOffset end;     // of the stream's bytes in it; of an active one, as far as is known
    StreamOffset next;    // where the stream continues after it
    bool active = false;  // at the last look
    bool compressed = false;
    std::uint64_t cuts = 0;  // when it was opened
  };
  // Empty: look again.
  using Step = Result<std::optional<Chunk>>;

  Step step(std::span<char> out);
  Step open_active(const LogFeed::Snapshot& feed);
  Step open_rotated(const LogFeed::Snapshot& feed);
  [[nodiscard]] std::vector<Segment> ways_to(std::vector<Segment>::const_iterator after) const;
  Status settle(const LogFeed::Snapshot& feed);
  Step read_open(std::span<char> out, const LogFeed::Snapshot& feed);
  Step check_active(const LogFeed::Snapshot& feed, Chunk chunk);
  Step end_open();
  Chunk pause();
  Step gap_to(StreamOffset target, Gap otherwise);
  Result<StreamOffset> oldest() const;
  [[nodiscard]] std::uint64_t own_bytes(StreamOffset base, std::uint64_t size) const;

  Os& os_;
  ThreadOwner thread_;
  LogPaths paths_;
  const LogFeed& feed_;
  StreamOffset position_;
  bool found_;                          // the beginning is known, if it begins there
  bool from_beginning_;                 // and no byte has been returned
  std::optional<StreamOffset> behind_;  // where skip_segment() continues
  std::unique_ptr<Open> open_;
  // The folder as it was listed last, while rotated segments are read: there may be 50,000 of them.
  std::vector<Segment> listed_;
};

}  // namespace slurper
