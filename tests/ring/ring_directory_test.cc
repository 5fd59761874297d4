#include "ring/ring_directory.h"
#include "support/text_of.h"

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
  EXPECT_THAT(test::text_of(directory.error()), StartsWith("cannot choose a folder for the ring: neither "));
  EXPECT_THAT(test::text_of(directory.error()), HasSubstr("Set ring.directory"));
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

// The link points elsewhere at the next start.
TEST(RingDirectory, IsFoundAgainWhereALinkHasLed) {
  std::string root = testing::TempDir() + "/ring_directory_test.XXXXXX";
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  for (const char* name : {"/a", "/b", "/run"}) std::filesystem::create_directory(root + name);
  std::filesystem::create_directory_symlink("a", root + "/link");
  const RuntimeDirectories runtime{.runtime_directory = root + "/run"};
  const Settings settings = settings_for(root + "/link/m");
  const auto in_a = ring_directories(settings, runtime).value();
  ASSERT_EQ(in_a.size(), 1U);
  std::filesystem::create_directory(in_a[0]);
  link_ring_directory(settings, in_a[0], runtime);
  EXPECT_EQ(ring_directories(settings, runtime).value(), in_a);

  std::filesystem::remove(root + "/link");
  std::filesystem::create_directory_symlink("b", root + "/link");
  const auto in_b = ring_directories(settings, runtime).value();
  ASSERT_EQ(in_b.size(), 2U);
  EXPECT_EQ(in_b[0], ring_directory(settings_for(root + "/b/m"), runtime).value());
  EXPECT_EQ(in_b[1], in_a[0]);
  link_ring_directory(settings, in_b[0], runtime);
  EXPECT_EQ(ring_directories(settings, runtime).value().size(), 1U);
  std::filesystem::remove_all(root);
}

TEST(RingDirectory, ARingOfAnEarlierVersionIsFound) {
  const RuntimeDirectories runtime{.runtime_directory = "/run/x"};
  const auto directories = ring_directories(settings_for("m"), runtime).value();
  ASSERT_EQ(directories.size(), 2U);
  EXPECT_TRUE(directories[0].ends_with("-m")) << "each working folder has its own";
  EXPECT_EQ(directories[1], "/run/x/m");
  EXPECT_EQ(ring_directories(settings_for("/no-such-folder/m"), runtime).value().size(), 1U);
}

}  // namespace
}  // namespace slurper
