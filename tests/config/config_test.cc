#include "config/config.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/setting_value.h"
#include "base/settings_keys.h"
#include "support/files.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;
using test::texts_of;

using std::chrono::milliseconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr const char* kRequired = "[fifo]\npath = \"/run/f\"\n[log]\npath = \"/var/log/m\"\n";

Result<Settings> parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_settings({{{.name = "x.toml", .text = text}}}, overrides);
}

// The required keys from the command line, so that `text` is all there is of the file.
Result<Settings> parse_only(const std::string& text, std::vector<std::string> overrides = {}) {
  overrides.insert(overrides.begin(), {"fifo.path=/run/f", "log.path=/var/log/m"});
  return parse(text, overrides);
}

std::string message_of(const Result<Settings>& result) {
  return result ? "no error" : text_of(result.error());
}

// What parse_only says about `text`; Config is the only kind it may be.
std::string complaint(const std::string& text) {
  const auto result = parse_only(text);
  if (result.has_value()) return "no error";
  EXPECT_EQ(result.error().kind, ErrorKind::Config);
  return message_of(result);
}

std::string complaint_about_override(const std::string& override_text) {
  const auto result = parse_only("", {override_text});
  return message_of(result);
}

TEST(ParseSettings, TakesDefaultsForWhatIsNotThere) {
  const auto settings = parse(kRequired);
  ASSERT_TRUE(settings) << message_of(settings);
  Settings expected;
  expected.fifo.path = "/run/f";
  expected.log.path = "/var/log/m";
  EXPECT_EQ(*settings, expected);
}

