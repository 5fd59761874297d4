#include "config/ring_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

namespace slurper {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

Settings settings_for(const std::string& log_path) {
  Settings settings;
  settings.log.path = log_path;
  return settings;
}

TEST(EscapePath, WritesWhatSystemdEscapeWrites) {
  EXPECT_EQ(escape_path("/var/log/messages"), "var-log-messages");
  EXPECT_EQ(escape_path("//var//log/"), "var-log");
  EXPECT_EQ(escape_path("/var/log/a-b c.log"), "var-log-a\\x2db\\x20c.log");
  EXPECT_EQ(escape_path("/.hidden/.x"), "\\x2ehidden-.x");
  EXPECT_EQ(escape_path("/€:_"), "\\xe2\\x82\\xac:_");
  EXPECT_EQ(escape_path("/"), "-");
}

TEST(EscapePath, CutsWhatIsNoFileNameAndKeepsItApart) {
  const std::string longest = "/" + std::string(255, 'a');
  EXPECT_EQ(escape_path(longest), std::string(255, 'a'));
  const std::string one = escape_path(longest + "1");
  const std::string two = escape_path(longest + "2");
  EXPECT_EQ(one.size(), 255U);
  EXPECT_EQ(two.size(), 255U);
  EXPECT_NE(one, two);
  // Another release must find the same ring.
  EXPECT_THAT(one, EndsWith("-4be99ab2b54968ee"));
}

TEST(RingDirectory, IsTheSettingWhereThereIsOne) {
  Settings settings = settings_for("/no-such-folder/m");
  settings.ring.directory = "/dev/shm/mine";
  EXPECT_EQ(ring_directory(settings, {.runtime_directory = "/run/x", .euid = 0}).value(), "/dev/shm/mine");
}

TEST(RingDirectory, LiesBelowTheFirstRuntimeDirectoryThereIs) {
  const Settings settings = settings_for("/no-such-folder/m");
  const auto with = [&](std::string runtime, std::string xdg, uid_t euid) {
    return ring_directory(settings, {std::move(runtime), std::move(xdg), euid}).value();
  };
  EXPECT_EQ(with("/run/a:/run/b", "/run/user/7", 0), "/run/a/no\\x2dsuch\\x2dfolder-m");
  EXPECT_EQ(with("", "/run/user/7", 0), "/run/slurper/no\\x2dsuch\\x2dfolder-m");
  EXPECT_EQ(with("relative", "/run/user/7", 7), "/run/user/7/slurper/no\\x2dsuch\\x2dfolder-m");
}

TEST(RingDirectory, AsksForASettingWhereThereIsNone) {
  const auto directory = ring_directory(settings_for("/no-such-folder/m"), {.euid = 7});
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().kind, ErrorKind::Config);
  EXPECT_THAT(directory.error().message(), StartsWith("cannot choose a folder for the ring: neither "));
  EXPECT_THAT(directory.error().message(), HasSubstr("Set ring.directory"));
}

TEST(RingDirectory, IsOneForAllNamesOfALog) {
  std::string root = testing::TempDir() + "/ring_directory_test.XXXXXX";
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  std::filesystem::create_directory(root + "/real");
  std::filesystem::create_directory_symlink("real", root + "/link");
  const RuntimeDirectories runtime{.runtime_directory = "/run/x"};
  EXPECT_EQ(ring_directory(settings_for(root + "/real/m"), runtime).value(),
            ring_directory(settings_for(root + "/link/m"), runtime).value());
  EXPECT_NE(ring_directory(settings_for(root + "/real/m"), runtime).value(),
            ring_directory(settings_for(root + "/real/n"), runtime).value());
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace slurper
