// What a filter's text may be, what is said of the rest, and how a filter is printed.
#include "filter/parser.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "filter/filter_site.h"

namespace slurper {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// errors.txt: messages as they come, each with the filter below it, and the caret.
TEST(FilterErrors, AreThoseOfTheList) {
  std::ifstream file(SLURPER_SOURCE_DIR "/tests/filter/errors.txt");
  std::string message;
  std::string filter;
  std::string caret;
  std::string blank;
  int count = 0;
  while (std::getline(file, message) && std::getline(file, filter) && std::getline(file, caret) &&
         std::getline(file, blank)) {
    EXPECT_EQ(complaint(filter), message) << filter;
    EXPECT_THAT(message, StartsWith(fmt::format("at column {} ", caret.size()))) << filter;
    ++count;
  }
  EXPECT_GT(count, 50);
}

FilterError error_of(std::string_view filter) {
  const auto compiled = RecordFilter::compile(filter, record_fields());
  if (!compiled) return compiled.error();
  ADD_FAILURE() << filter << " compiles";
  return {};
}

TEST(FilterErrors, TellTheLineWhereThereAreSome) {
  EXPECT_EQ(text_of(error_of("severity <= warning and\n  progam = sshd")),
            "at line 2, column 3 there is no field 'progam'. Did you mean 'program'?");
  EXPECT_EQ(error_of("program =\n \n").line, 1U);
}

TEST(FilterErrors, ColumnsAreCharacters) {
  for (const char* character : {"e", "é", "語", "🦀"})
    EXPECT_EQ(error_of(std::string("msg = ") + character + " or x = 1").column, 12U) << character;
}

TEST(FilterErrors, GiveNoOrdersToATerminal) {
  const FilterError escape = error_of("msg = \x1b[31m");
  EXPECT_EQ(test::text_of(escape.why), "this is a control character");
  EXPECT_EQ(test::text_of(escape.advice), "Write \"\\x1b\", in quotes");
  EXPECT_THAT(text_of(error_of("program = a \xe2\x80\xae")), testing::Not(HasSubstr("\xe2")));
  EXPECT_THAT(text_of(error_of("program = a \xc2\x9b")), testing::Not(HasSubstr("\xc2")));
  EXPECT_THAT(text_of(error_of(R"(msg matches "(\x1b[31m")")), testing::Not(HasSubstr("\x1b")));
  EXPECT_TRUE(is_utf8(text_of(error_of(R"(msg matches "(\xff")"))));
}

TEST(FilterErrors, NameWhatIsNoText) {
  EXPECT_EQ(complaint(""), "at column 1 it is empty");
  EXPECT_EQ(complaint("msg = \xff"), "at column 7 this is not UTF-8. Write \"\\xff\", in quotes");
}

TEST(FilterErrors, AreShort) {
  EXPECT_LT(text_of(error_of(std::string(9999, 'x') + " = 1")).size(), 300U);
}

TEST(FilterLimits, AreKept) {
  std::string filter = "msg contains " + std::string(kMaxFilterLength - 13, 'x');
  EXPECT_THAT(complaint(filter), StartsWith("compiles"));
  EXPECT_THAT(text_of(error_of(filter + "x")), HasSubstr("it has 65537 bytes, but the limit is 65536"));

  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + "host = x" + std::string(depth, ')');
  };
  EXPECT_EQ(complaint(nested(kMaxFilterDepth)), "compiles: host = x");
  EXPECT_THAT(text_of(error_of(nested(kMaxFilterDepth + 1))), HasSubstr("100 deep"));
  EXPECT_THAT(text_of(error_of(nested(30'000))), HasSubstr("100 deep"));
  EXPECT_THAT(text_of(error_of(std::string(60'000, '('))), HasSubstr("100 deep"));

  std::string nots;
  for (int i = 0; i < 10'001; ++i) nots += "not ";
  EXPECT_EQ(complaint(nots + "host = x"), "compiles: not host = x");

  const auto list = [](std::size_t count) {
    std::string text = "host in (x";
    for (std::size_t i = 1; i < count; ++i) text += ",x";
    return text + ")";
  };
  EXPECT_THAT(complaint(list(kMaxFilterValues)), StartsWith("compiles"));
  EXPECT_THAT(text_of(error_of(list(kMaxFilterValues + 1))), HasSubstr("at most 4096 values"));

  const auto patterns = [](std::size_t count) {
    std::string text = "msg matches x";
    for (std::size_t i = 1; i < count; ++i) text += " or msg matches x";
    return text;
  };
  EXPECT_THAT(complaint(patterns(kMaxFilterRegexes)), StartsWith("compiles"));
  EXPECT_THAT(text_of(error_of(patterns(kMaxFilterRegexes + 1))), HasSubstr("more than 64 patterns"));
  EXPECT_THAT(text_of(error_of("msg matches '((((a{9}){9}){9}b){9}c)*'")),
              HasSubstr("not a regular expression"));
}

TEST(FilterText, HasOneSpelling) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"program=sshd", "program = sshd"},
      {" ( program  =\t'sshd'\n) ", "program = sshd"},
      {"severity<=4", "severity <= warning"},
      {"severity = error or severity = panic", "severity = err or severity = emerg"},
      {"facility in(security,4,10)", "facility in (auth, auth, authpriv)"},
      {"length > 0x10 and length < -0x2", "length > 16 and length < -2"},
      {"time >= 2026-01-31T00:00:00Z", "time >= 2026-01-31"},
      {"time >= 2026-01-31T12:00:00+02:00", "time >= 2026-01-31T10:00Z"},
      {"time < 2026-01-31T12:00:07.250Z", "time < 2026-01-31T12:00:07.25Z"},
      {"(host = a and host = b) and (host = c)", "host = a and host = b and host = c"},
      {"host = a or (host = b or host = c)", "host = a or host = b or host = c"},
      {"host = a or (host = b and host = c)", "host = a or host = b and host = c"},
      {"(host = a or host = b) and host = c", "(host = a or host = b) and host = c"},
      {"not(not(host = a))", "host = a"},
      {"not (host = a or host = b)", "not (host = a or host = b)"},
      {"not (host = a)", "not host = a"},
      {"not (host = a and not (host = b))", "not (host = a and not host = b)"},
      {"msg = \"and\" or msg = '' or msg = \"it's\"", "msg = \"and\" or msg = \"\" or msg = \"it's\""},
      {R"(msg = "a\x00b\xffc\n\t\\\"")", R"(msg = "a\x00b\xffc\n\t\\\"")"},
      {R"(msg matches ^\d+$)", R"(msg matches "^\\d+$")"},
      {"msg contains größe", "msg contains \"größe\""},
      {"msg glob *.local", "msg glob *.local"},
      {"msg = <", "msg = \"<\""},
      {"sd[\"origin.ip\"] exists", "sd[origin.ip] exists"},
      {"sd['a b.c'] exists", "sd[\"a b.c\"] exists"},
  };
  for (const auto& [filter, text] : cases) {
    EXPECT_EQ(complaint(filter), "compiles: " + std::string(text));
    EXPECT_EQ(complaint(text), "compiles: " + std::string(text));
  }
}

}  // namespace
}  // namespace slurper
