#include "base/screen_text.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

constexpr ScreenSize kSmall{.rows = 3, .columns = 5};

TEST(FittedScreen, CutsEachRowToTheWidth) {
  EXPECT_EQ(fitted_screen("12345\n123456\n\n", kSmall), "12345\n1234+\n\n");
  EXPECT_EQ(fitted_screen("äöüßéè\n", kSmall), "äöüß+\n");
  EXPECT_EQ(fitted_screen("no newline", {.rows = 3, .columns = 80}), "no newline\n");
}

TEST(ColumnsOf, CountsTwoForACharacterThatIsWide) {
  EXPECT_EQ(columns_of(""), 0U);
  EXPECT_EQ(columns_of("abc"), 3U);
  EXPECT_EQ(columns_of("äö\xff"), 3U);
  EXPECT_EQ(columns_of("\u1100\u115f\u1160"), 5U);
  EXPECT_EQ(columns_of("管道"), 4U);
  EXPECT_EQ(columns_of("한글"), 4U);
  EXPECT_EQ(columns_of("ｆ"), 2U);
  EXPECT_EQ(columns_of("\U0001F4A5"), 2U);
  EXPECT_EQ(columns_of("\U0003FFFD\U00040000"), 3U);
}

// In columns, not in characters: half of a wide one can't be shown.
TEST(Fitted, FillsOrCutsToTheWidth) {
  EXPECT_EQ(fitted("ab", 4), "ab  ");
  EXPECT_EQ(fitted("abcd", 4), "abcd");
  EXPECT_EQ(fitted("abcde", 4), "abc+");
  EXPECT_EQ(fitted("管道", 4), "管道");
  EXPECT_EQ(fitted("管道管", 4), "管+ ");
  EXPECT_EQ(fitted("管道管", 5), "管道+");
  EXPECT_EQ(fitted("管", 1), "+");
  EXPECT_EQ(fitted("a", 0), "");
  EXPECT_EQ(fitted_path("/run/fifo", 5), "+fifo");
  EXPECT_EQ(fitted_path("/管道", 4), "+道 ");
  EXPECT_EQ(fitted_path("/管道", 5), "/管道");
  EXPECT_EQ(fitted_path("/a", 1), "+");
  EXPECT_EQ(fitted_process("管道 (4711)", 9), "+ (4711) ");
}

TEST(FittedScreen, SaysHowManyRowsAreLeftOut) {
  constexpr ScreenSize kWide{.rows = 3, .columns = 80};
  EXPECT_EQ(fitted_screen("1\n2\n3\n", kWide), "1\n2\n3\n");
  EXPECT_EQ(fitted_screen("1\n2\n3\n4\n", kWide), "1\n2\n+ 2 more lines\n");
  EXPECT_EQ(fitted_screen("1\n2\n", {.rows = 1, .columns = 80}), "+ 2 more lines\n");
  EXPECT_EQ(fitted_screen("1\n2\n", {.rows = 0, .columns = 80}), "+ 2 more lines\n");
}

}  // namespace
}  // namespace slurper
