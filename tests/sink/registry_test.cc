#include "sink/registry.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <set>

#include "base/setting_value.h"
#include "support/temp_dir.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

using testing::HasSubstr;

SinkSettings sink(const std::string& type, const std::string& name, const std::string& path) {
  SinkSettings settings{.name = name, .type = type, .place = type + ':', .options = {}};
  if (!path.empty()) {
    settings.place += path + "?name=" + name;
    settings.options = {{.name = "path", .values = {path}, .is_list = false, .place = settings.place}};
  }
  return settings;
}

std::string told(std::vector<SinkSettings> sinks) {
  Settings settings;
  settings.fifo.path = "/run/f";
  settings.log.path = "/var/log/m";
  settings.ring.directory = "/ring";
  settings.metrics.textfile = "/m.prom";
  settings.sinks = std::move(sinks);
  const Status good = check_written_files(settings);
  return good ? "no error" : text_of(good.error());
}

// By links of folders, too, and the file that it is written as.
TEST(WrittenFiles, TheTextfileIsNoneOfThem) {
  const test::TempDir folder;
  std::filesystem::create_directory_symlink(folder.path(), folder / "link");
  Settings settings;
  settings.fifo.path = folder / "f";
  settings.log.path = folder / "m";
  const auto told = [&](const std::string& name, std::vector<SinkSettings> sinks = {}) {
    settings.metrics.textfile = folder / name;
    settings.sinks = std::move(sinks);
    const Status good = check_written_files(settings);
    return good ? "no error" : text_of(good.error());
  };
  EXPECT_EQ(told("link/x.prom"), "no error");
  settings.log.path = folder / "x.prom.tmp";
  EXPECT_EQ(told("link/x.prom"), "cannot write the metrics to '" + (folder / "link/x.prom") + "': '" +
                                     settings.log.path +
                                     "' is the log itself. Name a file that nothing else writes to");
  settings.log.path = folder / "m";
  settings.fifo.path = folder / "x.prom";
  EXPECT_THAT(told("link/x.prom"), HasSubstr("x.prom' is the FIFO"));
  settings.fifo.path = folder / "f";
  EXPECT_THAT(told("link/x.prom", {sink("file", "s", folder / "x.prom")}),
              HasSubstr("x.prom' is what the sink 's' writes to"));
  settings.control.path = folder / "x.prom";
  EXPECT_THAT(told("link/x.prom"), HasSubstr("x.prom' is one of slurper's own files"));
}

TEST(WrittenFiles, HaveOneWriter) {
  EXPECT_EQ(told({sink("file", "x", "/var/log/m")}),
            "cannot accept 'file:/var/log/m?name=x': '/var/log/m' is the log itself. Name a file that "
            "nothing else writes to");
  EXPECT_THAT(told({sink("file", "y", "/var//log/../log/m")}), HasSubstr("'/var/log/m' is the log itself"));
  EXPECT_THAT(told({sink("file", "x", "/run/f")}), HasSubstr("'/run/f' is the FIFO"));
  EXPECT_THAT(told({sink("file", "x", "/m.prom")}), HasSubstr("'/m.prom' is the text file of the metrics"));
  EXPECT_THAT(told({sink("file", "one", "/a"), sink("file", "two", "/a")}),
              HasSubstr("accept 'file:/a?name=two': '/a' is what the sink 'one' writes to"));
  for (const std::string own : {"/var/log/.m.index", "/var/log/.m.cursor-x", "/var/log/m.rejected-x",
                                "/var/log/m.00000000000000004096", "/ring/x.ring"}) {
    EXPECT_THAT(told({sink("file", "x", own)}), HasSubstr("'" + own + "' is one of slurper's own files"));
  }
  EXPECT_THAT(told({sink("file", "x", "/x/.y.lock"), sink("file", "y", "/x/y")}),
              HasSubstr("'/x/y' is one of slurper's own files"));
  EXPECT_EQ(told({sink("file", "x", "/var/log/m.errors"), sink("file", "y", "/log/.m.index")}), "no error");
  EXPECT_EQ(told({sink("file", "a", "/a"), sink("file", "b", "/b"), sink("exec", "a", "/a"),
                  sink("file", "none", ""), sink("made-up", "m", "/var/log/m")}),
            "no error");
}

