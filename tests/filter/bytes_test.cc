#include "filter/bytes.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "filter/literal.h"

namespace slurper {
namespace {

using namespace std::string_literals;

TEST(Glob, MatchesFromEndToEnd) {
  struct Case {
    std::string_view pattern;
    std::string_view text;
    bool matches;
  };
  const std::vector<Case> cases = {
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"**", "abc", true},
      {"a", "a", true},
      {"a", "ab", false},
      {"a*", "abc", true},
      {"*c", "abc", true},
      {"*b*", "abc", true},
      {"a*c", "abcbc", true},
      {"a*b*c", "aXbYbZc", true},
      {"a*b*c", "acb", false},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"?", "", false},
      {"[a-c]x", "bx", true},
      {"[a-c]x", "dx", false},
      {"[!a-c]x", "dx", true},
      {"[!a-c]x", "ax", false},
      {"[]a]", "]", true},
      {"[]a]", "b", false},
      {"[!]]", "]", false},
      {"[!]]", "x", true},
      {"[a-]", "-", true},
      {"[a", "[a", true},
      {"[", "[", true},
      {"[!", "[!", true},
      {"\\*", "*", true},
      {"\\*", "x", false},
      {"\\[a]", "[a]", true},
      {"a\\", "a\\", true},
      {"*.[ch]", "x.h", true},
      {"*.[ch]", "x.cc", false},
      {"/var/*/x", "/var/a/b/x", true},
  };
  for (const Case& c : cases)
    EXPECT_EQ(glob_matches(c.pattern, c.text), c.matches) << c.pattern << ' ' << c.text;
}

TEST(Glob, TakesCharactersAndBytes) {
  EXPECT_TRUE(glob_matches("gr?ße", "größe"));
  EXPECT_FALSE(glob_matches("gr??ße", "größe"));
  EXPECT_TRUE(glob_matches("a?b",
                           "a\xff"
                           "b"));
  EXPECT_TRUE(glob_matches("a?b", "a\0b"s));
  EXPECT_TRUE(glob_matches("*\xff*", "ab\xff\0cd"s));
  EXPECT_TRUE(glob_matches("[\x80-\xff]", "\xe9"));
}

TEST(Glob, IsNotExponential) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a*";
  EXPECT_FALSE(glob_matches(pattern + 'b', std::string(20'000, 'a')));
}

TEST(FoldedPart, FoldsAsciiOnly) {
  EXPECT_TRUE(FoldedPart("").is_in(""));
  EXPECT_FALSE(FoldedPart("a").is_in(""));
  EXPECT_TRUE(FoldedPart("Az").is_in("xAZ"));
  EXPECT_FALSE(FoldedPart("@").is_in("`"));
  EXPECT_FALSE(FoldedPart("[").is_in("{"));
  EXPECT_FALSE(FoldedPart("ö").is_in("Ö"));
  EXPECT_TRUE(FoldedPart(std::string(300, 'x') + "Y").is_in(std::string(1000, 'X') + "y"));
}

TEST(FoldedPart, FindsWhatAPlainSearchFinds) {
  std::mt19937 random(7);
  const auto text = [&](std::size_t size) {
    std::string out(size, ' ');
    for (char& c : out) c = "abAB\0"s[random() % 5];
    return out;
  };
  const auto lower = [](std::string t) {
    for (char& c : t) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return t;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string part = text(random() % 7);
    const std::string in = text(random() % 40);
    EXPECT_EQ(FoldedPart(part).is_in(in), lower(in).find(lower(part)) != std::string::npos);
    EXPECT_EQ(contains(in, part), in.find(part) != std::string::npos);
  }
}

TEST(Contains, TakesEmptyViews) {
  EXPECT_TRUE(contains({}, {}));
  EXPECT_TRUE(contains({}, ""));
  EXPECT_FALSE(contains({}, "a"));
}

TEST(Times, AreReadAndPrinted) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  EXPECT_EQ(parse_time("1970-01-01"), 0);
  EXPECT_EQ(parse_time("2003-10-11T22:14:15.003Z"), 1065910455 * kSecond + 3'000'000);
  EXPECT_EQ(parse_time("2003-10-12T00:14:15+02:00"), 1065910455 * kSecond);
  EXPECT_EQ(parse_time("2003-10-11T16:44:15-05:30"), 1065910455 * kSecond);
  EXPECT_EQ(parse_time("2024-02-29T23:59Z"), 1709251140 * kSecond);
  for (const char* text :
       {"", "2003", "2003-10", "2003-13-01", "2003-02-29", "2003-10-11T", "2003-10-11T22",
        "2003-10-11T22:14:15", "2003-10-11T24:00Z", "2003-10-11T22:14:60Z", "2003-10-11T22:14:15.Z",
        "2003-10-11T22:14:15.1234567890Z", "2003-10-11 22:14Z", "2003-10-11T22:14Zx", "1969-12-31",
        "2262-01-01", "2003-10-11T22:14+2:00", "-003-10-11"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
  std::mt19937_64 random(3);
  for (int i = 0; i < 10'000; ++i) {
    const std::int64_t unit = std::vector<std::int64_t>{1, 1000, kSecond, 60 * kSecond}[random() % 4];
    const std::int64_t time = static_cast<std::int64_t>(random() % (1ULL << 62U)) / unit * unit;
    EXPECT_EQ(parse_time(time_literal(time)), time) << time_literal(time);
  }
  EXPECT_EQ(time_literal(-1), "1969-12-31T23:59:59.999999999Z");
}

}  // namespace
}  // namespace slurper
