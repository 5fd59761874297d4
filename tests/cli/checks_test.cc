// What `check` and a start find that takes a machine of a special kind.
#include "cli/checks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/fd.h"
#include "cli/check_sinks.h"
#include "cli/machine.h"
#include "cli/machine_site.h"

namespace slurper::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class MachineLimits : public testing::Test, protected MachineSite {};
class StartWarnings : public testing::Test, protected MachineSite {
 protected:
  [[nodiscard]] std::vector<std::string> warnings(
      const Settings& wanted, const std::optional<std::string>& file = std::nullopt) const {
    std::vector<std::string> all;
    for (const Phrase& warning : warnings_at_start(folder_.path(), wanted, file))
      all.push_back(text_of(warning));
    return all;
  }
};

// A user's pipes together have all the pages that they may have: a new one gets two, and can't get more.
TEST_F(MachineLimits, FindsThatAUsersPipesHaveAllTheirPages) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root becomes a user whose pipes are known";
  std::uint64_t limit = 0;
  std::ifstream("/proc/sys/fs/pipe-user-pages-soft") >> limit;
  if (limit == 0) GTEST_SKIP() << "users may have as many pipes as they like here";
  const auto fill_up = [&] {
    constexpr uid_t kOwnUser = 3'141'592;  // no other test's pipes count, nor these for theirs
    constexpr int kLargest = 1 << 20;
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) ::_exit(1);
    files.rlim_cur = files.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &files) != 0 || ::setresgid(kOwnUser, kOwnUser, kOwnUser) != 0 ||
        ::setresuid(kOwnUser, kOwnUser, kOwnUser) != 0)
      ::_exit(1);
    std::array<int, 2> ends{};
    int size = 0;
    do {
      if (::pipe2(ends.data(), O_CLOEXEC) != 0) ::_exit(2);
      (void)::fcntl(ends[0], F_SETPIPE_SZ, kLargest);
      size = ::fcntl(ends[0], F_GETPIPE_SZ);
    } while (size > 2 * 4096);
    FifoSettings fifo;
    fifo.pipe_size = ByteSize{kLargest};
    for (const Finding& finding : check_pipe_limits({.root = "", .is_privileged = false}, fifo))
      (void)std::fputs(
          fmt::format("{}: {}\n", static_cast<int>(finding.level), text_of(finding.phrase)).c_str(), stderr);
    ::_exit(0);
  };
  EXPECT_EXIT(fill_up(), testing::ExitedWithCode(0),
              testing::MatchesRegex("1: all pipes of uid 3141592 together have as many pages as "
                                    "fs\\.pipe-user-pages-soft allows: a new one gets 8KiB, and can't be "
                                    "1MiB\\. Close pipes, or raise the limit with sysctl\n"));
}

TEST_F(MachineLimits, FindsThatNothingIsFreeForTheLog) {
  const std::string disk = folder_ / "disk";
  std::filesystem::create_directory(disk);
  LogSettings log = settings().log;
  log.path = disk + "/log";
  struct Case {
    const char* options;
    std::size_t file_size;
    const char* said;
  };
  for (const auto& [options, file_size, said] :
       {Case{"size=64k", 128 << 10, "is full: lines wait"},
        Case{"size=64k,nr_inodes=3", 1, "is full (it has no inodes left): lines wait"}}) {
    if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, options) != 0)
      GTEST_SKIP() << "can't mount a file system: " << std::strerror(errno);
    EXPECT_THAT(check_log(log), testing::Not(Contains(warning("is full"))));
    for (int i = 0; i < 4; ++i) std::ofstream(fmt::format("{}/{}", disk, i)) << std::string(file_size, 'x');
    EXPECT_THAT(check_log(log), Contains(warning(said)));
    const SinkSettings other = sink("file", {{"path", disk + "/sink"}});
    if (file_size > 1) {
      EXPECT_THAT(check_sinks({&other, 1}), ElementsAre(warning("the sink 's': the file system of '" + disk +
                                                                "' is full. Make room there")));
    }
    ASSERT_EQ(::umount(disk.c_str()), 0);
  }
}

