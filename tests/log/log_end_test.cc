#include "log/log_end.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace slurper {
namespace {

using enum LogEnd;

struct RebootCase {
  const char* name;
  RebootFacts facts;
  AfterReboot expected;
};

std::ostream& operator<<(std::ostream& out, const RebootCase& one) {
  return out << one.name;
}

RebootFacts rebooted(std::uint64_t base, std::uint64_t end, std::uint64_t reserved,
                     bool at_line_start = true) {
  return {.base = {base}, .end = {end}, .reserved = {reserved}, .at_line_start = at_line_start};
}

class Reboots : public testing::TestWithParam<RebootCase> {};

TEST_P(Reboots, AreNamed) {
  EXPECT_EQ(classify_reboot(GetParam().facts), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Table, Reboots,
                         testing::ValuesIn(std::vector<RebootCase>{
                             {"Closed", rebooted(100, 150, 150), AfterReboot::Complete},
                             {"ClosedWithinALine", rebooted(100, 150, 150, false), AfterReboot::Complete},
                             {"ClosedEmpty", rebooted(100, 100, 100), AfterReboot::Complete},
                             {"ClosedAndAppendedTo", rebooted(100, 150, 140), AfterReboot::Appended},
                             {"ClosedEmptyAndAppendedTo", rebooted(100, 150, 100), AfterReboot::Appended},
                             {"KilledByTheLossOfPower", rebooted(100, 150, 1000), AfterReboot::MayLack},
                             {"KilledWithinALine", rebooted(100, 150, 1000, false), AfterReboot::MayLack},
                             {"TheNewlineReachesWhatIsReserved", rebooted(100, 150, 151, false),
                              AfterReboot::Complete},
                             {"TheLastByteIsMissing", rebooted(100, 150, 151), AfterReboot::MayLack},
                             {"NothingReserved", rebooted(0, 150, 0), AfterReboot::Complete},
                             {"ReservedInAnEarlierSegment", rebooted(100, 150, 99), AfterReboot::Complete},
                         }),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(Reboot, HoldsForAllCombinations) {
  int seen = 0;
  for (std::uint64_t base = 0; base < 5; ++base)
    for (std::uint64_t end = base; end < 6; ++end)
      for (std::uint64_t reserved = 0; reserved < 8; ++reserved)
        for (const bool at_line_start : {true, false}) {
          if (base == end && !at_line_start) continue;  // an empty file has no unfinished line
          const RebootFacts facts = rebooted(base, end, reserved, at_line_start);
          const AfterReboot state = classify_reboot(facts);
          ++seen;
          // The stream continues at an offset that was never used: at the end, or beyond it.
          const std::uint64_t torn_closed = end + (at_line_start ? 0 : 1);
          ASSERT_EQ(state == AfterReboot::MayLack, reserved > torn_closed);
          // Bytes count as another process's only if slurper knows that it wrote none of them.
          if (state == AfterReboot::Appended) {
            ASSERT_TRUE(reserved != 0 && base <= reserved && reserved < end);
          }
          if (state == AfterReboot::Complete) {
            ASSERT_TRUE(reserved == 0 || reserved < base || reserved >= end);
          }
        }
  EXPECT_EQ(seen, (20 + 15) * 8);
}

struct EndCase {
  const char* name;
  EndFacts facts;
  LogEnd expected;
};

std::ostream& operator<<(std::ostream& out, const EndCase& one) {
  return out << one.name;
}

// The log is [base, end), the ring holds 50 bytes from 100 on.
EndFacts ended(std::uint64_t base, std::uint64_t end, std::uint64_t written_of_pending = 0) {
  return {.base = {base},
          .end = {end},
          .tail = {100},
          .pending = 50,
          .restored = false,
          .written_of_pending = written_of_pending,
          .begins_pending = false};
}
EndFacts restored(EndFacts facts) {
  facts.restored = true;
  return facts;
}
EndFacts begins_pending(EndFacts facts) {
  facts.begins_pending = true;
  return facts;
}

class LogEnds : public testing::TestWithParam<EndCase> {};

TEST_P(LogEnds, AreNamed) {
  EXPECT_EQ(classify_end(GetParam().facts), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Table, LogEnds,
                         testing::ValuesIn(std::vector<EndCase>{
                             {"NothingHappened", ended(0, 100), Noted},
                             {"NothingHappenedAfterARotation", ended(100, 100), Noted},
                             {"KilledAfterAWrite", ended(0, 130, 30), WrittenInPart},
                             {"KilledAfterAWriteOfAll", ended(0, 150, 50), WrittenInPart},
                             {"AnotherProcessAppended", ended(0, 130), Polluted},
                             {"AnotherProcessAppendedToAWrite", ended(0, 140, 30), Polluted},
                             {"AnotherProcessAppendedBeyondTheRing", ended(0, 170, 50), Polluted},
                             {"AnotherProcessWroteToANewFile", ended(130, 140, 30), Polluted},
                             {"AnotherProcessAppendedAndMovedIt", ended(140, 140, 30), PollutedBefore},
                             {"ABackupCameBack", restored(ended(0, 60)), Restored},
                             {"ABackupCameBackEmpty", restored(ended(0, 0)), Restored},
                             {"ABackupThatLooksLikeARestart", restored(begins_pending(ended(60, 70))),
                              Restored},
                             {"ABackupThatIsUpToDate", restored(ended(0, 100)), Noted},
                             {"CutAndWrittenToOnce", begins_pending(ended(60, 70)), Restarted},
                             {"CutAndWrittenToByOthers", ended(60, 70), CutToAPart},
                             {"CutToMoreThanTheRingHolds", ended(0, 60), CutToAPart},
                             {"CutToNothing", ended(60, 60), CutToNothing},
                             {"CutToNothingAtTheBeginning", ended(0, 0), CutToNothing},
                         }),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(LogEndState, HoldsForAllCombinations) {
  int seen = 0;
  for (std::uint64_t base = 0; base < 5; ++base)
    for (std::uint64_t end = base; end < 7; ++end)
      for (std::uint64_t tail = 0; tail < 7; ++tail)
        for (std::uint64_t pending = 0; pending < 4; ++pending)
          for (std::uint64_t own = 0; own <= pending; ++own)
            for (int bits = 0; bits < 4; ++bits) {
              if (end > tail && own > end - tail) continue;  // no more of them than there are bytes
              EndFacts facts{.base = {base},
                             .end = {end},
                             .tail = {tail},
                             .pending = pending,
                             .restored = (bits & 1) != 0,
                             .written_of_pending = own,
                             .begins_pending = (bits & 2) != 0};
              const LogEnd state = classify_end(facts);
              ++seen;
              switch (state) {
                case Noted:
                  ASSERT_EQ(end, tail);
                  break;
                case WrittenInPart:  // all of the log is the stream's, and the ring goes on behind it
                  ASSERT_TRUE(end > tail && end == tail + own && own > 0);
                  break;
                case Polluted:  // the own bytes end in the active segment
                  ASSERT_TRUE(tail + own < end && base <= tail + own);
                  break;
                case PollutedBefore:
                  ASSERT_TRUE(end > tail && tail + own < base);
                  break;
                case Restored:
                  ASSERT_TRUE(end < tail && facts.restored);
                  break;
                case Restarted:
                  ASSERT_TRUE(end < tail && facts.begins_pending && end > base && end - base <= pending);
                  break;
                case CutToAPart:
                  ASSERT_TRUE(end < tail && end > base);
                  break;
                case CutToNothing:
                  ASSERT_TRUE(end < tail && end == base);
                  break;
              }
              // The costly facts count only if a start asks for them.
              EndFacts unasked = facts;
              if (end <= tail) unasked.written_of_pending = 0;
              if (!may_be_restarted(facts)) unasked.begins_pending = !facts.begins_pending;
              ASSERT_EQ(classify_end(unasked), state);
            }
  EXPECT_GT(seen, 5'000);
}

}  // namespace
}  // namespace slurper
