#include "cli/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/program.h"

namespace slurper::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using Level = Finding::Level;

auto ok(const std::string& text) {
  return AllOf(Field(&Finding::level, Level::Ok), Field(&Finding::text, HasSubstr(text)));
}
auto warning(const std::string& text) {
  return AllOf(Field(&Finding::level, Level::Warning), Field(&Finding::text, HasSubstr(text)));
}
auto error(ErrorKind kind, const std::string& text) {
  return AllOf(Field(&Finding::level, Level::Error), Field(&Finding::kind, kind),
               Field(&Finding::text, HasSubstr(text)));
}

TEST(ToLines, KeepsTo80ColumnsAndLosesNoWord) {
  EXPECT_EQ(to_lines({.level = Level::Ok, .text = "short"}), "ok       short\n");
  std::string text;
  for (int i = 0; i < 60; ++i) text += "word" + std::to_string(i) + ' ';
  text += std::string(100, 'x');
  std::istringstream lines(to_lines({.level = Level::Warning, .text = text}));
  std::string line;
  std::getline(lines, line);
  EXPECT_TRUE(line.starts_with("warning  word0 ")) << line;
  std::string all = line.substr(9);
  while (std::getline(lines, line)) {
    ASSERT_TRUE(line.starts_with("         ")) << line;
    EXPECT_TRUE(line.size() <= 80 || line.find(' ', 9) == std::string::npos) << line;
    all += ' ' + line.substr(9);
  }
  EXPECT_EQ(all, text);
}

class MachineTest : public testing::Test {
 protected:
  Settings settings() const {
    Settings settings;
    settings.fifo.path = folder_ / "fifo";
    settings.log.path = folder_ / "log";
    settings.ring.directory = ring_ / "a/b";
    settings.ring.size = ByteSize{4 << 20};
    return settings;
  }

  TempDir folder_;
  TempDir ring_ = TempDir::in_ram();
};

TEST_F(MachineTest, TakesAFifoThatIsThere) {
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(check_fifo(settings().fifo), ElementsAre(ok("is there: mode 0600")));
  ASSERT_EQ(chmod((folder_ / "fifo").c_str(), 0622), 0);
  EXPECT_THAT(check_fifo(settings().fifo), ElementsAre(ok("mode 0622"), warning("forge lines")));
}

TEST_F(MachineTest, TakesNothingElseForAFifo) {
  const auto expect = [&](const char* text) {
    EXPECT_THAT(check_fifo(settings().fifo), ElementsAre(error(ErrorKind::NoInput, text)));
    std::filesystem::remove(folder_ / "fifo");
  };
  std::ofstream(folder_ / "fifo") << "x";
  expect("is a regular file, not a FIFO");
  std::filesystem::create_directory(folder_ / "fifo");
  expect("is a directory, not a FIFO");
  ASSERT_EQ(mkfifo((folder_ / "real").c_str(), 0600), 0);
  std::filesystem::create_symlink("real", folder_ / "fifo");
  expect("is a symbolic link, not a FIFO. Name the FIFO itself");
}

TEST_F(MachineTest, KnowsWhetherAMissingFifoCanBeMade) {
  FifoSettings fifo = settings().fifo;
  EXPECT_THAT(check_fifo(fifo), ElementsAre(ok("will be created with mode 0600")));
  fifo.create = false;
  EXPECT_THAT(check_fifo(fifo),
              ElementsAre(error(ErrorKind::NoInput, "is missing. Create it with mkfifo(1)")));
  fifo.create = true;
  fifo.path = folder_ / "none/fifo";
  EXPECT_THAT(check_fifo(fifo), ElementsAre(error(ErrorKind::CantCreate, "none': No such file")));
}