TEST_F(MachineLimits, FindsThatASinkMayNotWrite) {
  const std::string disk = folder_ / "disk";
  std::filesystem::create_directory(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", MS_RDONLY, "mode=755") != 0)
    GTEST_SKIP() << "can't mount a file system: " << std::strerror(errno);
  const SinkSettings file = sink("file", {{"path", disk + "/x"}});
  EXPECT_THAT(check_sinks({&file, 1}),
              ElementsAre(warning(
                  "the sink 's': the user root (uid 0) can't write to '" + disk +
                  "': Read-only file system (mode 0755, owner root, group root). Mount it read-write; in a "
                  "service, it needs ReadWritePaths= in a drop-in")));
  ASSERT_EQ(::umount(disk.c_str()), 0);
}

TEST_F(MachineLimits, FindsThatAnotherUsersSinkMayNotWrite) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  const std::string path = folder_ / "socket";
  const UniqueFd socket_fd = socket_at(path);
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  const std::array sinks = {sink("file", {{"path", folder_ / "x"}}),
                            sink("syslog", {{"transport", "unix"}, {"path", path}})};
  ASSERT_EQ(::seteuid(65534), 0);
  const Findings findings = check_sinks(sinks);
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_THAT(
      findings,
      ElementsAre(warning("the sink 's': the user nobody (uid 65534) can't write to '" + folder_.path() +
                          "': Permission denied (mode 0755, owner root, group root). Give it to slurper "
                          "with chown"),
                  warning("the sink 's': the user nobody (uid 65534) may not write to the "
                          "socket '" +
                          path + "': Permission denied (mode 0600, owner root, group root)")));
}

// A start says what `check` finds, but for what it reports itself, and hangs on no file that is none.
TEST_F(StartWarnings, AreAlsoOfWhoMayChangeTheConfiguration) {
  const std::string file = folder_ / "x.toml";
  std::ofstream(file) << "x";
  std::filesystem::create_directory(file + ".d");
  ASSERT_EQ(::mkfifo(settings().fifo.path.c_str(), 0600), 0);
  EXPECT_THAT(warnings(settings(), file), testing::IsEmpty());
  ASSERT_EQ(::chmod((file + ".d").c_str(), 0777), 0);
  EXPECT_THAT(warnings(settings(), file),
              ElementsAre(HasSubstr("other users may change the configuration's")));
}

TEST_F(StartWarnings, AreTheSameAsThoseOfCheck) {
  Settings wanted = settings();
  ASSERT_EQ(::mkfifo(wanted.fifo.path.c_str(), 0600), 0);
  EXPECT_THAT(warnings(wanted), testing::IsEmpty());

  ASSERT_EQ(::chmod(wanted.fifo.path.c_str(), 0622), 0);
  wanted.log.keep_files = 3;
  wanted.log.path = ring_ / "log";
  wanted.ring.directory = "/proc";  // no RAM file system, which the start says itself
  wanted.sinks = {sink("file", {{"path", "x"}}), sink("file", {{"path", folder_ / "none/x"}}),
                  sink("syslog", {{"transport", "tcp"}, {"target", "2001:db8::1:514"}})};
  std::filesystem::create_directories(folder_ / "etc/rsyslog.d");
  std::ofstream(folder_ / "etc/rsyslog.conf") << "*.* |" + wanted.fifo.path + "\n";
  ASSERT_EQ(::mkfifo((folder_ / "etc/rsyslog.d/x.conf").c_str(), 0600), 0);
  EXPECT_THAT(warnings(wanted), ElementsAre(HasSubstr("log.keep_files"), HasSubstr("forge lines"),
                                            HasSubstr("the next boot loses"), HasSubstr("is relative"),
                                            HasSubstr("[2001:db8::1]:514"), HasSubstr("loses lines")));
}

}  // namespace
}  // namespace slurper::test
