// The states of a rotation, and which of them a start finds.
#pragma once

#include "base/stream_offset.h"

namespace slurper {

// What the index and stat(2) say of the files that a rotation touches. Below, BASE is the base that the index
// names, and `messages` the active segment.
struct RotationFacts {
  enum class ActiveFile {
    Missing,
    Empty,
    Written,  // it holds bytes
  };

  bool indexed = false;  // the index names an active segment; the rest says nothing without it
  StreamOffset indexed_base{};
  ActiveFile active = ActiveFile::Missing;
  bool active_is_indexed = false;  // it has the inode that the index names
  bool rotated_exists = false;     // `messages.BASE` or `messages.BASE.zst`

  // The costly facts. They are asked for only if classify_rotation() depends on them.
  bool active_is_copy = false;  // `messages.BASE` begins with all that `messages` holds
  StreamOffset
      rotated_end;  // of the last segment in the row of segments that begins at BASE; BASE: there is none
};

// A rotation renames `messages` to `messages.BASE`, makes a new `messages`, and writes its base to the index,
// in this order. Before a byte is written to the new file, the index names its base.
enum class RotationState {
  // States that slurper itself leaves, a crash included:
  Settled,  // the index names the base of `messages`: no rotation is under way
  Renamed,  // `messages.BASE` is there, and no `messages` yet
  Created,  // the new `messages` is there, and the index still names BASE

  // States that others leave, or a damaged disk:
  Unindexed,         // the index says nothing: it is new, or was lost
  Overtaken,         // as Created, but the new `messages` holds bytes: the index is older than its last write
  RotatedIsForeign,  // `messages` is the file that the index names: `messages.BASE` came from elsewhere
  ActiveIsCopy,      // `messages` is an old copy of `messages.BASE`, such as a backup brings back
  Displaced,  // `messages` is gone, or another file than the index names: the segment was moved or removed
};

// Pure.
[[nodiscard]] RotationState classify_rotation(const RotationFacts& facts);

// Whether `messages` and `messages.BASE` both claim to begin at BASE, so that their bytes decide.
[[nodiscard]] bool is_claimed_twice(const RotationFacts& facts);

}  // namespace slurper
