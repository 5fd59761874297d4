#include "ring/ring_relation.h"

#include <gtest/gtest.h>

#include <limits>
#include <ostream>
#include <vector>

namespace slurper {
namespace {

using enum RingRelation;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kLast = kMax / 2;

struct Case {
  const char* name;
  RingFacts ring;
  LogFacts log;
  RingRelation expected;
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

// A ring with 50 bytes of the stream, [100, 150), and a log whose end matches it.
RingFacts ring() {
  return {.size = 64, .origin = 90, .tail = 100, .head = 150, .session = 7};
}
RingFacts empty_ring() {
  return {.size = 64, .origin = 90, .tail = 150, .head = 150, .session = 7};
}
LogFacts log(std::uint64_t readable_from, std::uint64_t end, std::uint64_t session = 7) {
  return {.readable_from = readable_from, .end = end, .session = session};
}
template <typename Change>
RingFacts changed(RingFacts facts, Change change) {
  change(facts);
  return facts;
}

class RingRelations : public testing::TestWithParam<Case> {};

TEST_P(RingRelations, IsNamed) {
  EXPECT_EQ(relate(GetParam().ring, GetParam().log), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, RingRelations,
    testing::ValuesIn(std::vector<Case>{
        {"NothingHappened", ring(), log(0, 100), Continues},
        {"NothingHappenedAndNothingWaits", empty_ring(), log(0, 150), Continues},
        {"KilledBetweenRingAndIndex", ring(), log(0, 100, 6), Continues},
        {"KilledInAWrite", ring(), log(0, 101), WrittenInPart},
        {"KilledAfterTheLastWrite", ring(), log(0, 150), WrittenInPart},
        {"KilledInAWriteAfterARotation", ring(), log(100, 150), WrittenInPart},
        {"FileMovedAwayAfterAWrite", ring(), log(120, 120), WrittenInPart},
        {"Cut", ring(), log(0, 99), LogCut},
        {"CutToNothing", ring(), log(80, 80), LogCut},
        {"RestoredFromABackup", ring(), log(0, 40, 5), LogRestored},
        {"RestoredAndWrittenTo", ring(), log(0, 120, 5), WrittenInPart},
        {"OthersWroteBehindIt", ring(), log(0, 151), LogLonger},
        {"OthersWroteBehindItWhileNothingWaited", empty_ring(), log(0, 200), LogLonger},
        {"OthersWroteAtTheHead", ring(), log(150, 151), LogLonger},
        {"GoesOnElsewhere", ring(), log(151, 151), LogElsewhere},
        {"GoesOnElsewhereAfterALossOfPower", ring(), log(1 << 28, 1 << 28), LogElsewhere},
        {"GoesOnAtTheEndOfAllOffsets", ring(), log(kMax, kMax), LogElsewhere},
        {"GoesOnElsewhereAndNothingWaits", empty_ring(), log(151, 151), Spent},
        {"WentOnWithAnotherRing", ring(), log(0, 100, 8), LeftBehind},
        {"WentOnWithAnotherRingAndNothingWaits", empty_ring(), log(0, 150, 8), Spent},
        {"AnotherLogs", changed(ring(), [](auto& r) { r.this_log = false; }), log(0, 100), OtherLog},
        {"AnotherLogsAndNothingWaits", changed(empty_ring(), [](auto& r) { r.this_log = false; }),
         log(0, 150), Spent},
        {"AnotherBoots", changed(ring(), [](auto& r) { r.this_boot = false; }), log(0, 100), OtherBoot},
        {"AnotherBootsAndNothingWaits", changed(empty_ring(), [](auto& r) { r.this_boot = false; }),
         log(0, 150), Spent},
        {"TailBehindHead", changed(ring(), [](auto& r) { r.tail = 151; }), log(0, 100), Contradictory},
        {"OriginBehindTail", changed(ring(), [](auto& r) { r.origin = 101; }), log(0, 100), Contradictory},
        {"MoreThanItHolds", changed(ring(), [](auto& r) { r.size = 49; }), log(0, 100), Contradictory},
        {"HeadBeyondAllOffsets",
         {.size = 64, .origin = kLast, .tail = kLast, .head = kLast + 1},
         log(0, 0),
         Contradictory},
        {"SessionBeyondAllSessions", changed(ring(), [](auto& r) { r.session = kMax; }), log(0, 100),
         Contradictory},
        {"AllOnes",
         {.size = kMax, .origin = kMax, .tail = kMax, .head = kMax, .session = kMax},
         log(0, 0),
         Contradictory},
    }),
    [](const auto& param_info) { return std::string(param_info.param.name); });

// Tries every combination of a few values, also the largest. Whatever ring and log say, the start can rely on
// the relation, and no ring that holds something is discarded.
TEST(RingRelation, HoldsForAllCombinations) {
  const std::vector<std::uint64_t> offsets = {0, 1, 2, 3, kLast, kLast + 1, kMax};
  const std::vector<std::uint64_t> sizes = {0, 1, 2, kMax};
  const std::vector<std::uint64_t> sessions = {0, 1, 2, 3};
  std::uint64_t seen = 0;
  const auto check = [&](const RingFacts& ring, const LogFacts& log) {
    const RingRelation relation = relate(ring, log);
    ++seen;
    const bool sound = ring.origin <= ring.tail && ring.tail <= ring.head && ring.head <= kLast &&
                       ring.head - ring.tail <= ring.size;
    const bool holds_lines = ring.head != ring.tail;
    ASSERT_EQ(relation == Contradictory, !sound);
    ASSERT_EQ(is_used(relation) + is_quarantined(relation) + (relation == Spent), 1);
    if (relation == Spent) {
      ASSERT_FALSE(holds_lines);
    }
    if (is_quarantined(relation) && sound) {
      ASSERT_TRUE(holds_lines);
    }
    const std::uint64_t next = next_session(ring, log, relation);
    ASSERT_GT(next, log.session);
    if (!is_used(relation)) return;
    // reconcile() needs this: the bytes in question are in an open file, or in the ring itself.
    ASSERT_TRUE(ring.this_log && ring.this_boot);
    ASSERT_GE(ring.session, log.session);
    ASSERT_GE(next, ring.session);
    ASSERT_TRUE(log.end <= ring.head || log.readable_from <= ring.head);
    ASSERT_EQ(relation == LogLonger, log.end > ring.head);
    ASSERT_EQ(relation == LogCut || relation == LogRestored, log.end < ring.tail);
    ASSERT_EQ(relation == Continues, log.end == ring.tail);
  };
  for (const std::uint64_t size : sizes)
    for (const std::uint64_t origin : offsets)
      for (const std::uint64_t tail : offsets)
        for (const std::uint64_t head : offsets)
          for (const std::uint64_t base : offsets)
            for (const std::uint64_t end : offsets)
              for (const std::uint64_t session : sessions)
                for (int bits = 0; bits < 4; ++bits) {
                  if (base > end) continue;  // no log has a base after its end
                  check({.this_log = (bits & 1) != 0,
                         .this_boot = (bits & 2) != 0,
                         .size = size,
                         .origin = origin,
                         .tail = tail,
                         .head = head,
                         .session = session},
                        {.readable_from = base, .end = end, .session = 1});
                  if (testing::Test::HasFatalFailure()) return;
                }
  EXPECT_GT(seen, 500'000U);
}

}  // namespace
}  // namespace slurper
