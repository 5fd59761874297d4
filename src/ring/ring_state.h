// What stands at the ring's path when a start looks there: one named state for each case.
#pragma once

#include <sys/types.h>

#include <optional>

#include "ring/ring_format.h"
#include "ring/ring_relation.h"

namespace slurper {

// What a file's first bytes and its size say. Any value may stand there.
enum class RingHeader {
  Readable,      // a ring of a version that this slurper knows
  NotARing,      // it does not begin as one, or is no regular file
  OtherVersion,  // a newer slurper made it, or its version was never given out
  WrongSize,     // the file is not as long as its header says, or no ring is that long
};

// Pure. `got` bytes of the file could be read into `found`; the file has `size` bytes.
[[nodiscard]] RingHeader classify_header(const ring_format::Identity& found, ssize_t got, off_t size);

// What Ring::open() finds out, in this order. What stands behind the first fact that decides is not asked
// for.
struct RingFileFacts {
  bool exists = false;
  bool is_ours = true;     // it belongs to this process's user
  bool is_in_use = false;  // another slurper holds its lock
  RingHeader header = RingHeader::Readable;
  // Its header and its log are compared once it is mapped; its declared read has been settled then.
  std::optional<RingRelation> relation = {};
  bool is_empty = false;  // asked for only if the ring is used
  bool has_wanted_size = true;
};

enum class RingState {
  Missing,  // a new ring is made, which begins at the log's end

  // The start fails, and nothing of the file is touched:
  OtherUsers,
  InUse,

  // The file is quarantined: it may hold lines that no log has, and can't be read. A new one is made:
  NotARing,
  OtherVersion,
  WrongSize,

  Unrelated,  // it can be read: it is to be mapped, its relation to the log to be asked for

  Usable,     // it is used
  Resizable,  // the same, but it is empty, and another size is wanted: a new one takes its place, at its head
  Spent,      // it holds nothing that the log lacks: a new one takes its place
  Unusable,   // it holds what no log has, and can't go on: it is quarantined, and a new one is made
};

// Pure.
[[nodiscard]] RingState classify_ring(const RingFileFacts& facts);

}  // namespace slurper
