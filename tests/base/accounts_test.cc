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

// As a message names them: both databases of Debian have these.
TEST(Accounts, HaveNamesAsFarAsTheMachineKnowsThem) {
  EXPECT_EQ(user_name(0), "root");
  EXPECT_EQ(user_name(65534), "nobody");
  EXPECT_EQ(user_name(3999999999), "uid 3999999999");
  EXPECT_EQ(group_name(0), "root");
  EXPECT_EQ(group_name(65534), "nogroup");
  EXPECT_EQ(group_name(3999999999), "gid 3999999999");
  EXPECT_EQ(the_user(65534), "the user nobody (uid 65534)");
  EXPECT_EQ(the_user(3999999999), "the user with the uid 3999999999");
}

TEST(Accounts, AreNothingElse) {
  for (const char* name : {"", "no such user", "-1", "+1", "1x", " 1", "4294967295", "4294967296"}) {
    EXPECT_EQ(find_user(name), std::nullopt) << name;
    EXPECT_EQ(find_group(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace slurper
