#include <gmock/gmock.h>

#include "daemon/fifo_keeper.h"

namespace slurper {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

AccessChange mode_change(mode_t before, mode_t now, bool permitted = true) {
  return describe_change({.mode = before}, {.mode = now}, permitted);
}

TEST(FifoAccess, WhatOpensItToAllIsHarmful) {
  const AccessChange change = mode_change(0600, 0666);
  EXPECT_TRUE(change.harmful);
  EXPECT_THAT(change.text, AllOf(HasSubstr("0666 now, and was 0600"), HasSubstr("take lines away"),
                                 HasSubstr("write lines into it"), Not(HasSubstr("refused"))));
  EXPECT_THAT(mode_change(0600, 0602).text, Not(HasSubstr("take lines away")));
  EXPECT_THAT(mode_change(0666, 0667).text, Not(HasSubstr("take lines away"))) << "it was so before";
}

TEST(FifoAccess, WhatLocksOutIsHarmful) {
  EXPECT_THAT(mode_change(0660, 0640).text, HasSubstr("writers that open it from now on may be refused"));
  EXPECT_THAT(mode_change(0660, 0060, false).text, HasSubstr("slurper could not open it at its next start"));
  const AccessChange owner = describe_change({.mode = 0600, .owner = 1}, {.mode = 0600, .owner = 2}, true);
  EXPECT_TRUE(owner.harmful);
  EXPECT_THAT(owner.text, AllOf(HasSubstr("its owner is 2 now, and was 1"), Not(HasSubstr("mode"))));
}

TEST(FifoAccess, WhatHarmsNobodyIsNot) {
  EXPECT_FALSE(mode_change(0600, 0660).harmful);
  EXPECT_FALSE(mode_change(0666, 0622).harmful) << "readers are locked out, which is as it should be";
  EXPECT_EQ(mode_change(0600, 0660).text, "its mode is 0660 now, and was 0600");
}

}  // namespace
}  // namespace slurper
