#include "ring/declared_read.h"

#include <gtest/gtest.h>

#include <limits>
#include <ostream>
#include <string>
#include <vector>

namespace slurper {
namespace {

using ring_format::Fate;
using enum DeclaredReadState;

constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
constexpr auto kMost = std::numeric_limits<std::int64_t>::max();

// A read of 100 bytes at head 5000, declared and not begun.
DeclaredReadFacts keep() {
  return {.size = 100,
          .offset = 5000,
          .start = 900,
          .end = 900,
          .fate = Fate::Keep,
          .head = 5000,
          .keep_at = 900,
          .keep_room = 120,
          .drop_at = 64,
          .drop_room = 500};
}
DeclaredReadFacts drop() {
  DeclaredReadFacts facts = keep();
  facts.size = 400;
  facts.start = 64;
  facts.end = 64;
  facts.fate = Fate::Drop;
  return facts;
}
template <typename Change>
DeclaredReadFacts changed(DeclaredReadFacts facts, Change change) {
  change(facts);
  return facts;
}

struct Case {
  const char* name;
  DeclaredReadFacts facts;
  DeclaredReadState expected;
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

class DeclaredReads : public testing::TestWithParam<Case> {};

TEST_P(DeclaredReads, AreNamed) {
  EXPECT_EQ(classify_declared_read(GetParam().facts), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, DeclaredReads,
    testing::ValuesIn(std::vector<Case>{
        {"NoneWasDeclared", {}, None},
        {"ItWasSettledByItsSize", changed(keep(), [](auto& f) { f.size = 0; }), None},
        {"ItWasSettledByTheHead", changed(keep(), [](auto& f) { f.head = 5100; }), None},
        {"KilledBeforeTheRead", keep(), NothingCame},
        {"KilledBehindTheRead", changed(keep(), [](auto& f) { f.end = 1000; }), Came},
        {"KilledBehindAShortRead", changed(keep(), [](auto& f) { f.end = 901; }), Came},
        {"MoreCameThanWasAskedFor", changed(keep(), [](auto& f) { f.end = 1001; }), Contradictory},
        {"LessThanNothingCame", changed(keep(), [](auto& f) { f.end = 899; }), Contradictory},
        {"ItGoesElsewhere", changed(keep(), [](auto& f) { f.start = f.end = 901; }), Contradictory},
        {"MoreThanTheRoom", changed(keep(), [](auto& f) { f.size = 121; }), Contradictory},
        {"AllOfTheRoom", changed(keep(), [](auto& f) { f.size = 120; }), NothingCame},
        {"UnknownFate", changed(keep(), [](auto& f) { f.fate = static_cast<Fate>(2); }), Contradictory},
        {"KilledBeforeADrop", drop(), NothingCame},
        {"KilledBehindADrop", changed(drop(), [](auto& f) { f.end = 464; }), Came},
        {"ADropOfMoreThanTheScratch", changed(drop(), [](auto& f) { f.size = 501; }), Contradictory},
        {"ADropIntoTheData", changed(drop(), [](auto& f) { f.start = f.end = 900; }), Contradictory},
    }),
    [](const auto& param_info) { return std::string(param_info.param.name); });

// Whatever the note says, the ring recovers no more bytes than it has room for, and no number overflows.
TEST(DeclaredRead, HoldsForAllCombinations) {
  const std::vector<std::uint64_t> sizes = {0, 1, 2, 3, std::numeric_limits<std::uint64_t>::max()};
  const std::vector<std::int64_t> places = {kLeast, -1, 0, 1, 2, 3, 4, kMost};
  int seen = 0;
  for (const std::uint64_t size : sizes)
    for (const std::uint64_t offset : {0U, 1U})
      for (const std::int64_t start : places)
        for (const std::int64_t end : places)
          for (const std::uint32_t fate : {0U, 1U, 2U})
            for (const std::uint64_t room : {0U, 1U, 2U}) {
              const DeclaredReadFacts facts{.size = size,
                                            .offset = offset,
                                            .start = start,
                                            .end = end,
                                            .fate = static_cast<Fate>(fate),
                                            .head = 1,
                                            .keep_at = 1,
                                            .keep_room = room,
                                            .drop_at = 2,
                                            .drop_room = room};
              const DeclaredReadState state = classify_declared_read(facts);
              ++seen;
              ASSERT_EQ(state == None, size == 0 || offset != 1);
              if (state != Came && state != NothingCame) continue;
              ASSERT_TRUE(fate < 2 && size <= room);
              ASSERT_EQ(start, fate == 0 ? 1 : 2);
              ASSERT_TRUE(start <= end && end - start <= static_cast<std::int64_t>(size));
              ASSERT_EQ(state == Came, end > start);
            }
  EXPECT_EQ(seen, 5 * 2 * 8 * 8 * 3 * 3);
}

}  // namespace
}  // namespace slurper
