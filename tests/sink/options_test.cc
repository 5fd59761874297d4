#include "sink/options.h"

#include <gmock/gmock.h>

#include "sink/sink_site.h"

namespace slurper {
namespace {

using testing::HasSubstr;

class Nowhere : public Sink {
  Result<std::optional<std::uint64_t>> open(const SinkContext&) override { return std::nullopt; }
  Result<Delivery> deliver(std::span<const Record>) override { return Delivery{}; }
  void close() override {}
};

struct Taken {
  std::string text;
  std::vector<std::string> list;
  bool flag = false;
  std::uint64_t number = 0;
  std::uint64_t size = 0;
  std::chrono::milliseconds duration{};
  std::size_t choice = 0;
};
Taken taken;

std::unique_ptr<Sink> make_nowhere(SinkOptions& options) {
  constexpr std::array<std::string_view, 2> kChoices = {"raw", "json"};
  taken = {.text = options.text("text", "nothing"),
           .list = options.list("list"),
           .flag = options.flag("flag", true),
           .number = options.number("number", 5, 1, 10),
           .size = options.size("size", 4096, 1024, 1 << 20),
           .duration = options.duration("duration", std::chrono::seconds(1), {}, std::chrono::hours(1)),
           .choice = options.choice("choice", kChoices, 0)};
  if (options.has("text") && taken.text.empty()) options.reject("text", "must not be empty");
  return std::make_unique<Nowhere>();
}

TEST(SinkOptionsTest, WhatIsNotSetIsAsTheSinkWantsIt) {
  ASSERT_TRUE(SinkSite().make(&make_nowhere, {}));
  EXPECT_EQ(taken.text, "nothing");
  EXPECT_TRUE(taken.list.empty());
  EXPECT_TRUE(taken.flag);
  EXPECT_EQ(taken.number, 5U);
  EXPECT_EQ(taken.size, 4096U);
  EXPECT_EQ(taken.duration, std::chrono::seconds(1));
  EXPECT_EQ(taken.choice, 0U);
}

TEST(SinkOptionsTest, WhatIsSetIsTaken) {
  ASSERT_TRUE(SinkSite().make(&make_nowhere, {{"text", "x"},
                                              {"list", "one"},
                                              {"flag", "false"},
                                              {"number", "10"},
                                              {"size", "64KiB"},
                                              {"duration", "1500ms"},
                                              {"choice", "json"}}));
  EXPECT_EQ(taken.text, "x");
  EXPECT_THAT(taken.list, testing::ElementsAre("one"));
  EXPECT_FALSE(taken.flag);
  EXPECT_EQ(taken.number, 10U);
  EXPECT_EQ(taken.size, 65536U);
  EXPECT_EQ(taken.duration, std::chrono::milliseconds(1500));
  EXPECT_EQ(taken.choice, 1U);
}

TEST(SinkOptionsTest, WhatIsWrongIsToldWithItsPlace) {
  const std::vector<std::pair<std::string, std::string>> wrong = {{"flag", "yes"},      {"number", "11"},
                                                                  {"number", "1x"},     {"size", "2MiB"},
                                                                  {"duration", "soon"}, {"choice", "xml"}};
  for (const auto& [name, value] : wrong) {
    const auto sink = SinkSite().make(&make_nowhere, {{name, value}});
    ASSERT_FALSE(sink) << name;
    EXPECT_EQ(sink.error().kind, ErrorKind::Config);
    EXPECT_THAT(sink.error().message(), HasSubstr("here:2:1"));
    EXPECT_THAT(sink.error().message(),
                HasSubstr(fmt::format("{} of the sink 'test' is \"{}\", but must be", name, value)));
  }
}

TEST(SinkOptionsTest, TheSinksOwnRulesAreToldAlike) {
  const auto sink = SinkSite().make(&make_nowhere, {{"text", ""}});
  ASSERT_FALSE(sink);
  EXPECT_THAT(sink.error().message(), HasSubstr("text of the sink 'test' is \"\", but must not be empty"));
}

TEST(SinkOptionsTest, AKeyThatNobodyAskedForIsUnknown) {
  const auto sink = SinkSite().make(&make_nowhere, {{"nmber", "1"}});
  ASSERT_FALSE(sink);
  EXPECT_THAT(sink.error().message(), HasSubstr("no key 'nmber'. Did you mean 'number'?"));
  const auto other = SinkSite().make(&make_nowhere, {{"colour", "red"}});
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message(), HasSubstr("no key 'colour'. It has: text, list, flag, number"));
}

}  // namespace
}  // namespace slurper