TEST(WrittenFiles, WithFieldsHaveAFolderOfTheirOwn) {
  EXPECT_EQ(
      told({sink("file", "x", "/var/log/{host}.log")}),
      "cannot accept 'file:/var/log/{host}.log?name=x': '/var/log', the folder before the first field, is "
      "for the files of this sink alone, but '/var/log/m' is in it. Name a folder of its own");
  for (const std::string path :
       {"/{host}.log", "/run/{host}/x.log", "/var/x{host}/{program}.log", "/ring/{host}.log"})
    EXPECT_THAT(told({sink("file", "x", path)}), HasSubstr("is for the files of this sink alone")) << path;
  const SinkSettings hosts = sink("file", "hosts", "/var/log/hosts/{host}.log");
  EXPECT_EQ(told({hosts, sink("file", "x", "/var/log/x"), sink("file", "y", "/srv/{program}.log")}),
            "no error");
  for (const std::string path : {"/var/log/hosts/x", "/var/log/hosts/x/{host}.log",
                                 "/var/log/hosts/{program}.log", "/var/log/hosts/x/y/z"}) {
    EXPECT_THAT(told({hosts, sink("file", "x", path)}), HasSubstr("'/var/log/hosts', the folder")) << path;
    EXPECT_THAT(told({sink("file", "x", path), hosts}), HasSubstr("'/var/log/hosts', the folder")) << path;
  }
  EXPECT_THAT(told({hosts, sink("file", "x", "/var/log/hosts/{host}.log")}),
              HasSubstr("is what the sink 'hosts' writes to"));
  EXPECT_THAT(told({sink("file", "x", "/a/{{b}}"), sink("file", "y", "/a/{{b}}")}),
              HasSubstr("'/a/{b}' is what the sink 'x' writes to"));
}

TEST(Reloads, TakeWhatNeedsNoPlugIn) {
  SinkSettings own = sink("own", "p", "");
  own.options = {{.name = "plugin", .values = {"/missing.so"}, .is_list = false, .place = "here"}};
  const auto prepared = prepare_reload(std::vector{sink("file", "f", "/var//log/f"), own});
  ASSERT_TRUE(prepared) << text_of(prepared.error());
  ASSERT_EQ(prepared->size(), 2U);
  EXPECT_EQ(prepared->front().settings, sink("file", "f", "/var//log/f"));
  EXPECT_THAT(prepared->front().files, testing::ElementsAre("/var/log/f"));
  EXPECT_EQ(prepared->back().prepared.name, "p");
  EXPECT_THAT(prepared->back().files, testing::IsEmpty());
}

TEST(Reloads, RefuseATypeThatDoesNotExistAndWhatABuiltInOneRejects) {
  const auto unknown = prepare_reload(std::vector{sink("file", "f", "/f"), sink("made-up", "m", "")});
  ASSERT_FALSE(unknown);
  EXPECT_THAT(text_of(unknown.error()), HasSubstr("there is no sink of the type 'made-up'"));
  const auto wrong = prepare_reload(std::vector{sink("file", "f", "")});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::Config);
}

class DeclaredSettings : public testing::TestWithParam<SinkType> {};

TEST_P(DeclaredSettings, AreWhole) {
  std::set<std::string_view> names = {"name", "type"};  // every table has them
  for (const Setting& setting : settings_of(GetParam())) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name << " is declared twice";
    EXPECT_FALSE(setting.help.empty()) << setting.name;
    EXPECT_FALSE(setting.required && !setting.initial.empty()) << setting.name;
    if (setting.initial.empty()) continue;
    const Value initial = {.kind = Value::Kind::Word, .text = std::string(setting.initial)};
    EXPECT_TRUE(read_value(setting, initial)) << setting.name << " must be " << allowed(setting);
  }
}

INSTANTIATE_TEST_SUITE_P(All, DeclaredSettings, testing::ValuesIn(built_in_sinks()),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace slurper
