#include "control/json.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slurper {
namespace {

TEST(Json, IsReadAsATree) {
  const auto json = parse_json(R"( {"a": [1, -2.5e+3, true, false, null], "b": {"c": "d"}, "a": 2} )");
  ASSERT_TRUE(json);
  ASSERT_EQ(json->names.size(), 3U);
  const JsonValue* const a = json->find("a");
  ASSERT_NE(a, nullptr);
  ASSERT_EQ(a->items.size(), 5U);
  EXPECT_EQ(a->items[0].to_unsigned(), 1U);
  EXPECT_EQ(a->items[1].text, "-2.5e3");
  EXPECT_EQ(a->items[1].to_unsigned(), std::nullopt);
  EXPECT_EQ(a->items[2].kind, JsonValue::Kind::True);
  EXPECT_EQ(a->items[3].kind, JsonValue::Kind::False);
  EXPECT_EQ(a->items[4].kind, JsonValue::Kind::Null);
  EXPECT_EQ(json->find("b")->find("c")->text, "d");
  EXPECT_EQ(json->find("d"), nullptr);
}

TEST(Json, HasAllEscapes) {
  const auto json = parse_json(R"("\"\\\/\b\f\n\r\t\u0000\u00e9\u20ac\ud83d\ude00é")");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->text, std::string("\"\\/\b\f\n\r\t\0é€😀é", 20));
}

TEST(Json, HasNumbersUpTo64Bits) {
  EXPECT_EQ(parse_json("18446744073709551615")->to_unsigned(), ~std::uint64_t{0});
  EXPECT_EQ(parse_json("18446744073709551616")->to_unsigned(), std::nullopt);
  EXPECT_EQ(parse_json("-1")->to_unsigned(), std::nullopt);
  EXPECT_EQ(parse_json("\"1\"")->to_unsigned(), std::nullopt);
}

TEST(Json, IsNothingElse) {
  const std::vector<std::string> bad = {"",
                                        " ",
                                        "{",
                                        "[",
                                        "[1,]",
                                        "{\"a\":1,}",
                                        "{a:1}",
                                        "{\"a\"}",
                                        "01",
                                        "-",
                                        "1.",
                                        "1e",
                                        ".5",
                                        "+1",
                                        "nul",
                                        "truefalse",
                                        "1 2",
                                        "\"",
                                        "\"\\\"",
                                        "\"\\x\"",
                                        "\"\n\"",
                                        "\"\\u12\"",
                                        "\"\\ud800\"",
                                        "\"\\udc00\"",
                                        "\"\\ud800\\u0041\"",
                                        "\"\\u+123\"",
                                        "\"\xff\"",
                                        "\"\xed\xa0\x80\"",
                                        "]",
                                        "{\"a\":1]"};
  for (const std::string& text : bad) EXPECT_FALSE(parse_json(text)) << text;
}

TEST(Json, IsRefusedIfItIsNestedTooDeeply) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(kMaxJsonDepth + 1)));
  EXPECT_FALSE(parse_json(nested(kMaxJsonDepth + 2)));
  EXPECT_FALSE(parse_json(std::string(1 << 20, '[')));
}

}  // namespace
}  // namespace slurper