TEST(ParseSettings, ReadsEveryKey) {
  const auto settings = parse(R"(
[fifo]
path = "/run/a"
create = false
mode = "0620"
owner = "root"
group = "root"
pipe_size = "256KiB"
[ring]
directory = "/dev/shm/ring/"
size = "8MiB"
when_full = "drop"
[log]
path = "/var/log/b"
mode = 0o600
group = 0
sync = "250ms"
rotate_size = 1048576
rotate_every = "12h"
keep_files = 7
keep_size = "1GB"
when_disk_full = "remove-oldest"
compress = "zstd"
)");
  ASSERT_TRUE(settings) << message_of(settings);
  Settings expected;
  expected.fifo = {.path = "/run/a",
                   .create = false,
                   .mode = 0620,
                   .owner = "root",
                   .group = "root",
                   .pipe_size = ByteSize{256 << 10}};
  expected.ring = {.directory = "/dev/shm/ring", .size = ByteSize{8 << 20}, .when_full = WhenFull::Drop};
  expected.log = {.path = "/var/log/b",
                  .mode = 0600,
                  .group = "0",
                  .sync = {SyncMode::Periodic, milliseconds(250)},
                  .rotate_size = ByteSize{1 << 20},
                  .rotate_every = std::chrono::hours(12),
                  .keep_files = 7,
                  .keep_size = ByteSize{1'000'000'000},
                  .when_disk_full = WhenDiskFull::RemoveOldest,
                  .compress = Compression::Zstd};
  EXPECT_EQ(*settings, expected);
}

TEST(ParseSettings, ReadsEveryKeyAsABareWordFromTheCommandLine) {
  const auto settings = parse_only(
      "", {"fifo.create=false", "fifo.mode=620", "fifo.owner=0", "fifo.group=root", "fifo.pipe_size=65536",
           "ring.directory=/dev/shm", "ring.size=100MB", "ring.when_full=block", "log.mode=0o640",
           "log.group=", "log.sync=always", "log.rotate_size=1.5MiB", "log.rotate_every=0",
           "log.keep_files=3", "log.keep_size='10 MiB'", "log.when_disk_full=wait", "log.compress=\"zstd\""});
  ASSERT_TRUE(settings) << message_of(settings);
  EXPECT_FALSE(settings->fifo.create);
  EXPECT_EQ(settings->fifo.mode, mode_t{0620});
  EXPECT_EQ(settings->fifo.owner, "0");
  EXPECT_EQ(settings->fifo.pipe_size, ByteSize{65536});
  EXPECT_EQ(settings->ring.directory, "/dev/shm");
  EXPECT_EQ(settings->ring.size, ByteSize{100'003'840}) << "rounded up to whole pages";
  EXPECT_EQ(settings->log.mode, mode_t{0640});
  EXPECT_EQ(settings->log.sync.mode, SyncMode::Always);
  EXPECT_EQ(settings->log.rotate_size, ByteSize{1536 << 10});
  EXPECT_EQ(settings->log.keep_files, 3U);
  EXPECT_EQ(settings->log.keep_size, ByteSize{10 << 20});
  EXPECT_EQ(settings->log.compress, Compression::Zstd);
}

TEST(ParseSettings, TheCommandLineWinsAndItsLastWord) {
  const auto settings = parse(kRequired, {"fifo.path=/run/1", "log.sync=none", "fifo.path=/run/2"});
  ASSERT_TRUE(settings) << message_of(settings);
  EXPECT_EQ(settings->fifo.path, "/run/2");
  EXPECT_EQ(settings->log.sync.mode, SyncMode::None);
}

TEST(ParseSettings, MakesPathsAbsoluteAndNormal) {
  const auto settings = parse_only("", {"fifo.path=a/./b/../c", "log.path=//var//log/../m"});
  ASSERT_TRUE(settings) << message_of(settings);
  EXPECT_EQ(settings->fifo.path, (std::filesystem::current_path() / "a/c").string());
  EXPECT_EQ(settings->log.path, "/var/m");
}

TEST(ParseSettings, TellsWhatIsMissing) {
  EXPECT_EQ(message_of(parse("[fifo]\npath = \"/run/f\"\n")),
            "cannot use the configuration 'x.toml': log.path is not set. "
            "Set it there, or name it with --log PATH");
  EXPECT_EQ(message_of(load_settings(std::nullopt, {})),
            "cannot start without a file: fifo.path is not set. "
            "Name it with --fifo PATH, or name a configuration with -c FILE");
}

TEST(ParseSettings, RefusesOneFileForBoth) {
  const auto settings = parse("[fifo]\npath = \"/a/b\"\n", {"log.path=/a/x/../b"});
  EXPECT_EQ(
      message_of(settings),
      "cannot use the configuration 'x.toml': fifo.path (set by 'x.toml:2:8') and log.path (set by '--set "
      "log.path=/a/x/../b') are both '/a/b'. Name a file of its own for the log");
}

TEST(ParseSettings, NamesTheNearestKeyOfAnUnknownOne) {
  EXPECT_EQ(complaint("[log]\n  rotate_sise = 1\n"),
            "cannot accept 'x.toml:2:3': the table [log] has no key \"rotate_sise\". "
            "Did you mean 'log.rotate_size'?");
  EXPECT_EQ(complaint("[fifo]\nsync = \"1s\"\n"),
            "cannot accept 'x.toml:2:1': the table [fifo] has no key \"sync\". Did you mean 'log.sync'?");
  EXPECT_THAT(complaint("[ring]\ncolour = 1\n"),
              EndsWith("The keys of [ring] are directory, size, when_full"));
  EXPECT_EQ(complaint("when_ful = \"drop\"\n"),
            "cannot accept 'x.toml:1:1': the key \"when_ful\" stands in no table. "
            "Did you mean 'ring.when_full'?");
  EXPECT_EQ(complaint_about_override("log.compres=zstd"),
            "cannot accept '--set log.compres=zstd': there is no key \"log.compres\". "
            "Did you mean 'log.compress'?");
  EXPECT_THAT(complaint_about_override("sync=1s"), EndsWith("Did you mean 'log.sync'?"));
  EXPECT_THAT(complaint_about_override("nonsense.whatever=1"),
              EndsWith("The tables are [fifo], [ring], [log], [control], [metrics], [[sink]]"));
}

TEST(ParseSettings, NamesTheNearestTableOfAnUnknownOne) {
  EXPECT_EQ(complaint("[fifi]\n"),
            "cannot accept 'x.toml:1:2': there is no table [fifi]. Did you mean [fifo]?");
  EXPECT_THAT(complaint("\n[[gauges]]\nname = \"x\"\n"),
              AllOf(HasSubstr("'x.toml:2:3': there is no table [gauges]"),
                    EndsWith("The tables are [fifo], [ring], [log], [control], [metrics], [[sink]]")));
  EXPECT_THAT(complaint("[gauges]\n"), HasSubstr("there is no table [gauges]"));
}

TEST(ParseSettings, ReportsTheFirstErrorOfTheFile) {
  EXPECT_THAT(complaint("[ring]\nzzz = 1\naaa = 2\n[fifo]\nbad = 1\n"), HasSubstr("x.toml:2:1"));
}

TEST(ParseSettings, WantsTables) {
  EXPECT_EQ(complaint("fifo = \"/run/f\"\n"),
            "cannot accept 'x.toml:1:1': fifo is \"/run/f\", but must be a table. "
            "Write [fifo] on a line of its own, and its keys below");
  EXPECT_THAT(complaint("[[log]]\nsync = \"1s\"\n"), HasSubstr("log is an array, but must be a table"));
}

TEST(ParseSettings, SaysWhatStandsThereAndWhatMay) {
  EXPECT_EQ(complaint("[log]\nsync = \"sometimes\"\n"),
            "cannot accept 'x.toml:2:8': log.sync is \"sometimes\", but must be \"none\", \"always\", or a "
            "period from 10ms to 1h, such as \"1s\"");
  EXPECT_EQ(complaint_about_override("log.sync=2h"),
            "cannot accept '--set log.sync=2h': log.sync is \"2h\", but must be \"none\", \"always\", or a "
            "period from 10ms to 1h, such as \"1s\"");
}

struct BadValue {
  const char* key;
  const char* value;
  const char* found;
};

class RefusesValue : public testing::TestWithParam<BadValue> {};

TEST_P(RefusesValue, WithItsPlaceAndWhatItIs) {
  const auto [key, value, found] = GetParam();
  const std::string full_name = key;
  const std::size_t dot = full_name.find('.');
  const std::string name = full_name.substr(dot + 1);
  const std::string message = complaint("[" + full_name.substr(0, dot) + "]\n" + name + " = " + value + "\n");
  EXPECT_THAT(message, StartsWith("cannot accept 'x.toml:2:" + std::to_string(name.size() + 4) +
                                  "': " + full_name + " is " + found + ", but must be "));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusesValue,
    testing::Values(
        BadValue{"fifo.path", "1", "1"}, BadValue{"fifo.path", "\"\"", "\"\""},
        BadValue{"fifo.path", "\"/\"", "\"/\""}, BadValue{"fifo.path", "\"/run/x/\"", "\"/run/x/\""},
        BadValue{"fifo.path", R"("/a\u0000b")", R"("/a\x00b")"}, BadValue{"fifo.path", "['/a']", "an array"},
        BadValue{"fifo.create", "\"true\"", "\"true\""}, BadValue{"fifo.create", "1", "1"},
        BadValue{"fifo.mode", "640", "640"}, BadValue{"fifo.mode", "\"0648\"", "\"0648\""},
        BadValue{"fifo.mode", "\"-1\"", "\"-1\""}, BadValue{"fifo.mode", "\"\"", "\"\""},
        BadValue{"fifo.mode", "\"rw-\"", "\"rw-\""}, BadValue{"fifo.mode", "0o10000", "0o10000"},
        BadValue{"fifo.owner", "\"no such user\"", "\"no such user\""}, BadValue{"fifo.owner", "-1", "-1"},
        BadValue{"fifo.group", "4294967295", "4294967295"}, BadValue{"fifo.group", "true", "true"},
        BadValue{"fifo.pipe_size", "\"4095\"", "\"4095\""},
        BadValue{"fifo.pipe_size", "\"2GiB\"", "\"2GiB\""}, BadValue{"fifo.pipe_size", "-4096", "-4096"},
        BadValue{"fifo.pipe_size", "\"1M\"", "\"1M\""}, BadValue{"ring.directory", "{}", "a table"},
        BadValue{"ring.size", "\"1MiB\"", "\"1MiB\""}, BadValue{"ring.size", "\"65GiB\"", "\"65GiB\""},
        BadValue{"ring.size", "64.5", "a number with a fraction"},
        BadValue{"ring.when_full", "\"Block\"", "\"Block\""}, BadValue{"log.path", "false", "false"},
        BadValue{"log.sync", "\"9ms\"", "\"9ms\""}, BadValue{"log.sync", "1", "1"},
        BadValue{"log.rotate_size", "\"1KiB\"", "\"1KiB\""},
        BadValue{"log.rotate_every", "\"0.4ms\"", "\"0.4ms\""}, BadValue{"log.rotate_every", "60", "60"},
        BadValue{"log.rotate_every", "2020-01-01", "a date or a time"},
        BadValue{"log.keep_files", "\"3\"", "\"3\""}, BadValue{"log.keep_files", "-1", "-1"},
        BadValue{"log.keep_files", "1000001", "1000001"}, BadValue{"log.keep_size", "\"x\"", "\"x\""},
        BadValue{"log.compress", "\"gzip\"", "\"gzip\""}));

TEST(ParseSettings, LimitsTheLogsNameSoThatItsSegmentsCanBeNamed) {
  const std::string name(226, 'n');
  EXPECT_TRUE(parse_only("", {"log.path=/" + name}));
  EXPECT_THAT(complaint_about_override("log.path=/" + name + "n"), HasSubstr("a name of at most 226 bytes"));
}

TEST(ParseSettings, PointsAtBrokenToml) {
  EXPECT_THAT(complaint("[fifo\npath = 1\n"), StartsWith("cannot accept 'x.toml:1:6': "));
  EXPECT_THAT(complaint("[log]\nsync = \"1s\"\nsync = \"2s\"\n"),
              AllOf(StartsWith("cannot accept 'x.toml:3:"), HasSubstr("sync")));
  EXPECT_THAT(complaint("[log]\n[fifo]\n[log]\n"), StartsWith("cannot accept 'x.toml:3:"));
  EXPECT_THAT(complaint("[log]\npath = \"\xff\"\n"), StartsWith("cannot accept 'x.toml:2:"));
}

TEST(ParseSettings, KnowsWhatTomlPlusPlusDoesNot) {
  // Without our definitions, toml++ has undefined behaviour on each of these.
  EXPECT_THAT(complaint("[.log]\n"), StartsWith("cannot accept 'x.toml:1:"));
  EXPECT_THAT(complaint("ä = 1\n"), StartsWith("cannot accept 'x.toml:1:1': "));
  EXPECT_THAT(complaint("[log]\nsync = 19'ɤ'\n"), StartsWith("cannot accept 'x.toml:2:"));
  EXPECT_THAT(complaint("[log]\nsync = \"\"\"\\ä\"\"\"\n"), StartsWith("cannot accept 'x.toml:2:"));
  EXPECT_THAT(complaint("[log]\nsync\xc2\xa0= \"1s\"\n"), StartsWith("cannot accept 'x.toml:2:5'"));
  EXPECT_THAT(complaint_about_override("fifo.path=\"/a\" ä"), HasSubstr("is not a string as TOML writes it"));
  const auto settings = parse_only("# ä\n[fifo]\npath = '/run/ä'\n");
  EXPECT_TRUE(settings) << message_of(settings);
}

TEST(ParseSettings, MessagesAreOneLineOfPrintableText) {
  for (const std::string& message :
       {complaint("[log]\n\"a\\u001b[31m\\n\" = 1\n"), complaint("[log]\nsync = \"a\\u001b\\n\"\n"),
        complaint("\x01\x1b\n"), complaint_about_override("log.\x1b\n=1"),
        complaint("[\"" + std::string(1000, 'x') + "\"]\n")}) {
    EXPECT_THAT(message, StartsWith("cannot accept ")) << message;
    EXPECT_EQ(std::count_if(message.begin(), message.end(), [](unsigned char c) { return c < ' '; }), 0)
        << message;
    EXPECT_LT(message.size(), 400U) << message;
  }
}

TEST(ParseSettings, RefusesOddOverrides) {
  const auto without_value = parse_only("", {"log.sync"});
  ASSERT_FALSE(without_value);
  EXPECT_EQ(without_value.error().kind, ErrorKind::Usage);
  EXPECT_THAT(message_of(without_value), HasSubstr("'--set log.sync': it has no '='"));
  EXPECT_THAT(complaint_about_override("log.sync=\"1s"), HasSubstr("is not a string as TOML writes it"));
  EXPECT_THAT(complaint_about_override("log.sync=\"1s\"\nx=1"),
              HasSubstr("is not a string as TOML writes it"));
  EXPECT_THAT(complaint_about_override("=1"), HasSubstr("there is no key"));
  EXPECT_THAT(complaint_about_override("key_password=hunter2"),
              AllOf(HasSubstr("'--set key_password=(not shown)'"), testing::Not(HasSubstr("hunter2"))));
}

TEST(ParseSettings, SurvivesDepth) {
  const auto dots = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += ".a";
    return text;
  };
  EXPECT_THAT(complaint("a" + dots(999) + " = 1\n"),
              StartsWith("cannot accept 'x.toml:1:1': there is no table"));
  EXPECT_THAT(complaint("a" + dots(30'000) + " = 1\n"), HasSubstr("more than 1000 dots"));
  EXPECT_THAT(complaint("a" + dots(600) + " = [\n{b" + dots(600) + " = 1}]\n"),
              HasSubstr("more than 1000 dots"));
  EXPECT_THAT(complaint_about_override("fifo.path=\"\"\na" + dots(30'000) + " = 1"),
              HasSubstr("is not a string as TOML writes it"));
  EXPECT_THAT(complaint("a = " + std::string(60'000, '[')), StartsWith("cannot accept 'x.toml:1:"));
  const auto settings = parse_only("  # " + dots(30'000) + "\n");
  EXPECT_TRUE(settings) << message_of(settings);
}

class LoadSettings : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/config_test.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }

  std::string directory_;
};

TEST_F(LoadSettings, ReadsAFile) {
  std::ofstream(path("x.toml")) << kRequired;
  const auto settings = load_settings(path("x.toml"), {});
  ASSERT_TRUE(settings) << message_of(settings);
  EXPECT_EQ(settings->fifo.path, "/run/f");
}

TEST_F(LoadSettings, NamesTheFileInErrors) {
  std::ofstream(path("x.toml")) << "[log]\nsink = 1\n";
  EXPECT_THAT(message_of(load_settings(path("x.toml"), {})),
              StartsWith("cannot accept '" + path("x.toml") + ":2:1'"));
}

TEST_F(LoadSettings, TellsWhyAFileCannotBeRead) {
  const auto missing = load_settings(path("none"), {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::NoInput);
  EXPECT_EQ(message_of(missing), "cannot read the configuration '" + path("none") +
                                     "': No such file or directory. Name another file with -c FILE, or use "
                                     "--fifo PATH and --log PATH without a file");

  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  for (const std::string& other : {directory_, path("fifo")}) {
    const auto settings = load_settings(other, {});
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().kind, ErrorKind::NoInput);
    EXPECT_THAT(message_of(settings), HasSubstr("'" + other + "': it is a "));
  }

  std::ofstream(path("large")) << std::string((64 << 10) + 1, '#');
  EXPECT_THAT(message_of(load_settings(path("large"), {})), HasSubstr("it is larger than 64KiB"));
}

TEST_F(LoadSettings, TellsThatAFileMayNotBeRead) {
  std::ofstream(path("x.toml")) << kRequired;
  std::filesystem::permissions(path("x.toml"), std::filesystem::perms::none);
  const bool is_root = geteuid() == 0;  // root may read everything
  if (is_root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  const auto settings = load_settings(path("x.toml"), {});
  if (is_root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().kind, ErrorKind::NoPermission);
}

TEST_F(LoadSettings, TakesAnEmptyDevice) {
  const std::vector<std::string> overrides = {"fifo.path=/run/f", "log.path=/var/log/m"};
  EXPECT_TRUE(load_settings("/dev/null", overrides));
}

TEST(ParseSettings, TakesAnAddressOfNumbersForTheMetrics) {
  EXPECT_EQ(complaint("[metrics]\nlisten = \"0.0.0.0:9127\"\ntextfile = \"/run/x.prom\"\n"), "no error");
  EXPECT_EQ(
      complaint("[metrics]\nlisten = \"localhost:9127\"\n"),
      "cannot accept 'x.toml:2:10': metrics.listen is \"localhost:9127\", but must be an IP address and a "
      "port. Write \"127.0.0.1:9127\" or \"[::1]:9127\"");
}

TEST(ParseSettings, TakesAFileThatNodeExporterReadsForTheMetrics) {
  EXPECT_EQ(
      complaint("[metrics]\ntextfile = \"/run/x.txt\"\n"),
      "cannot accept 'x.toml:2:12': metrics.textfile is \"/run/x.txt\", and node_exporter reads only files "
      "whose names end in .prom");
  EXPECT_EQ(message_of(parse_only("[metrics]\ntextfile = \"/x.prom\"\n", {"log.path=/x.prom"})),
            "cannot accept 'x.toml:2:12': metrics.textfile is \"/x.prom\", which is log.path");
}

TEST(ToToml, IsReadBackToTheSame) {
  Settings settings;
  settings.fifo = {.path = "/run/\"odd\\ \n\x7f name €",
                   .create = false,
                   .mode = 07777,
                   .owner = "root",
                   .group = "12345",
                   .pipe_size = ByteSize{4097}};
  settings.ring = {.directory = "/dev/shm", .size = ByteSize{5 << 20}, .when_full = WhenFull::Drop};
  settings.log = {.path = "/var/log/m",
                  .mode = 0,
                  .group = "0",
                  .sync = {SyncMode::Always, milliseconds(1000)},
                  .rotate_size = ByteSize{123457},
                  .rotate_every = milliseconds(90'061'001),
                  .keep_files = 1'000'000,
                  .keep_size = ByteSize{4097},
                  .when_disk_full = WhenDiskFull::RemoveOldest,
                  .compress = Compression::Zstd};
  settings.control = {.path = "/run/c"};
  settings.metrics = {.listen = "[::1]:9127", .textfile = "/run/m.prom", .interval = milliseconds(1000)};
  for (const Comments comments : {Comments::None, Comments::All}) {
    const std::string text = to_toml(settings, comments);
    const auto again = parse(text);
    ASSERT_TRUE(again) << message_of(again) << '\n' << text;
    EXPECT_EQ(*again, settings) << text;
  }
}

TEST(ToToml, HasEveryKeyOnce) {
  const std::string text = '\n' + to_toml(Settings{});
  std::size_t lines = 0;
  for (const Key& key : keys()) {
    EXPECT_THAT(text, HasSubstr('\n' + std::string(key.setting.name) + " = "));
    EXPECT_EQ(find_key(key.table, key.setting.name), &key) << key.full_name() << " stands twice";
    ++lines;
  }
  EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '=')), lines);
}

TEST(Example, IsWhatTheTableOfKeysSays) {
  Settings settings;
  settings.fifo.path = "/run/slurper/fifo";
  settings.log.path = "/var/log/slurper/messages";
  const std::string text = test::read_file(SLURPER_SOURCE_DIR "/docs/slurper.toml");
  EXPECT_EQ(text, to_toml(settings, Comments::All)) << "docs/slurper.toml should be this text";
  const auto loaded = load_settings(SLURPER_SOURCE_DIR "/docs/slurper.toml", {});
  ASSERT_TRUE(loaded) << message_of(loaded);
  EXPECT_EQ(*loaded, settings);

  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
}

// A default is declared, for the documentation, and is the member's initial value, for code that makes
// settings without a configuration.
TEST(Keys, DeclareTheDefaultsThatTheSettingsHave) {
  for (const Key& key : keys()) {
    const SettingValue initial = default_value(key.setting);
    EXPECT_EQ(print_value(key.setting, initial), print_value(key.setting, key.value(Settings{})))
        << key.full_name();
    Settings settings;
    key.assign(initial, settings);
    EXPECT_EQ(settings, Settings{}) << key.full_name();
  }
}

TEST(Lint, AreAboutWhatWasProbablyNotMeant) {
  EXPECT_THAT(lint(Settings{}), IsEmpty());
  Settings settings;
  settings.log.when_disk_full = WhenDiskFull::RemoveOldest;
  EXPECT_THAT(texts_of(lint(settings)), ElementsAre(HasSubstr("only SIGUSR1")));
  settings.log.when_disk_full = WhenDiskFull::Wait;
  settings.log.keep_files = 3;
  EXPECT_THAT(texts_of(lint(settings)), ElementsAre(HasSubstr("only SIGUSR1")));
  settings.log.rotate_size = ByteSize{1 << 20};
  EXPECT_THAT(lint(settings), IsEmpty());
  settings.log.keep_size = ByteSize{1 << 14};
  EXPECT_THAT(texts_of(lint(settings)), ElementsAre(HasSubstr("log.keep_size is smaller")));
  settings.ring.when_full = WhenFull::Drop;
  EXPECT_THAT(texts_of(lint(settings)),
              ElementsAre(HasSubstr("log.keep_size"), HasSubstr("lines are dropped")));
}

}  // namespace
}  // namespace slurper
