#include "control/json.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slurper {
namespace {

TEST(Json, HasMembersOfTheKindThatIsAskedFor) {
  const auto json = parse_json(R"( {"n": 5, "s": "d", "f": 1.5, "m": -1, "a": [1], "n": 6} )");
  ASSERT_TRUE(json);
  EXPECT_EQ(number_in(*json, "n"), 6U);
  EXPECT_EQ(number_in(*json, "s"), std::nullopt);
  EXPECT_EQ(number_in(*json, "f"), std::nullopt);
  EXPECT_EQ(number_in(*json, "m"), std::nullopt);
  EXPECT_EQ(number_in(*json, "none"), std::nullopt);
  ASSERT_NE(string_in(*json, "s"), nullptr);
  EXPECT_EQ(*string_in(*json, "s"), "d");
  EXPECT_EQ(string_in(*json, "n"), nullptr);
  EXPECT_EQ(string_in(*json, "none"), nullptr);
  // What is no object has no members.
  for (const char* const text : {"[1]", "1", "null", "\"s\""}) {
    EXPECT_EQ(number_in(*parse_json(text), "n"), std::nullopt) << text;
    EXPECT_EQ(string_in(*parse_json(text), "s"), nullptr) << text;
  }
}

TEST(Json, HasExactNumbersOf64Bits) {
  EXPECT_EQ(number_in(*parse_json(R"({"n":18446744073709551615})"), "n"), ~std::uint64_t{0});
  EXPECT_EQ(number_in(*parse_json(R"({"n":9007199254740993})"), "n"), 9007199254740993U);
  EXPECT_EQ(number_in(*parse_json(R"({"n":18446744073709551616})"), "n"), std::nullopt);
}

TEST(Json, IsNothingElse) {
  const std::vector<std::string> bad = {"",       " ",           "{",
                                        "[",      "[1,]",        "{\"a\":1,}",
                                        "{a:1}",  "01",          "truefalse",
                                        "1 2",    "\"\\ud800\"", "\"\\udc00\"",
                                        "\"\n\"", "\"\xff\"",    "\"\xed\xa0\x80\"",
                                        "1e999",  "{\"a\":1]"};
  for (const std::string& text : bad) EXPECT_FALSE(parse_json(text)) << text;
}

TEST(Json, IsRefusedIfItIsNestedTooDeeply) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(kMaxJsonDepth + 1)));
  EXPECT_FALSE(parse_json(nested(kMaxJsonDepth + 2)));
  EXPECT_FALSE(parse_json(nested(1 << 20)));
  EXPECT_FALSE(parse_json(std::string(1 << 20, '[')));
  EXPECT_FALSE(parse_json(R"({"a":[{"a":[{"a":[{"a":[{"a":[1]}]}]}]}]})"));
}

}  // namespace
}  // namespace slurper
