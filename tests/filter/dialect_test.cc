// The filter language of events: sysdig's operators, and fields that are compared with fields.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filter/filter.h"
#include "filter/parser.h"
#include "record/record_fields.h"
#include "support/text_of.h"

namespace slurper {
namespace {

// An event for these tests.
struct Sample {
  std::string name = "/etc/hosts";
  std::int64_t one = -1;
  std::int64_t two = -1;
};

TextValue name(const Sample& sample) {
  return sample.name;
}
NumberValue one(const Sample& sample) {
  return sample.one;
}
NumberValue two(const Sample& sample) {
  return sample.two < 0 ? std::nullopt : NumberValue(sample.two);
}
TextValue argument(const Sample& /*sample*/, std::string_view which) {
  return which == "size" ? TextValue("10") : std::nullopt;
}
void both(const Sample& sample, std::string_view /*argument*/, NumberVisitor visit) {
  if (visit(sample.one)) (void)visit(sample.two);
}

template <auto kAccessor>
constexpr Field with(Field field) {
  return with_accessor<Sample, kAccessor>(field);
}
constexpr std::array kFields = {
    with<name>({.name = "fd.name", .type = FieldType::Text, .help = ""}),
    with<one>({.name = "user.uid", .type = FieldType::Number, .help = ""}),
    with<two>({.name = "fd.open.uid", .type = FieldType::Number, .help = ""}),
    with<argument>(
        {.name = "evt.arg", .type = FieldType::Text, .help = "", .argument = "NAME", .dotted = true}),
    with<both>({.name = "fd.port", .type = FieldType::Number, .help = ""}),
};

bool matches(std::string_view text, const Sample& sample = {}) {
  const auto filter = Filter<Sample>::compile(text, FieldsOf<Sample>(kFields), Dialect::Events);
  EXPECT_TRUE(filter) << text << ": " << test::text_of(filter.error().finding());
  if (!filter) return false;
  const auto again = Filter<Sample>::compile(filter->text(), FieldsOf<Sample>(kFields), Dialect::Events);
  EXPECT_TRUE(again) << filter->text();
  EXPECT_EQ(again->text(), filter->text());
  EXPECT_EQ(again->matches(sample), filter->matches(sample)) << filter->text();
  return filter->matches(sample);
}

TEST(Dialect, TakesTwoEqualsSigns) {
  EXPECT_TRUE(matches("fd.name == /etc/hosts"));
  EXPECT_TRUE(matches("user.uid==-1"));
  EXPECT_FALSE(matches("user.uid==1"));
}

TEST(Dialect, ComparesPaths) {
  EXPECT_TRUE(matches("fd.name pmatch (/etc)"));
  EXPECT_TRUE(matches("fd.name pmatch (/var, /etc/)"));
  EXPECT_TRUE(matches("fd.name pmatch (/)"));
  EXPECT_TRUE(matches("fd.name pmatch (/etc/hosts)"));
  EXPECT_FALSE(matches("fd.name pmatch (/et)"));
  EXPECT_FALSE(matches("fd.name pmatch (/etc/hosts/x)"));
}

TEST(Dialect, ComparesBytes) {
  EXPECT_TRUE(matches("fd.name bcontains 2f686f7374"));
  EXPECT_TRUE(matches("fd.name bstartswith 2F65"));
  EXPECT_FALSE(matches("fd.name bstartswith 65"));
  for (const char* wrong : {"fd.name bcontains 2", "fd.name bcontains 2g", "fd.name bcontains \"\""}) {
    const auto filter = parse_filter(wrong, kFields, Dialect::Events);
    ASSERT_FALSE(filter) << wrong;
    EXPECT_THAT(test::text_of(filter.error().why),
                testing::HasSubstr("is not a row of bytes in hexadecimal"));
  }
}

TEST(Dialect, HasOtherWordsForInAndMatches) {
  EXPECT_TRUE(matches("fd.name intersects (/a, /etc/hosts)"));
  EXPECT_TRUE(matches("fd.name regex ^/etc/h.*s$"));
}

TEST(Dialect, AnArgumentMayFollowAPoint) {
  EXPECT_TRUE(matches("evt.arg.size = 10"));
  EXPECT_TRUE(matches("evt.arg[size] = 10"));
  EXPECT_FALSE(matches("evt.arg.other exists"));
  EXPECT_TRUE(matches("not evt.arg.size = 11 and evt.arg.size = 10"));
  EXPECT_FALSE(parse_filter("evt.args = 10", kFields, Dialect::Events));
}

TEST(Dialect, ComparesAFieldWithAnother) {
  const Sample root_then_user{.one = 33, .two = 0};
  EXPECT_TRUE(matches("fd.open.uid != user.uid", root_then_user));
  EXPECT_TRUE(matches("fd.open.uid < user.uid and user.uid > fd.open.uid", root_then_user));
  EXPECT_TRUE(matches("fd.open.uid <= user.uid and user.uid >= fd.open.uid", root_then_user));
  EXPECT_FALSE(matches("fd.open.uid = user.uid", root_then_user));
  EXPECT_TRUE(matches("fd.open.uid = user.uid", {.one = 4, .two = 4}));
  // No comparison with a missing field holds.
  EXPECT_FALSE(matches("fd.open.uid != user.uid", {.one = 4}));
  EXPECT_FALSE(matches("user.uid != fd.open.uid", {.one = 4}));
  // A text is itself.
  EXPECT_TRUE(matches("fd.name = fd.name", {.name = "fd.name"}));
}

TEST(Dialect, AFieldMayHaveSeveralNumbers) {
  const Sample sample{.one = 80, .two = 443};
  EXPECT_TRUE(matches("fd.port = 80", sample));
  EXPECT_TRUE(matches("fd.port = 443 and fd.port > 400 and fd.port in (1, 443)", sample));
  EXPECT_TRUE(matches("fd.port = 80 and fd.port = 443", sample));
  EXPECT_FALSE(matches("fd.port != 80", sample));
  EXPECT_TRUE(matches("fd.port != 81", sample));
  EXPECT_FALSE(matches("fd.port = 81", sample));
}

// The filters of sinks stay as they are.
TEST(Dialect, IsNotThatOfLines) {
  for (const char* text : {"program == x", "program pmatch (/x)", "program bcontains 00",
                           "program intersects (x)", "program regex x"})
    EXPECT_FALSE(parse_filter(text, record_fields().table())) << text;
}

}  // namespace
}  // namespace slurper