TEST_F(MachineTest, LooksAtTheLogAndItsFolder) {
  LogSettings log = settings().log;
  EXPECT_THAT(check_log(log), ElementsAre(ok("will be created")));
  std::ofstream(log.path) << "x";
  EXPECT_THAT(check_log(log), ElementsAre(ok("is there; ")));
  log.keep_size = ByteSize{INT64_MAX};
  EXPECT_THAT(check_log(log), ElementsAre(ok("is there"), warning("log.keep_size is ")));
  log = settings().log;
  log.path = folder_.path();
  EXPECT_THAT(check_log(log),
              ElementsAre(error(ErrorKind::CantCreate, "is a directory, not a regular file")));
  log.path = folder_ / "none/log";
  EXPECT_THAT(check_log(log), ElementsAre(error(ErrorKind::CantCreate, "Create it with mkdir(1)")));
  log.path = folder_ / "log/log";
  EXPECT_THAT(check_log(log), ElementsAre(error(ErrorKind::CantCreate, "is a regular file, not a folder")));
  log.path = ring_ / "log";
  EXPECT_THAT(check_log(log), ElementsAre(ok("will be created"), warning("the next boot loses it")));
}

TEST_F(MachineTest, WantsRoomForTheRing) {
  Settings wanted = settings();
  EXPECT_THAT(check_ring(wanted), ElementsAre(ok("has room for its 4MiB")));
  wanted.ring.size = ByteSize{1ULL << 60};
  EXPECT_THAT(check_ring(wanted), ElementsAre(warning("Lower ring.size")));
  wanted = settings();
  std::filesystem::create_directories(wanted.ring.directory + "/ring");
  EXPECT_THAT(check_ring(wanted), ElementsAre(error(ErrorKind::CantCreate, "ring' is a directory")));
  wanted.ring.directory = folder_ / "file";
  std::ofstream(folder_ / "file") << "x";
  EXPECT_THAT(check_ring(wanted),
              ElementsAre(error(ErrorKind::CantCreate, "is a regular file, not a folder")));
}

TEST_F(MachineTest, WarnsOfARingsFolderThatIsNotSlurpersOwn) {
  Settings wanted = settings();
  std::filesystem::create_directory(ring_ / "real");
  std::filesystem::create_directory_symlink("real", ring_ / "link");
  wanted.ring.directory = ring_ / "link";
  ASSERT_EQ(::setenv("RUNTIME_DIRECTORY", ring_.path().c_str(), 1), 0);
  EXPECT_THAT(check_ring(wanted),
              ElementsAre(warning("Its default folder is used instead"), ok("has room for")));
  ASSERT_EQ(::unsetenv("RUNTIME_DIRECTORY"), 0);
}

TEST_F(MachineTest, WarnsOfARingThatIsNotInRam) {
  Settings wanted = settings();
  wanted.ring.directory = "/proc";  // never a RAM file system, wherever the test's folder lies
  EXPECT_THAT(check_ring(wanted), Contains(warning("is not in RAM")));
}

TEST_F(MachineTest, KnowsTheLimitsOfPipes) {
  std::filesystem::create_directories(folder_ / "proc/sys/fs");
  const auto set = [&](const char* max, const char* soft) {
    std::ofstream(folder_ / "proc/sys/fs/pipe-max-size") << max;
    std::ofstream(folder_ / "proc/sys/fs/pipe-user-pages-soft") << soft;
  };
  FifoSettings fifo;
  fifo.pipe_size = ByteSize{2 << 20};
  const Machine user{.root = folder_.path(), .is_privileged = false};
  set("1048576\n", "16384\n");
  EXPECT_THAT(
      check_pipe_limits(user, fifo),
      ElementsAre(warning("users may have 1MiB at most: the pipe will be smaller. Raise it with sysctl "
                          "fs.pipe-max-size=2097152")));
  EXPECT_THAT(check_pipe_limits({.root = folder_.path(), .is_privileged = true}, fifo),
              ElementsAre(ok("no limit binds")));
  set("4194304\n", "100\n");
  EXPECT_THAT(check_pipe_limits(user, fifo), ElementsAre(warning("fs.pipe-user-pages-soft")));
  set("4194304\n", "0\n");
  EXPECT_THAT(check_pipe_limits(user, fifo), ElementsAre(ok("the pipe may be 2MiB")));
}

}  // namespace
}  // namespace slurper::test
