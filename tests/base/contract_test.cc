#include "base/contract.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

TEST(ContractDeathTest, SaysWhatWasBrokenAndWhere) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const int room = 3;
  EXPECT_DEATH(SLURPER_ASSERT(room > 4), "^contract_test\\.cc:[1-9][0-9]*: broken contract: room > 4\n$");
}

TEST(Contract, EvaluatesItsConditionOnce) {
  int calls = 0;
  SLURPER_ASSERT(++calls == 1);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace slurper
