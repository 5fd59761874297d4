#include "log/retention.h"

#include <gmock/gmock.h>

#include "log/fault_os.h"
#include "log/log_files.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Segment segment(std::uint64_t base, std::uint64_t stored, bool compressed = false) {
  return {.base = {base}, .path = {}, .stored = stored, .compressed = compressed, .mtime = {}};
}

std::vector<std::uint64_t> bases(const std::vector<Segment>& segments) {
  std::vector<std::uint64_t> bases;
  bases.reserve(segments.size());
  for (const Segment& each : segments) bases.push_back(each.base.value);
  return bases;
}

std::vector<std::uint64_t> planned(const std::vector<Segment>& segments, const RetentionLimits& limits) {
  return bases(plan_retention(segments, limits));
}

TEST(PlanRetention, KeepsAllWithoutLimits) {
  EXPECT_THAT(planned({segment(0, 10), segment(10, 10)}, {}), IsEmpty());
  EXPECT_THAT(planned({}, {.keep_files = 1, .keep_size = {1}}), IsEmpty());
}

TEST(PlanRetention, KeepsTheNewestFiles) {
  const std::vector<Segment> segments = {segment(0, 10), segment(10, 10, true), segment(30, 10)};
  EXPECT_THAT(planned(segments, {.keep_files = 4}), IsEmpty());
  EXPECT_THAT(planned(segments, {.keep_files = 3}), IsEmpty());
  EXPECT_THAT(planned(segments, {.keep_files = 2}), ElementsAre(0));
  EXPECT_THAT(planned(segments, {.keep_files = 1}), ElementsAre(0, 10));
}

TEST(PlanRetention, KeepsTheNewestBytesAsTheyAreStored) {
  const std::vector<Segment> segments = {segment(0, 100), segment(1000, 5, true), segment(2000, 20)};
  EXPECT_THAT(planned(segments, {.keep_size = {125}}), IsEmpty());
  EXPECT_THAT(planned(segments, {.keep_size = {124}}), ElementsAre(0));
  EXPECT_THAT(planned(segments, {.keep_size = {25}}), ElementsAre(0));
  EXPECT_THAT(planned(segments, {.keep_size = {24}}), ElementsAre(0, 1000));
  EXPECT_THAT(planned(segments, {.keep_size = {19}}), ElementsAre(0, 1000, 2000));
}

TEST(PlanRetention, LeavesNoGapForASmallSegmentBeforeALargeOne) {
  EXPECT_THAT(planned({segment(0, 1), segment(1, 100), segment(101, 10)}, {.keep_size = {50}}),
              ElementsAre(0, 1));
}

TEST(PlanRetention, KeepsBothLimits) {
  const std::vector<Segment> segments = {segment(0, 10), segment(10, 10), segment(20, 10), segment(30, 10)};
  EXPECT_THAT(planned(segments, {.keep_files = 3, .keep_size = {20}}), ElementsAre(0, 10));
  EXPECT_THAT(planned(segments, {.keep_files = 1, .keep_size = {30}}), ElementsAre(0, 10, 20));
}

TEST(PlanRetention, TakesTheTwoFilesOfOneSegmentAsOne) {
  const std::vector<Segment> segments = {segment(0, 10), segment(0, 3, true), segment(10, 10),
                                         segment(10, 3, true)};
  EXPECT_THAT(planned(segments, {.keep_files = 2}), IsEmpty());
  EXPECT_THAT(planned(segments, {.keep_files = 1}), ElementsAre(0, 0));
  EXPECT_THAT(planned(segments, {.keep_size = {26}}), IsEmpty());
  EXPECT_THAT(planned(segments, {.keep_size = {25}}), ElementsAre(0, 0));
  EXPECT_THAT(planned(segments, {.keep_size = {13}}), ElementsAre(0, 0));
  EXPECT_THAT(planned(segments, {.keep_size = {12}}), ElementsAre(0, 0, 10, 10));
}

class CarryOutTest : public testing::Test {
 protected:
  CarryOutTest() {
    for (const std::uint64_t base : {0U, 10U, 20U}) write_file(paths_.rotated({base}), "0123456789");
    segments_ = list_segments(kernel(), paths_).value();
  }
  std::vector<std::uint64_t> left() { return bases(list_segments(kernel(), paths_).value()); }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "messages"};
  std::vector<Segment> segments_;
};

TEST(PlanRoom, TakesTheOldestInBothItsFiles) {
  EXPECT_THAT(bases(plan_room({})), IsEmpty());
  EXPECT_THAT(bases(plan_room(std::vector{segment(10, 5)})), ElementsAre(10));
  const std::vector<Segment> segments = {segment(10, 5), segment(10, 5, true), segment(15, 5, true)};
  EXPECT_THAT(bases(plan_room(segments)), ElementsAre(10, 10));
}

TEST_F(CarryOutTest, RemovesWhatIsPlanned) {
  const auto outcome = carry_out(kernel(), paths_, std::span(segments_).first(2));
  EXPECT_THAT(bases(outcome.removed), ElementsAre(0, 10));
  EXPECT_FALSE(outcome.failure);
  EXPECT_THAT(left(), ElementsAre(20));
}

TEST_F(CarryOutTest, TakesAFileThatIsGoneAsGone) {
  ASSERT_EQ(unlink(paths_.rotated({0}).c_str()), 0);
  const auto outcome = carry_out(kernel(), paths_, std::span(segments_).first(2));
  EXPECT_THAT(bases(outcome.removed), ElementsAre(10));
  EXPECT_FALSE(outcome.failure);
  EXPECT_THAT(left(), ElementsAre(20));
}

TEST_F(CarryOutTest, EndsAtAFailureAndLeavesNoGap) {
  FaultOs os(2, EROFS);
  const auto outcome = carry_out(os, paths_, segments_);
  EXPECT_EQ(os.failed_call(), "unlink");
  EXPECT_THAT(bases(outcome.removed), ElementsAre(0));
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->errnum, EROFS);
  EXPECT_THAT(text_of(*outcome.failure), HasSubstr("remove the old segment '" + paths_.rotated({10}) + "'"));
  EXPECT_THAT(left(), ElementsAre(10, 20));
}

TEST_F(CarryOutTest, ReportsAFolderThatCanNotBeSynced) {
  FaultOs os(5);  // three unlinks, open, fsync
  const auto outcome = carry_out(os, paths_, segments_);
  EXPECT_EQ(os.failed_call(), "fsync");
  ASSERT_TRUE(outcome.failure);
  EXPECT_THAT(text_of(*outcome.failure), HasSubstr("sync the log's folder"));
  EXPECT_THAT(left(), IsEmpty());
}

TEST(PlanRetentionDeathTest, SegmentsAreSorted) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::vector<Segment> segments = {segment(10, 10), segment(0, 10)};
  EXPECT_DEATH((void)plan_retention(segments, {}), "broken contract: .*is_sorted");
  EXPECT_DEATH((void)plan_room(segments), "broken contract: .*is_sorted");
}

}  // namespace
}  // namespace slurper
