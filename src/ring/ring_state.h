// What a start finds at the ring's path: one named state for each case.
#pragma once

#include <sys/types.h>

#include <optional>

#include "ring/ring_format.h"
#include "ring/ring_relation.h"

namespace slurper {

// Classifies a file by its first bytes and its size. They may have any value.
enum class RingHeader {
  Readable,      // a ring of a version that this slurper knows
  NotARing,      // it does not begin like a ring, or is not a regular file
  OtherVersion,  // a newer slurper made it, or no slurper ever had this version
  WrongSize,     // the file's length differs from its header, or no ring has that length
};

// Pure. `got` bytes of the file were read into `found`; the file has `size` bytes.
[[nodiscard]] RingHeader classify_header(const ring_format::Identity& found, ssize_t got, off_t size);

// What Ring::open() finds out, in this order. It skips all facts after the first one that decides.
struct RingFileFacts {
  bool exists = false;
  bool is_ours = true;     // it belongs to this process's user
  bool is_in_use = false;  // another slurper holds its lock
  RingHeader header = RingHeader::Readable;
  // The ring's header is compared with the log after the ring is mapped and its declared read is settled.
  std::optional<RingRelation> relation = {};
  bool is_empty = false;  // determined only if the ring is used
  bool has_wanted_size = true;
};

enum class RingState {
  Missing,  // a new ring is created, which begins at the log's end

  // The start fails, and leaves the file untouched:
  OtherUsers,
  InUse,

  // The file is quarantined: it may hold lines that no log has, and can't be read. A new ring is created:
  NotARing,
  OtherVersion,
  WrongSize,

  Unrelated,  // it is readable: the next step maps it and determines its relation to the log

  Usable,     // it is used
  Resizable,  // it is usable, but empty, and the settings have another size: a new ring replaces it and
              // begins at its head
  Spent,      // it holds nothing that the log lacks: a new ring replaces it
  Unusable,   // it holds what no log has, and can't continue: it is quarantined, and a new ring is created
};

// Pure.
[[nodiscard]] RingState classify_ring(const RingFileFacts& facts);

}  // namespace slurper
