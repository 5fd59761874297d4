// `slurper check`, the real program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/program.h"
#include "config/config.h"
#include "sink/certificates.h"
#include "support/said.h"
#include "support/text_of.h"
#include "support/unshare.h"

namespace slurper::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class Check : public testing::Test, protected CommandSite {
 protected:
  // The options of a slurper that would work, and `more`.
  std::vector<std::string> with(const std::vector<std::string>& more = {}) const {
    return arguments("check", more);
  }

  // What it prints, each finding in one line, and its exit status.
  static std::pair<std::string, int> run_in_shell(const std::string& command) {
    std::string said;
    std::FILE* const output = ::popen(command.c_str(), "r");
    if (output == nullptr) return {"", -1};
    for (int c = std::fgetc(output); c != EOF; c = std::fgetc(output)) said += static_cast<char>(c);
    const int status = ::pclose(output);
    keep_said(said);
    return {unwrapped(std::move(said)), WEXITSTATUS(status)};
  }
  static std::string unwrapped(std::string text) {
    const std::string gap = "\n         ";
    for (auto at = text.find(gap); at != std::string::npos; at = text.find(gap, at))
      text.replace(at, gap.size(), " ");
    return text;
  }
};

TEST_F(Check, FindsAGoodMachineGoodAndChangesNothing) {
  const std::string before = snapshot(folder_.path()) + snapshot(ring_.path());
  const Outcome outcome = run_slurper(with());
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("ok       the FIFO '"), Not(HasSubstr("\nerror"))));
  EXPECT_EQ(snapshot(folder_.path()) + snapshot(ring_.path()), before);
}

TEST_F(Check, PrintsTheSettingsInEffectSoThatTheyCanBeReadBack) {
  const Outcome outcome = run_slurper(with({"--set", "log.sync=always", "--set", "fifo.mode=0620"}));
  const auto settings = parse_settings({{{.name = "stdout", .text = outcome.out}}}, {});
  ASSERT_TRUE(settings) << text_of(settings.error());
  EXPECT_EQ(settings->fifo.path, folder_ / "fifo");
  EXPECT_EQ(settings->fifo.mode, mode_t{0620});
  EXPECT_EQ(settings->log.sync.mode, SyncMode::Always);
  std::ofstream(folder_ / "x.toml") << outcome.out;
  const Outcome again = run_slurper({"check", "-c", folder_ / "x.toml"});
  EXPECT_EQ(parse_settings({{{.name = "stdout", .text = again.out}}}, {}), settings);
}

TEST_F(Check, LetsTheLastOptionWin) {
  const Outcome outcome = run_slurper(with({"--set", "fifo.path=/a", "--log", "/b", "--set", "log.path=/c",
                                            "--fifo", "'d", "--set", "log.path=/e"}));
  const auto settings = parse_settings({{{.name = "stdout", .text = outcome.out}}}, {});
  ASSERT_TRUE(settings) << text_of(settings.error());
  EXPECT_EQ(settings->fifo.path, (std::filesystem::current_path() / "'d").string());
  EXPECT_EQ(settings->log.path, "/e");
}

TEST_F(Check, LetsTheCommandLineWinOverTheFile) {
  std::ofstream(folder_ / "x.toml") << "[log]\nsync = \"none\"\nkeep_files = 5\nrotate_size = \"1MiB\"\n";
  const Outcome outcome = run_slurper(with({"-c", folder_ / "x.toml", "--set", "log.sync=2s"}));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("\nsync = \"2s\" "), HasSubstr("\nkeep_files = 5 ")));
}

TEST_F(Check, SaysWhichFileSetsWhat) {
  const std::string file = folder_ / "x.toml";
  const std::string folder = file + ".d";
  std::filesystem::create_directory(folder);
  std::ofstream(file) << "[fifo]\npath = \"" << folder_ / "fifo" << "\"\n[log]\npath = \"" << folder_ / "log"
                      << "\"\nkeep_files = 5\nrotate_size = \"1MiB\"\n[ring]\ndirectory = \"" << ring_ / "r"
                      << "\"\n";
  std::ofstream(folder + "/10.toml") << "[log]\nkeep_files = 6\n[[sink]]\ntype = \"stdout\"\n";
  std::ofstream(folder + "/20.toml") << "[[sink]]\ntype = \"file\"\npath = \"/var/tmp/a\"\n"
                                        "[[sink]]\ntype = \"file\"\npath = \"/var/tmp/b\"\n";
  std::ofstream(folder + "/30.toml") << "# to come\n";
  std::ofstream(folder + "/20.toml~");
  const Outcome outcome = run_slurper({"check", "-c", file, "--set", "log.keep_files=7"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  std::istringstream lines(outcome.err);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(line.size() <= 80 || line.find(' ', 9) == std::string::npos) << line;
  EXPECT_THAT(
      unwrapped(outcome.err),
      AllOf(StartsWith("ok       read '" + file +
                       "': it sets fifo.path, log.path, log.keep_files, log.rotate_size, ring.directory\n"
                       "ok       read '" +
                       folder +
                       "/10.toml': it sets log.keep_files; adds the sink 'stdout'\n"
                       "ok       read '" +
                       folder +
                       "/20.toml': it adds the sinks 'file-var-tmp-a', 'file-var-tmp-b'\n"
                       "ok       read '" +
                       folder +
                       "/30.toml': it sets nothing\n"
                       "ok       '" +
                       folder + "/10.toml:2:14' overrides log.keep_files of '" + file +
                       ":5:14'\n"
                       "ok       '--set log.keep_files=7' overrides log.keep_files of '" +
                       folder + "/10.toml:2:14'\n"),
            HasSubstr("\nok       '" + folder +
                      "/20.toml~' is not read: in that folder, slurper reads only ")));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("\nkeep_files = 7  # on the command line\n"),
                                 HasSubstr("\n[[sink]]  # " + folder + "/20.toml:1:1\n")));
}

