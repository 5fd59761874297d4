#include "log/rotation_state.h"

namespace slurper {

using ActiveFile = RotationFacts::ActiveFile;

bool is_claimed_twice(const RotationFacts& facts) {
  return facts.indexed && facts.rotated_exists && facts.active == ActiveFile::Written;
}

RotationState classify_rotation(const RotationFacts& facts) {
  if (!facts.indexed) return RotationState::Unindexed;
  if (is_claimed_twice(facts)) {
    if (facts.active_is_indexed) return RotationState::RotatedIsForeign;
    if (facts.active_is_copy) return RotationState::ActiveIsCopy;
  }
  if (facts.rotated_end != facts.indexed_base) {
    switch (facts.active) {
      case ActiveFile::Missing:
        return RotationState::Renamed;
      case ActiveFile::Empty:
        return RotationState::Created;
      case ActiveFile::Written:
        return RotationState::Overtaken;
    }
  }
  // An inode number says nothing of a file that is not there.
  const bool is_in_place = facts.active != ActiveFile::Missing && facts.active_is_indexed;
  return is_in_place ? RotationState::Settled : RotationState::Displaced;
}

}  // namespace slurper
