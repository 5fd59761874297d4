#include "base/json_string.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

std::string json_of(std::string_view text) {
  std::string out = "x";
  append_json_string(text, out);
  return out;
}

TEST(JsonString, IsValidAndPrintableWhateverTheBytes) {
  EXPECT_EQ(json_of(""), "x\"\"");
  EXPECT_EQ(json_of("plain and long enough for eight at once"),
            "x\"plain and long enough for eight at once\"");
  EXPECT_EQ(json_of("\"\\\t\n\x1b\x7f"), R"(x"\"\\\t\u000a\u001b\u007f")");
  EXPECT_EQ(json_of("\u00e9\u0085\u2028\u2029\U0001F600"), "x\"\u00e9\\u0085\\u2028\\u2029\U0001F600\"");
  EXPECT_EQ(json_of("a\xff\xed\xa0\x80z"), "x\"a\uFFFD\uFFFD\uFFFD\uFFFDz\"");
  EXPECT_EQ(json_of(std::string_view("\0", 1)), R"(x"\u0000")");
}

TEST(JsonString, TellsWhetherAByteWasReplaced) {
  std::string room(100, '.');
  bool damaged = false;
  (void)put_json_text(room.data(), "\u00e9\n", damaged);
  EXPECT_FALSE(damaged);
  (void)put_json_text(room.data(), "\xe9", damaged);
  EXPECT_TRUE(damaged);
  (void)put_json_text(room.data(), "good", damaged);
  EXPECT_TRUE(damaged) << "it stays set";
}

TEST(JsonString, HasNoQuotesOfItsOwnAsText) {
  std::string out;
  append_json_text("a\"b", out);
  EXPECT_EQ(out, "a\\\"b");
}

// Most are vectors of RFC 4648 section 10.
TEST(Base64, IsThatOfTheStandard) {
  const auto base64 = [](std::string_view bytes) {
    std::string out;
    append_base64(bytes, out);
    EXPECT_EQ(out.size(), base64_size(bytes.size()));
    return out;
  };
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("no"), "bm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

}  // namespace
}  // namespace slurper