TEST_F(Check, WhatIsWrongWithOneSinkIsShownAndIsItsExitStatus) {
  std::ofstream(folder_ / ".log.cursor-damaged") << std::string(256, 'x');
  const Outcome damaged = run_slurper(
      with({"--sink", "file:/x?name=damaged", "--sink", "file:/y?name=good", "--set", "log.keep_files=3"}));
  EXPECT_EQ(damaged.status, 65) << damaged.err;
  EXPECT_THAT(damaged.err, AllOf(HasSubstr("error    the sink 'damaged' cannot use the cursor"),
                                 HasSubstr("the sink 'good'"), HasSubstr("warning  log.keep_files")));
  std::filesystem::remove(folder_ / ".log.cursor-damaged");
  const std::vector<std::string> with_ca =
      with({"--sink", "syslog+tls://127.0.0.1:6514?name=far&ca_file=" + (folder_ / "ca.pem")});
  const Outcome missing = run_slurper(with_ca);
  EXPECT_EQ(missing.status, 66) << missing.err;
  EXPECT_THAT(missing.err, HasSubstr("error    the sink 'far': its ca_file '"));
  std::ofstream(folder_ / "ca.pem") << "anything\n";
  EXPECT_EQ(run_slurper(with_ca).status, 78);
  const test::Authority authority(folder_ / "authority");
  std::filesystem::copy_file(authority.ca(), folder_ / "ca.pem",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(run_slurper(with_ca).status, 0);
}

TEST_F(Check, WarnsAndStillSucceeds) {
  const Outcome outcome = run_slurper(with({"--set", "log.keep_files=3"}));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("warning  log.keep_files"));
}

TEST_F(Check, RunWarnsOfTheSameOnceAndStarts) {
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(::chmod((folder_ / "fifo").c_str(), 0602), 0);
  Slurper slurper(arguments("run", {"--set", "log.keep_files=3"}));
  ASSERT_TRUE(slurper.says("ready")) << slurper.err();
  slurper.signal(SIGTERM);
  EXPECT_EQ(slurper.wait(), 0) << slurper.err();
  for (const std::string part : {"log.keep_files, ", "and forge lines"}) {
    const std::string said = slurper.err();
    EXPECT_NE(said.find(part), std::string::npos) << said;
    EXPECT_EQ(said.find(part), said.rfind(part)) << said;
  }
}

// systemd runs it before each reload: what the reload would take must not fail there.
TEST_F(Check, QuietlyRefusesOnlyWhatAReloadWouldRefuse) {
  const auto quiet = [&](const std::string& sink) { return run_slurper(with({"--quiet", "--sink", sink})); };
  const Outcome good = quiet("file:/nonexist/x");
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_THAT(good.out + good.err, IsEmpty());
  // A plug-in's own settings are its own failure; a reload runs no code of a plug-in.
  EXPECT_EQ(quiet("stubborn:?nonsense=1&plugin=" SLURPER_STUBBORN_SINK).status, 0);
  EXPECT_EQ(quiet("nonsuch:").status, 78);
  EXPECT_EQ(quiet("file:/x?nonsense=1").status, 78);
  EXPECT_EQ(quiet("stdout:?filter=severty%20=%201").status, 78);
}

TEST_F(Check, EndsWithTheStatusOfTheFirstError) {
  std::ofstream(folder_ / "fifo") << "not a FIFO";
  const Outcome no_fifo = run_slurper(with());
  EXPECT_EQ(no_fifo.status, 66);
  EXPECT_THAT(no_fifo.err, HasSubstr("error    the FIFO '"));
  std::filesystem::remove(folder_ / "fifo");
  EXPECT_EQ(run_slurper(with({"--log", folder_ / "none/log"})).status, 73);
}

TEST_F(Check, ReportsWrongSettingsWithStatus78) {
  std::ofstream(folder_ / "x.toml") << "[fifo]\npath = \"/run/f\"\nmode = 640\n";
  const Outcome outcome = run_slurper({"check", "-c", folder_ / "x.toml"});
  EXPECT_EQ(outcome.status, 78);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err,
              StartsWith("slurper: cannot accept '" + (folder_ / "x.toml") + ":3:8': fifo.mode is 640, "));
}

