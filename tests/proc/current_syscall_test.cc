// What /proc/PID/syscall says.
#include "proc/current_syscall.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

TEST(CurrentSyscall, HasNumberAndArguments) {
  const auto call =
      parse_current_syscall("257 0xffffff9c 0x55 0x0 0x1 0x2 0xffffffffffffffff 0x7ffe 0x7f12\n");
  ASSERT_TRUE(call);
  EXPECT_EQ(call->number, 257U);
  EXPECT_EQ(call->arguments[0], 0xffffff9cU);
  EXPECT_EQ(call->arguments[1], 0x55U);
  EXPECT_EQ(call->arguments[5], ~std::uint64_t{0});
}

TEST(CurrentSyscall, IsMissingOutsideOfACall) {
  for (const char* const text : {"running\n", "-1 0x7ffe 0x7f12\n", "", "0 0x1 0x2\n", "0x"})
    EXPECT_FALSE(parse_current_syscall(text)) << text;
}

}  // namespace
}  // namespace slurper
