#include "ring/ring_state.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

namespace slurper {
namespace {

using ring_format::Identity;
using ring_format::kHeaderBytes;

constexpr std::uint64_t kSize = 8192;
constexpr auto kFileSize = static_cast<off_t>(kHeaderBytes + kSize);
constexpr ssize_t kWhole = sizeof(Identity);

Identity good() {
  Identity identity{};
  std::memcpy(identity.magic, ring_format::kMagic, sizeof identity.magic);
  identity.version = ring_format::kVersion;
  identity.header_bytes = kHeaderBytes;
  identity.size = kSize;
  return identity;
}
template <typename Change>
Identity changed(Change change) {
  Identity identity = good();
  change(identity);
  return identity;
}

struct HeaderCase {
  const char* name;
  Identity found;
  ssize_t got;
  off_t size;
  RingHeader expected;
};

std::ostream& operator<<(std::ostream& out, const HeaderCase& one) {
  return out << one.name;
}

class RingHeaders : public testing::TestWithParam<HeaderCase> {};

TEST_P(RingHeaders, AreNamed) {
  EXPECT_EQ(classify_header(GetParam().found, GetParam().got, GetParam().size), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, RingHeaders,
    testing::ValuesIn(std::vector<HeaderCase>{
        {"OfThisVersion", good(), kWhole, kFileSize, RingHeader::Readable},
        {"OfTheOldestVersion", changed([](auto& r) { r.version = ring_format::kOldestVersion; }), kWhole,
         kFileSize, RingHeader::Readable},
        {"OfVersion0", changed([](auto& r) { r.version = 0; }), kWhole, kFileSize, RingHeader::OtherVersion},
        {"OfTheNextVersion", changed([](auto& r) { r.version = ring_format::kVersion + 1; }), kWhole,
         kFileSize, RingHeader::OtherVersion},
        {"OfTheNextVersionAndOfAnotherSize", changed([](auto& r) {
           r.version = ring_format::kVersion + 1;
           r.header_bytes = 1;
         }),
         kWhole, 4096, RingHeader::OtherVersion},
        {"Empty", Identity{}, 0, 0, RingHeader::NotARing},
        {"CutInTheHeader", good(), kWhole - 1, kWhole - 1, RingHeader::NotARing},
        {"OtherMagic", changed([](auto& r) { r.magic[7] = 'G'; }), kWhole, kFileSize, RingHeader::NotARing},
        {"CutInTheData", good(), kWhole, kFileSize - 1, RingHeader::WrongSize},
        {"CutInTheScratch", good(), kWhole, kHeaderBytes - 1, RingHeader::WrongSize},
        {"Longer", good(), kWhole, kFileSize + 1, RingHeader::WrongSize},
        {"OtherHeaderBytes", changed([](auto& r) { r.header_bytes = 4096; }), kWhole, kFileSize,
         RingHeader::WrongSize},
        {"NoData", changed([](auto& r) { r.size = 0; }), kWhole, kHeaderBytes, RingHeader::WrongSize},
        {"NotWholePages", changed([](auto& r) { r.size = kSize + 1; }), kWhole, kFileSize + 1,
         RingHeader::WrongSize},
        {"SizeBeyondAllSizes",
         changed([](auto& r) { r.size = std::numeric_limits<std::uint64_t>::max() - 4095; }), kWhole,
         kFileSize, RingHeader::WrongSize},
    }),
    [](const auto& param_info) { return std::string(param_info.param.name); });

struct StateCase {
  const char* name;
  RingFileFacts facts;
  RingState expected;
};

std::ostream& operator<<(std::ostream& out, const StateCase& one) {
  return out << one.name;
}

RingFileFacts unreadable(RingHeader header) {
  RingFileFacts facts;
  facts.exists = true;
  facts.header = header;
  return facts;
}
RingFileFacts related(RingRelation relation, bool is_empty, bool has_wanted_size) {
  RingFileFacts facts;
  facts.exists = true;
  facts.relation = relation;
  facts.is_empty = is_empty;
  facts.has_wanted_size = has_wanted_size;
  return facts;
}
RingFileFacts refused(bool is_ours, bool is_in_use) {
  RingFileFacts facts;
  facts.exists = true;
  facts.is_ours = is_ours;
  facts.is_in_use = is_in_use;
  return facts;
}

class RingStates : public testing::TestWithParam<StateCase> {};

TEST_P(RingStates, AreNamed) {
  EXPECT_EQ(classify_ring(GetParam().facts), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, RingStates,
    testing::ValuesIn(std::vector<StateCase>{
        {"FirstStart", {}, RingState::Missing},
        {"AnotherUsers", refused(false, false), RingState::OtherUsers},
        {"AnotherSlurperUsesIt", refused(true, true), RingState::InUse},
        {"NotARing", unreadable(RingHeader::NotARing), RingState::NotARing},
        {"OfANewerSlurper", unreadable(RingHeader::OtherVersion), RingState::OtherVersion},
        {"CutShort", unreadable(RingHeader::WrongSize), RingState::WrongSize},
        {"NotMappedYet", unreadable(RingHeader::Readable), RingState::Unrelated},
        {"Restarted", related(RingRelation::Continues, false, true), RingState::Usable},
        {"RestartedAndNothingWaits", related(RingRelation::Continues, true, true), RingState::Usable},
        {"AnotherSizeIsWanted", related(RingRelation::Continues, false, false), RingState::Usable},
        {"AnotherSizeIsWantedAndNothingWaits", related(RingRelation::Continues, true, false),
         RingState::Resizable},
        {"TheLogWasCutAndAnotherSizeIsWanted", related(RingRelation::LogCut, true, false),
         RingState::Resizable},
        {"AnotherBootsAndNothingWaits", related(RingRelation::Spent, true, true), RingState::Spent},
        {"AnotherBoots", related(RingRelation::OtherBoot, false, true), RingState::Unusable},
        {"AnotherBootsOfAnotherSize", related(RingRelation::OtherBoot, false, false), RingState::Unusable},
        {"ContradictsItself", related(RingRelation::Contradictory, true, false), RingState::Unusable},
    }),
    [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(RingStateOfAFile, HoldsForAllCombinations) {
  std::vector<std::optional<RingRelation>> relations = {std::nullopt};
  for (int relation = 0; relation <= static_cast<int>(RingRelation::LogElsewhere); ++relation)
    relations.emplace_back(static_cast<RingRelation>(relation));
  int seen = 0;
  for (const auto header :
       {RingHeader::Readable, RingHeader::NotARing, RingHeader::OtherVersion, RingHeader::WrongSize})
    for (const auto& relation : relations)
      for (int bits = 0; bits < 32; ++bits) {
        const RingFileFacts facts{.exists = (bits & 1) != 0,
                                  .is_ours = (bits & 2) != 0,
                                  .is_in_use = (bits & 4) != 0,
                                  .header = header,
                                  .relation = relation,
                                  .is_empty = (bits & 8) != 0,
                                  .has_wanted_size = (bits & 16) != 0};
        const RingState state = classify_ring(facts);
        ++seen;
        // A start changes no file that is another user's or in use, and reads none that another slurper uses.
        const bool is_mine = facts.exists && facts.is_ours && !facts.is_in_use;
        ASSERT_EQ(is_mine,
                  state != RingState::Missing && state != RingState::OtherUsers && state != RingState::InUse);
        if (!is_mine) continue;
        // Only a ring that can be read is mapped; only one that is mapped is used or replaced.
        const bool is_related = header == RingHeader::Readable && relation.has_value();
        ASSERT_EQ(state == RingState::Unrelated, header == RingHeader::Readable && !relation);
        ASSERT_EQ(is_related, state == RingState::Usable || state == RingState::Resizable ||
                                  state == RingState::Spent || state == RingState::Unusable);
        if (!is_related) continue;
        ASSERT_EQ(state == RingState::Usable || state == RingState::Resizable, is_used(*relation));
        ASSERT_EQ(state == RingState::Unusable, is_quarantined(*relation));
        // A ring that is replaced holds nothing.
        if (state == RingState::Resizable) {
          ASSERT_TRUE(facts.is_empty && !facts.has_wanted_size);
        }
        if (state == RingState::Spent) {
          ASSERT_EQ(*relation, RingRelation::Spent);
        }
      }
  EXPECT_EQ(seen, 4 * 12 * 32);
}

}  // namespace
}  // namespace slurper
