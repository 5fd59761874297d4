// What a SIGHUP changes, and what it says of the rest.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/inotify.h>

#include <csignal>
#include <filesystem>

#include "base/fd.h"
#include "support/daemon.h"
#include "support/files.h"

namespace slurper::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Reload : public testing::Test {
 protected:
  void configure(const std::string& log_settings, const std::string& more = {}) {
    write_file(file_, fmt::format(
                          "[fifo]\npath = \"{}\"\n[ring]\ndirectory = \"{}\"\n[log]\npath = \"{}\"\n{}\n{}\n",
                          site_.fifo, site_.ram.path(), site_.disk / "messages", log_settings, more));
  }
  Child start() {
    Child slurper({.argv = {slurper_binary(), "run", "-c", file_}, .env = {}});
    EXPECT_TRUE(slurper.said("ready: ")) << slurper.err();
    return slurper;
  }
  static void stop(Child& slurper) {
    slurper.signal(SIGTERM);
    EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  }

  Site site_;
  const std::string file_ = site_.disk / "slurper.toml";
};

TEST_F(Reload, TheLogsLimitsChangeAtOnce) {
  configure("rotate_size = 0");
  Child slurper = start();
  configure("rotate_size = \"4KiB\"");
  slurper.signal(SIGHUP);
  ASSERT_TRUE(slurper.said("settings reloaded"));
  ASSERT_TRUE(site_.holder.write(std::string(5000, '.') + "\nthe next one\n"));
  EXPECT_TRUE(eventually([&] { return content_of(site_.disk / "messages") == "the next one\n"; }))
      << "it is not rotated";
  EXPECT_THAT(slurper.err(), Not(HasSubstr("after a restart")));
  stop(slurper);
}

// A supervisor, or logrotate, may send it as soon as there is a process.
TEST_F(Reload, ASighupWhileItStartsIsNoEnd) {
  configure("");
  const std::string folder = file_ + ".d";
  std::filesystem::create_directory(folder);
  for (int i = 0; i < 200; ++i)  // what takes some time to read
    write_file(fmt::format("{}/{}.toml", folder, i), "# " + std::string(20'000, '.') + '\n');
  const UniqueFd opens(::inotify_init1(IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(opens.get(), file_.c_str(), IN_OPEN), 0);
  Child slurper({.argv = {slurper_binary(), "run", "-c", file_}, .env = {}});
  pollfd opened = {.fd = opens.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&opened, 1, -1), 1) << slurper.err();
  slurper.signal(SIGHUP);
  EXPECT_TRUE(slurper.said("settings reloaded")) << slurper.err();
  stop(slurper);
}

TEST_F(Reload, WhatNeedsARestartIsNamed) {
  configure("mode = \"0640\"");
  Child slurper = start();
  configure("mode = \"0600\"");
  slurper.signal(SIGHUP);
  EXPECT_TRUE(slurper.said(
      "these settings have changed, and take effect after a restart (systemctl restart slurper): "
      "log.mode"))
      << slurper.err();
  EXPECT_TRUE(slurper.said("settings reloaded: nothing changes before the restart"));
  stop(slurper);
}

TEST_F(Reload, ReadsTheFolderAgain) {
  configure("rotate_size = 0");
  Child slurper = start();
  const std::string folder = file_ + ".d";
  std::filesystem::create_directory(folder);
  write_file(folder + "/10.toml", "[log]\nrotate_size = \"soon\"\n");
  slurper.signal(SIGHUP);
  EXPECT_TRUE(slurper.said("10.toml:2:15': log.rotate_size is ")) << slurper.err();
  EXPECT_TRUE(slurper.said("The settings are unchanged")) << slurper.err();
  write_file(folder + "/10.toml", "[log]\nrotate_size = \"4KiB\"\n");
  slurper.signal(SIGHUP);
  ASSERT_TRUE(slurper.said("settings reloaded")) << slurper.err();
  ASSERT_TRUE(site_.holder.write(std::string(5000, '.') + "\nthe next one\n"));
  EXPECT_TRUE(eventually([&] { return content_of(site_.disk / "messages") == "the next one\n"; }))
      << "it is not rotated";
  stop(slurper);
}

TEST_F(Reload, AConfigurationThatIsWrongChangesNothing) {
  configure("rotate_size = 0");
  Child slurper = start();
  configure("rotate_size = \"soon\"");
  slurper.signal(SIGHUP);
  EXPECT_TRUE(slurper.said("The settings are unchanged")) << slurper.err();
  EXPECT_THAT(slurper.err(), Not(HasSubstr("settings reloaded")));
  stop(slurper);
}

}  // namespace
}  // namespace slurper::test