TEST_F(Check, WarnsOfInotifyInstancesThatAreUsedUp) {
  if (!may_limit_inotify()) GTEST_SKIP() << "needs a user namespace with limits of its own";
  const std::string command =
      "unshare --user --map-root-user sh -c 'echo 1 >/proc/sys/user/max_inotify_instances && exec \"$@\"' "
      "sh " SLURPER_PROGRAM " check --fifo " +
      (folder_ / "fifo") + " --log " + (folder_ / "log") + " --set ring.directory=" + (ring_ / "r") + " 2>&1";
  const auto [said, status] = run_in_shell(command);
  EXPECT_EQ(status, 0) << said;
  EXPECT_THAT(said,
              HasSubstr("warning  cannot watch the FIFO: the user has no inotify instance left (EMFILE)"));
}

TEST_F(Check, FindsThatTheRingsFileSystemIsFull) {
  const std::string small = ring_ / "small";
  std::filesystem::create_directory(small);
  if (mount("tmpfs", small.c_str(), "tmpfs", 0, "size=1M") != 0)
    GTEST_SKIP() << "can't mount a file system: " << std::strerror(errno);
  std::ofstream(small + "/filler") << std::string(2 << 20, 'x');  // as far as it goes
  const Outcome outcome = run_slurper(with({"--set", "ring.directory=" + small + "/r"}));
  ASSERT_EQ(umount(small.c_str()), 0);
  EXPECT_EQ(outcome.status, 73) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("error    the file system of the ring in '" + small));
}

// Sanitizers use madvise(2) themselves.
#if !defined(SLURPER_SANITIZED)
TEST_F(Check, FindsAKernelThatIsTooOldAndRunEndsThere) {
  for (const std::string word : {"check", "run"}) {
    // strace plays the old kernel. It ends as the program that it runs does.
    const std::string command =
        "strace -f -o /dev/null -e trace=madvise -e inject=madvise:error=EINVAL " SLURPER_PROGRAM " " + word +
        " --fifo " + (folder_ / "fifo") + " --log " + (folder_ / "log") + " 2>&1";
    const auto [said, status] = run_in_shell(command);
    EXPECT_EQ(status, 78) << said;
    EXPECT_THAT(said, AllOf(HasSubstr("no MADV_POPULATE_WRITE"), HasSubstr("Linux 5.14 or later")));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "fifo"));
  }
}
#endif

// On a machine with a unit whose user is `nobody`, and with no other.
class CheckOfAUnit : public Check {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root checks as the user of a unit";
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", "/run", "tmpfs", 0, nullptr) != 0)
      GTEST_SKIP() << "can't mount a file system: " << std::strerror(errno);
    std::filesystem::create_directories("/run/systemd/system");
    std::ofstream("/run/systemd/system/checked.service")
        << "[Service]\nUser=nobody\nExecStart=/usr/bin/slurper run -c " << file_ << '\n';
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0777), 0);
    ASSERT_EQ(::chmod(ring_.path().c_str(), 0777), 0);
    std::ofstream(file_) << "[fifo]\npath = \"" << folder_ / "fifo" << "\"\n[log]\npath = \""
                         << folder_ / "log" << "\"\n[ring]\nsize = \"4MiB\"\ndirectory = \"" << ring_ / "r"
                         << "\"\n";
  }

  const std::string file_ = folder_ / "x.toml";
};

TEST_F(CheckOfAUnit, ChecksAsItsUser) {
  const Outcome outcome = run_slurper({"check", "-c", file_});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(
      unwrapped(outcome.err),
      HasSubstr("\nok       checked as checked.service is run: user nobody, its groups, its folders, and its "
                "sandbox as its unit file has it\n"));
  EXPECT_THAT(
      unwrapped(run_slurper({"check", "-c", file_}, {.as_nobody = true}).err),
      AllOf(HasSubstr("\nok       checked for the user nobody (uid 65534)\n"),
            HasSubstr("\nok       checked.service runs as nobody: to check as that user, run slurper check "
                      "with sudo(8)\n")));
}

#if !defined(SLURPER_SANITIZED)
// strace plays a kernel that refuses, and one that has no memory left.
TEST_F(CheckOfAUnit, SaysWhyItCouldNot) {
  const auto check = [&](const std::string& what_happens) {
    return run_in_shell("strace -f -o /dev/null -e trace=setgroups -e inject=setgroups:" + what_happens +
                        " " SLURPER_PROGRAM " check -c " + file_ + " 2>&1")
        .first;
  };
  EXPECT_THAT(
      check("error=EPERM"),
      HasSubstr("\nwarning  nothing could be checked as checked.service is run: its user and groups can't be "
                "assumed: Operation not permitted\n"));
  EXPECT_THAT(
      check("signal=KILL"),
      testing::ContainsRegex("\nwarning  nothing could be checked as checked\\.service is run: the process "
                             "[0-9]+, which checks as its user, ended early\n"));
}
#endif

TEST_F(Check, SpeaksForTheUserWhoRunsIt) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  const Outcome outcome = run_slurper(with(), {.as_nobody = true});
  EXPECT_EQ(outcome.status, 77);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("error    the FIFO '"), HasSubstr("uid 65534")));
}

}  // namespace
}  // namespace slurper::test
