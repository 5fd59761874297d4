// A file is written like the log: if both have a setting, the log's rule applies to the file.
#include <gmock/gmock.h>

#include "base/setting_value.h"
#include "base/settings_keys.h"
#include "sink/file/file_sink.h"
#include "sink/sink_site.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

using testing::HasSubstr;

std::string complaint(const SinkSite::Pairs& settings) {
  SinkSite::Pairs all = {{"path", "/var/log/x"}};
  for (const auto& [name, value] : settings) {
    if (name == "path") all.clear();
  }
  all.insert(all.end(), settings.begin(), settings.end());
  const auto sink = SinkSite().make(file_sink(), all);
  return sink ? "no error" : text_of(sink.error());
}

TEST(FileSinkSettings, WhatTheLogRefusesTheFileRefuses) {
  for (const auto& [name, value] : SinkSite::Pairs{{"rotate_size", "1KiB"},
                                                   {"keep_size", "4095"},
                                                   {"rotate_every", "999ms"},
                                                   {"keep_files", "1000001"},
                                                   {"sync", "9ms"},
                                                   {"mode", "0648"},
                                                   {"group", "no such group"},
                                                   {"compress", "gzip"},
                                                   {"path", "/" + std::string(227, 'n')},
                                                   {"path", "/var/log/"},
                                                   {"path", ""}}) {
    const Key* const key = find_key("log", name);
    ASSERT_NE(key, nullptr) << name;
    EXPECT_THAT(complaint({{name, value}}),
                HasSubstr(name + " of the sink 'test' is \"" + value.substr(0, 60)))
        << name;
    EXPECT_THAT(complaint({{name, value}}), HasSubstr("but must be " + allowed(key->setting))) << name;
  }
}

TEST(FileSinkSettings, WhatTheLogTakesTheFileTakes) {
  for (const auto& [name, value] : SinkSite::Pairs{{"rotate_size", "0"},
                                                   {"rotate_size", "4KiB"},
                                                   {"keep_size", "1GB"},
                                                   {"rotate_every", "52w"},
                                                   {"keep_files", "1000000"},
                                                   {"sync", "always"},
                                                   {"sync", "1h"},
                                                   {"mode", "0o640"},
                                                   {"group", "0"},
                                                   {"compress", "zstd"},
                                                   {"path", "relative"}})
    EXPECT_EQ(complaint({{name, value}}), "no error") << name;
}

TEST(FileSinkSettings, APathIsNeeded) {
  const auto without = SinkSite().make(file_sink(), {});
  ASSERT_FALSE(without);
  EXPECT_THAT(text_of(without.error()), HasSubstr("the sink 'test' needs 'path', which must be the path of"));
  EXPECT_THAT(complaint({{"path", "-"}}), HasSubstr("A '-' stands for no stream here"));
}

TEST(FileSinkSettings, MaxDestinationsIsForPathsWithFields) {
  const auto doubts = [](const std::string& path) {
    SinkSettings settings{.name = "test", .type = "file", .place = "here", .options = {}};
    for (const auto& [name, value] : SinkSite::Pairs{{"path", path}, {"max_destinations", "7"}})
      settings.options.push_back({.name = name, .values = {value}, .is_list = false, .place = "here:2:1"});
    ConfiguredOptions options(settings, settings_of(file_sink()));
    (void)file_sink().make(options);
    EXPECT_TRUE(options.check());
    std::string text;
    for (const Phrase& warning : options.warnings()) text += text_of(warning);
    return text;
  };
  EXPECT_EQ(doubts("/x/{host}.log"), "");
  EXPECT_EQ(doubts("/x/y.log"),
            "'here:2:1': max_destinations of the sink 'test' has no effect: no field stands in the path");
}

TEST(FileSinkSettings, AFullDiskIsTheLogsAffair) {
  EXPECT_THAT(complaint({{"when_disk_full", "wait"}}), HasSubstr("has no key 'when_disk_full'"));
}

}  // namespace
}  // namespace slurper
