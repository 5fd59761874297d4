#include "base/accounts.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

TEST(Accounts, AreFoundByName) {
  EXPECT_EQ(find_user("root"), uid_t{0});
  EXPECT_EQ(find_group("root"), gid_t{0});
}

TEST(Accounts, MayBeNumbersThatNobodyHas) {
  EXPECT_EQ(find_user("0"), uid_t{0});
  EXPECT_EQ(find_user("3999999999"), uid_t{3999999999});
  EXPECT_EQ(find_group("3999999999"), gid_t{3999999999});
}

TEST(Accounts, AreNothingElse) {
  for (const char* name : {"", "no such user", "-1", "+1", "1x", " 1", "4294967295", "4294967296"}) {
    EXPECT_EQ(find_user(name), std::nullopt) << name;
    EXPECT_EQ(find_group(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace slurper
