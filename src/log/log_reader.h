// LogReader: the log's stream, from an offset on, whatever becomes of its files meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/os.h"
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
  Removed,    // by retention; or unknown
  Moved,      // another process moved the file away that held it
  Cut,        // another process removed, cut or overwrote that file
  PowerLoss,  // lost when the machine went down, or never given out
  Damaged,    // given up by skip_segment()
};

// Reads the segments of a log one after the other, rotated and active, raw and compressed, while the process
// that reads also writes, rotates, compresses and removes them, and other processes change them. It holds the
// file that it reads open, so a rename, a finished compression or an unlink takes nothing away from it. Bytes
// that others wrote behind a segment's own are not handed out.
//
// Belongs to one thread. Keeps nothing on the disk: the caller notes how far it has read.
class LogReader {
 public:
  // One step. Either bytes, or a gap, or neither: the end of what is written.
  struct Chunk {
    StreamOffset at;            // of the first byte; after a gap, of what follows it
    std::size_t bytes = 0;      // how many were put at the beginning of `out`
    std::uint64_t missing = 0;  // how many before `at` will never come
    Gap why = Gap::None;        // of the missing ones
  };

  // Begins with the oldest byte that there is; what was removed before does not count as missing.
  static constexpr std::nullopt_t kBeginning = std::nullopt;

  // `os` and `feed` outlive it; something has been published to the feed.
  LogReader(Os& os, LogPaths paths, const LogFeed& feed, std::optional<StreamOffset> from);

  // Of the next byte to read; nothing before the first read() from the beginning.
  [[nodiscard]] std::optional<StreamOffset> position() const {
    return found_ ? std::optional(position_) : std::nullopt;
  }

  // The next bytes, as many as one read(2) gives; `out` has room for some. Does not wait for more to be
  // written; only while the writer changes files right now, it may pause for a millisecond, and return
  // without bytes before the end.
  //
  // After a failure position() is as before, and the same is tried again by the next call. Data: a compressed
  // segment is damaged, skip_segment() continues behind it; or position() is beyond what was ever written.
  // Io, NoPermission: the kernel's word.
  [[nodiscard]] Result<Chunk> read(std::span<char> out);

  // To be called after a read() that failed: gives up the rest of the segment that it failed on; of the
  // active one, what is written so far. Returns the gap; nothing is missing if the failure was not a
  // segment's.
  Chunk skip_segment();

 private:
  struct Open {
    SegmentReader reader;
    StreamOffset base;
    StreamOffset end;     // of the stream's bytes in it; of an active one, as far as was known
    StreamOffset next;    // where the stream goes on after it
    bool active = false;  // when last looked
    bool compressed = false;
    std::uint64_t cuts = 0;  // when it was opened
  };
  // A step; nothing: look again.
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
  Result<std::vector<Segment>> list(bool surely) const;
  Result<StreamOffset> oldest() const;
  [[nodiscard]] std::uint64_t own_bytes(StreamOffset base, std::uint64_t size) const;

  Os& os_;
  ThreadOwner thread_;
  LogPaths paths_;
  const LogFeed& feed_;
  StreamOffset position_;
  bool found_;                          // where the beginning is, where it is to begin there
  bool from_beginning_;                 // and nothing has been handed out
  std::optional<StreamOffset> behind_;  // what read() failed on
  std::unique_ptr<Open> open_;
  // The folder as it was listed last, while rotated segments are read: there may be 50,000 of them.
  std::vector<Segment> listed_;
};

}  // namespace slurper
