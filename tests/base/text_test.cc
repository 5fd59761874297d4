#include "base/text.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

using std::chrono::milliseconds;

TEST(ParseByteSize, ReadsBinaryAndDecimalUnits) {
  EXPECT_EQ(parse_byte_size("0"), ByteSize{0});
  EXPECT_EQ(parse_byte_size("4096"), ByteSize{4096});
  EXPECT_EQ(parse_byte_size("64MiB"), ByteSize{64 << 20});
  EXPECT_EQ(parse_byte_size("1.5 GiB"), ByteSize{1536ULL << 20});
  EXPECT_EQ(parse_byte_size("10MB"), ByteSize{10'000'000});
  EXPECT_EQ(parse_byte_size("10kB"), ByteSize{10'000});
  EXPECT_EQ(parse_byte_size("9223372036854775807"), ByteSize{INT64_MAX});
}

TEST(ParseByteSize, RefusesEverythingElse) {
  for (const char* text :
       {"", " ", "MiB", "-1", "+1", "1.", ".5", "1e3", "1 M", "1  MiB", "1mib", "64MiB ", "0x10",
        "9223372036854775808", "8388608TiB", "99999999999999999999999", "1.0000001MiB"}) {
    EXPECT_EQ(parse_byte_size(text), std::nullopt) << text;
  }
}

TEST(ParseDuration, ReadsEveryUnit) {
  EXPECT_EQ(parse_duration("0"), milliseconds(0));
  EXPECT_EQ(parse_duration("1500us"), milliseconds(1));
  EXPECT_EQ(parse_duration("100ms"), milliseconds(100));
  EXPECT_EQ(parse_duration("1s"), milliseconds(1000));
  EXPECT_EQ(parse_duration("2m"), milliseconds(120'000));
  EXPECT_EQ(parse_duration("2 min"), milliseconds(120'000));
  EXPECT_EQ(parse_duration("1.5h"), milliseconds(5'400'000));
  EXPECT_EQ(parse_duration("1w"), milliseconds(604'800'000));
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const char* text : {"", "5", "1 ", "s", "-1s", "1S", "1sec", "1s1ms", "11y", "4000d"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Format, IsShortAndIsReadBack) {
  EXPECT_EQ(format(ByteSize{64 << 20}), "64MiB");
  EXPECT_EQ(format(ByteSize{1000}), "1000B");
  EXPECT_EQ(format(ByteSize{0}), "0");
  EXPECT_EQ(format(milliseconds(1500)), "1500ms");
  EXPECT_EQ(format(milliseconds(86'400'000)), "1d");
  for (const std::uint64_t bytes : {0ULL, 1ULL, 1023ULL, 1024ULL, 3ULL << 30, 0x7fffffffffffffffULL}) {
    EXPECT_EQ(parse_byte_size(format(ByteSize{bytes})), ByteSize{bytes});
  }
  for (const int ms : {0, 1, 999, 1000, 61'000, 3'600'000}) {
    EXPECT_EQ(parse_duration(format(milliseconds(ms))), milliseconds(ms));
  }
}

TEST(FormatRounded, HasThreeDigits) {
  EXPECT_EQ(format_rounded(ByteSize{0}), "0B");
  EXPECT_EQ(format_rounded(ByteSize{1023}), "1023B");
  EXPECT_EQ(format_rounded(ByteSize{1500}), "1.46KiB");
  EXPECT_EQ(format_rounded(ByteSize{64 << 20}), "64.0MiB");
}

TEST(Printable, LeavesNothingThatATerminalObeys) {
  EXPECT_EQ(printable("/run/a b"), "/run/a b");
  EXPECT_EQ(printable("naïve €"), "naïve €");
  EXPECT_EQ(printable("a\x1b[31m\n"), "a\\x1b[31m\\x0a");
  EXPECT_EQ(printable("it's \\"), "it\\'s \\\\");
  EXPECT_EQ(printable("\xff\xc0\x80"), "\\xff\\xc0\\x80");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");           // CSI as one character
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(printable(std::string_view("\0x", 2)), "\\x00x");
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");  // cut short
}

TEST(FirstCharacter, IsUtf8OrOneByte) {
  EXPECT_EQ(first_character("ab"), "a");
  EXPECT_EQ(first_character("€b"), "€");
  EXPECT_EQ(first_character("\xe2\x82"), "\xe2");
  EXPECT_EQ(first_character("\xff\xff"), "\xff");
}

TEST(IsControlCharacter, KnowsC0DeleteC1AndBytes) {
  for (const std::string_view character :
       {std::string_view("\0", 1), std::string_view("\n"), std::string_view("\x1b"), std::string_view("\x7f"),
        std::string_view("\xc2\x80"), std::string_view("\xc2\x9f"), std::string_view("\x80"),
        std::string_view("\xff")})
    EXPECT_TRUE(is_control_character(character)) << printable(character);
  for (const std::string_view character : {" ", "~", "\xc2\xa0", "ä", "€", "\xf0\x9f\x90\xa7"})
    EXPECT_FALSE(is_control_character(character)) << character;
}

TEST(Shortened, CutsBetweenTwoCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "abc…");
  EXPECT_EQ(shortened("ab€d", 3), "ab€…");
  EXPECT_EQ(shortened("ab\xe2\x82", 3), "ab\xe2…");
}

TEST(IsUtf8, TellsTextFromBytes) {
  for (const char* text : {"", "plain", "naïve €", "\xf0\x9f\x90\xa7"}) EXPECT_TRUE(is_utf8(text)) << text;
  for (const char* text : {"\xff", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "ok\x80"})
    EXPECT_FALSE(is_utf8(text));
}

TEST(CountLines, OfAnyLength) {
  EXPECT_EQ(count_lines(""), 0U);
  // Around the widths and the overflow of its counters, with every byte a newline and with none.
  for (const std::size_t size : {1UL, 31UL, 32UL, 33UL, 255UL * 32, 255UL * 32 + 1, 256UL * 32, 1000000UL}) {
    EXPECT_EQ(count_lines(std::string(size, '\n')), size);
    EXPECT_EQ(count_lines(std::string(size, '\x0b')), 0U);
  }
  std::string text;
  for (std::uint64_t line = 0; line < 1000; ++line) {
    text += std::string(line % 97, 'x') + "\n";
    ASSERT_EQ(count_lines(text), line + 1);
    ASSERT_EQ(count_lines(text + "no end"), line + 1);
  }
}

TEST(EditDistance, CountsWhatIsTyped) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("program", "progam"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(max_edits("ab"), 1U);
  EXPECT_EQ(max_edits("program"), 2U);
}

TEST(Utf8Length, IsThatOfTheFirstCharacter) {
  EXPECT_EQ(utf8_length("a"), 1U);
  EXPECT_EQ(utf8_length("\xc3\xa4x"), 2U);
  EXPECT_EQ(utf8_length("\xe2\x82\xac"), 3U);
  EXPECT_EQ(utf8_length("\xe2\x82"), 0U);
  EXPECT_EQ(utf8_length("\xff"), 0U);
}

}  // namespace
}  // namespace slurper
