// LogPosition: how far a log is written, and how far that is safe from a loss of power.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/contract.h"
#include "base/stream_offset.h"

namespace slurper {

// The offsets that matter of the active segment, always in this order:
//
//   base      of its first byte; what is before it lies in other files, or is gone
//   synced    a loss of power takes nothing before it
//   written   the log's end: the death of the process takes nothing before it
//
// What sinks acknowledge is not here: their cursors are behind `written`, each on its own.
//
// Belongs to the log's writer. Nothing of it is on the disk: after a crash, base comes from the index and the
// names of the segments, written from the file's size.
class LogPosition {
 public:
  [[nodiscard]] StreamOffset base() const { return base_; }
  [[nodiscard]] StreamOffset synced() const { return synced_; }
  [[nodiscard]] StreamOffset written() const { return written_; }
  // The bytes of the stream in the active segment.
  [[nodiscard]] std::uint64_t size() const { return written_ - base_; }

  // A segment begins at `offset`, with nothing in it.
  void begin_at(StreamOffset offset) { set(offset, offset, offset); }
  // The bytes that are in the segment begin at `base`, it turns out; what of them is synced is unknown.
  void rebase(StreamOffset base) { set(base, base, base + size()); }
  // The first `size` bytes of the segment's file are the stream's. What more than before there is may be
  // unsynced.
  void resize(std::uint64_t size) { set(base_, std::min(synced_, base_ + size), base_ + size); }
  // `bytes` more were written.
  void wrote(std::uint64_t bytes) { set(base_, synced_, written_ + bytes); }
  // A sync ended, which began when written() was `offset`.
  void synced_up_to(StreamOffset offset) { set(base_, offset, written_); }

 private:
  // The one place that assigns.
  void set(StreamOffset base, StreamOffset synced, StreamOffset written) {
    SLURPER_ASSERT(base <= synced);
    SLURPER_ASSERT(synced <= written);
    base_ = base;
    synced_ = synced;
    written_ = written;
  }

  StreamOffset base_;
  StreamOffset synced_;
  StreamOffset written_;
};

}  // namespace slurper
