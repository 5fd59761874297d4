#include "sink/options.h"

#include <gmock/gmock.h>

#include "sink/sink_site.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

using testing::HasSubstr;

class Nowhere : public Sink {
  Result<std::optional<Reached>> open(const SinkContext&) override { return std::nullopt; }
  Status deliver(std::span<const Record>) override { return {}; }
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

constexpr std::array<std::string_view, 2> kChoices = {"raw", "json"};
constexpr std::array kSettings = {
    Setting{.name = "text", .help = "any", .initial = "nothing"},
    Setting{.name = "list", .type = Setting::Type::List, .help = "any"},
    Setting{.name = "flag", .type = Setting::Type::Flag, .help = "yes or no", .initial = "true"},
    Setting{.name = "number",
            .type = Setting::Type::Number,
            .help = "a few",
            .initial = "5",
            .min = 1,
            .max = 10},
    Setting{.name = "size",
            .type = Setting::Type::Size,
            .help = "some KiB",
            .initial = "4KiB",
            .min = 1024,
            .max = 1 << 20},
    Setting{.name = "duration",
            .type = Setting::Type::Duration,
            .help = "some time",
            .initial = "1s",
            .max = in_milliseconds(std::chrono::hours(1))},
    Setting{.name = "choice",
            .type = Setting::Type::Choice,
            .help = "one of two",
            .initial = "raw",
            .choices = kChoices},
    Setting{.name = "key_password", .type = Setting::Type::Secret, .help = "where it is"},
};

std::unique_ptr<Sink> make_nowhere(SinkOptions& options) {
  taken = {.text = options.text("text"),
           .list = options.list("list"),
           .flag = options.flag("flag"),
           .number = options.number("number"),
           .size = options.number("size"),
           .duration = options.duration("duration"),
           .choice = options.choice("choice")};
  if (options.has("text") && taken.text.empty()) options.reject("text", own_words("must not be empty"));
  return std::make_unique<Nowhere>();
}

constexpr SinkType kNowhere = {
    .name = "nowhere", .help = "nowhere", .make = &make_nowhere, .settings = kSettings};

TEST(SinkOptionsTest, WhatIsNotSetHasItsDefault) {
  ASSERT_TRUE(SinkSite().make(kNowhere, {}));
  EXPECT_EQ(taken.text, "nothing");
  EXPECT_TRUE(taken.list.empty());
  EXPECT_TRUE(taken.flag);
  EXPECT_EQ(taken.number, 5U);
  EXPECT_EQ(taken.size, 4096U);
  EXPECT_EQ(taken.duration, std::chrono::seconds(1));
  EXPECT_EQ(taken.choice, 0U);
}

TEST(SinkOptionsTest, WhatIsSetIsTaken) {
  ASSERT_TRUE(SinkSite().make(kNowhere, {{"text", "x"},
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
    const auto sink = SinkSite().make(kNowhere, {{name, value}});
    ASSERT_FALSE(sink) << name;
    EXPECT_EQ(sink.error().kind, ErrorKind::Config);
    EXPECT_THAT(text_of(sink.error()), HasSubstr("here:2:1"));
    EXPECT_THAT(text_of(sink.error()),
                HasSubstr(fmt::format("{} of the sink 'test' is \"{}\", but must be", name, value)));
  }
}

TEST(SinkOptionsTest, AValueThatMayBeASecretIsNotShown) {
  for (const std::string value : {"hunter2", "key.pass", "./hunter2", "credential:", "credential:a/b", "/"}) {
    const auto sink = SinkSite().make(kNowhere, {{"key_password", value}});
    ASSERT_FALSE(sink) << value;
    EXPECT_EQ(
        text_of(sink.error()),
        "cannot accept 'here:2:1': key_password of the sink 'test' (not shown here) must be the absolute "
        "path of a file that contains the secret, or \"credential:NAME\"");
  }
  for (const std::string value : {"", "/etc/slurper/key.pass", "credential:key-1.pass"})
    EXPECT_TRUE(SinkSite().make(kNowhere, {{"key_password", value}})) << value;
}

TEST(SinkOptionsTest, TheSinksOwnRulesAreToldAlike) {
  const auto sink = SinkSite().make(kNowhere, {{"text", ""}});
  ASSERT_FALSE(sink);
  EXPECT_THAT(text_of(sink.error()), HasSubstr("text of the sink 'test' is \"\", but must not be empty"));
}

TEST(SinkOptionsTest, AKeyThatIsNotDeclaredIsUnknown) {
  const auto sink = SinkSite().make(kNowhere, {{"nmber", "1"}});
  ASSERT_FALSE(sink);
  EXPECT_THAT(text_of(sink.error()), HasSubstr("no key 'nmber'. Did you mean 'number'?"));
  const auto other = SinkSite().make(kNowhere, {{"colour", "red"}});
  ASSERT_FALSE(other);
  EXPECT_THAT(text_of(other.error()), HasSubstr("no key 'colour'. It has: text, list, flag, number"));
}

TEST(SinkOptionsTest, AListIsNoSingleValue) {
  SinkSettings settings{.name = "test", .type = "nowhere", .place = "here:1:1", .options = {}};
  settings.options.push_back({.name = "text", .values = {"a", "b"}, .is_list = true, .place = "here:2:1"});
  ConfiguredOptions options(settings, settings_of(kNowhere));
  (void)kNowhere.make(options);
  ASSERT_FALSE(options.check());
  EXPECT_EQ(text_of(options.check().error()),
            "cannot accept 'here:2:1': text of the sink 'test' is a list, but must be one string");
}

TEST(SinkOptionsTest, WhatTheSinkDoesNotAskForIsCheckedToo) {
  const SinkType type = {
      .name = "idle",
      .help = "nowhere",
      .make = [](SinkOptions&) -> std::unique_ptr<Sink> { return std::make_unique<Nowhere>(); },
      .settings = kSettings};
  EXPECT_THAT(text_of(SinkSite().make(type, {{"number", "11"}}).error()),
              HasSubstr("must be a number from 1 to 10"));
}

TEST(SinkOptionsTest, ASinkDeclaresWhatItAsksFor) {
  const SinkType type = {.name = "sly",
                         .help = "nowhere",
                         .make = [](SinkOptions& options) -> std::unique_ptr<Sink> {
                           (void)options.text("secret");
                           return std::make_unique<Nowhere>();
                         },
                         .settings = kSettings};
  const auto sink = SinkSite().make(type, {});
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().kind, ErrorKind::Internal);
  EXPECT_THAT(text_of(sink.error()), HasSubstr("does not declare the setting 'secret'"));
}

}  // namespace
}  // namespace slurper
