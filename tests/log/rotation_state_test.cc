#include "log/rotation_state.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace slurper {
namespace {

using enum RotationState;
using enum RotationFacts::ActiveFile;

constexpr StreamOffset kBase{100};
constexpr StreamOffset kNext{150};

struct Case {
  const char* name;
  RotationFacts facts;
  RotationState expected;
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

// A log whose index names base 100, and no rotated segment.
RotationFacts log(RotationFacts::ActiveFile active, bool is_indexed) {
  return {.indexed = true,
          .indexed_base = kBase,
          .active = active,
          .active_is_indexed = is_indexed,
          .rotated_exists = false,
          .active_is_copy = false,
          .rotated_end = kBase};
}
// The same, with a rotated segment [100, 150).
RotationFacts rotated(RotationFacts::ActiveFile active, bool is_indexed, bool is_copy = false) {
  RotationFacts facts = log(active, is_indexed);
  facts.rotated_exists = true;
  facts.active_is_copy = is_copy;
  facts.rotated_end = kNext;
  return facts;
}
// The same, but the rotated segment holds nothing.
RotationFacts rotated_empty(RotationFacts::ActiveFile active, bool is_indexed) {
  RotationFacts facts = rotated(active, is_indexed);
  facts.rotated_end = kBase;
  return facts;
}

class RotationStates : public testing::TestWithParam<Case> {};

TEST_P(RotationStates, IsNamed) {
  EXPECT_EQ(classify_rotation(GetParam().facts), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, RotationStates,
    testing::ValuesIn(std::vector<Case>{
        {"NothingHappened", log(Written, true), Settled},
        {"NothingWasWrittenYet", log(Empty, true), Settled},
        {"KilledAfterTheRename", rotated(Missing, false), Renamed},
        {"KilledAfterTheCreation", rotated(Empty, false), Created},
        {"EmptiedAndNamedLikeARotatedOne", rotated(Empty, true), Created},
        {"TheIndexIsOlderThanTheRotation", rotated(Written, false), Overtaken},
        {"AForeignFileHasTheNameOfTheRotated", rotated(Written, true), RotatedIsForeign},
        {"AnEmptyFileHasTheNameOfTheRotated", rotated_empty(Written, true), RotatedIsForeign},
        {"ABackupWasRestoredOverIt", rotated(Written, false, true), ActiveIsCopy},
        {"MovedAway", log(Missing, false), Displaced},
        {"MovedAwayAndMadeAgain", log(Empty, false), Displaced},
        {"AnotherFileIsInItsPlace", log(Written, false), Displaced},
        {"MovedAwayBesideAnEmptyRotatedOne", rotated_empty(Missing, false), Displaced},
        {"NewLog", {}, Unindexed},
        {"IndexLost", {.active = Written, .rotated_exists = true, .rotated_end = kNext}, Unindexed},
    }),
    [](const auto& param_info) { return std::string(param_info.param.name); });

// Every combination: each has one state, and what its resolution relies on holds.
TEST(RotationState, HoldsForAllCombinations) {
  int seen = 0;
  for (const auto active : {Missing, Empty, Written}) {
    for (int bits = 0; bits < 32; ++bits) {
      RotationFacts facts;
      facts.indexed = (bits & 1) != 0;
      facts.indexed_base = kBase;
      facts.active = active;
      facts.active_is_indexed = (bits & 2) != 0;
      facts.rotated_exists = (bits & 4) != 0;
      facts.active_is_copy = (bits & 8) != 0;
      facts.rotated_end = (bits & 16) != 0 ? kNext : kBase;
      const RotationState state = classify_rotation(facts);
      SCOPED_TRACE(testing::Message() << "active " << static_cast<int>(active) << ", bits " << bits);
      ++seen;

      ASSERT_EQ(state == Unindexed, !facts.indexed);
      const bool is_there = active != Missing;
      const bool has_followers = facts.rotated_end != kBase;
      switch (state) {
        case Unindexed:
          break;
        case Settled:  // its file is opened, and goes on at the base that the index names
          ASSERT_TRUE(is_there && facts.active_is_indexed && !has_followers);
          break;
        case Renamed:  // the next segment begins behind the rotated one
        case Created:
        case Overtaken:
          ASSERT_TRUE(has_followers);
          ASSERT_EQ(state == Renamed, !is_there);
          ASSERT_EQ(state == Created, active == Empty);
          break;
        case RotatedIsForeign:  // a file is quarantined only if it is not the one that slurper wrote
        case ActiveIsCopy:
          ASSERT_TRUE(is_claimed_twice(facts));
          ASSERT_EQ(state == RotatedIsForeign, facts.active_is_indexed);
          ASSERT_TRUE(state == RotatedIsForeign || facts.active_is_copy);
          break;
        case Displaced:
          ASSERT_FALSE(has_followers);
          ASSERT_FALSE(is_there && facts.active_is_indexed);
          break;
      }

      // The costly facts count only if a start asks for them.
      RotationFacts unasked = facts;
      if (!is_claimed_twice(facts) || facts.active_is_indexed) unasked.active_is_copy = !facts.active_is_copy;
      if (state == RotatedIsForeign || state == ActiveIsCopy || state == Unindexed)
        unasked.rotated_end = has_followers ? kBase : kNext;
      ASSERT_EQ(classify_rotation(unasked), state);
    }
  }
  EXPECT_EQ(seen, 3 * 32);
}

}  // namespace
}  // namespace slurper
