// The log's folder is removed or replaced, or its index is, while slurper runs and while it does not: the log
// stays the same log, no line is lost, and what another log's place keeps out is there to be recovered.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "log/log_index.h"
#include "support/daemon.h"
#include "support/files.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class ReplacedFolder : public testing::Test {
 protected:
  ReplacedFolder() { fs::create_directory(folder_); }

  [[nodiscard]] Program program(const std::string& command, const std::vector<std::string>& more = {}) const {
    Program program{.argv = {slurper_binary(), command}, .env = {"RUNTIME_DIRECTORY=" + runtime_.path()}};
    program.argv.insert(program.argv.end(), more.begin(), more.end());
    return program;
  }
  [[nodiscard]] Child start(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"--fifo", fifo_, "--log", log_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Child slurper(program("run", arguments));
    EXPECT_TRUE(slurper.said("ready")) << slurper.err();
    return slurper;
  }
  // Writes a line after the other until `condition` holds.
  template <typename Condition>
  [[nodiscard]] bool writes_until(Condition condition) {
    int line = 0;
    return eventually([&] {
      EXPECT_TRUE(holder_.write(fmt::format("line {}\n", line++)));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));  // not to fill the pipe
      return condition();
    });
  }
  static Uuid id_of(const std::string& log) {
    const auto index = read_index(kernel(), LogPaths(log));
    EXPECT_TRUE(index && index->record) << log;
    return index && index->record ? index->record->log_id : Uuid{};
  }
  static void stop(Child& slurper, int exit_status = 0) {
    slurper.signal(SIGTERM);
    EXPECT_TRUE(slurper.exits_with(exit_status)) << slurper.err();
  }
  void expect_verified() const {
    Child verify(program("verify", {log_}));
    EXPECT_TRUE(verify.exits_with(0)) << verify.out() << verify.err();
  }

  TempDir disk_;
  TempDir runtime_ = TempDir::in_ram();
  std::string fifo_ = disk_ / "fifo";
  FifoHolder holder_{fifo_};
  fs::path folder_ = disk_ / "d";
  std::string log_ = folder_ / "m";
  std::string index_ = folder_ / ".m.index";
};

TEST_F(ReplacedFolder, IsMadeAgainBeforeTheNextStart) {
  Child slurper = start();
  ASSERT_TRUE(holder_.write("before that\n"));
  ASSERT_TRUE(eventually([&] { return content_of(log_) == "before that\n"; }));
  const Uuid id = id_of(log_);
  remove_while_used(folder_);
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += fmt::format("{}\n", i);
  ASSERT_TRUE(holder_.write(lines));
  ASSERT_TRUE(slurper.said("Lines are kept in the ring"));
  stop(slurper, 74);
  EXPECT_THAT(slurper.err(), HasSubstr("The next start writes them"));

  fs::create_directory(folder_);
  Child again = start();
  EXPECT_TRUE(eventually([&] { return content_of(log_) == lines; })) << again.err();
  EXPECT_EQ(id_of(log_), id);
  stop(again);
  expect_verified();
}

TEST_F(ReplacedFolder, IsMadeAgainWhileSlurperRuns) {
  Child slurper = start({"--sink", "file:" + (disk_ / "copy")});
  ASSERT_TRUE(holder_.write("before that\n"));
  ASSERT_TRUE(eventually([&] { return content_of(disk_ / "copy") == "before that\n"; })) << slurper.err();
  const std::string old_folder = disk_ / "d.old";
  fs::rename(folder_, old_folder);
  fs::create_directory(folder_);
  const auto cursors = [&] {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(folder_))
      count += entry.path().filename().string().starts_with(".m.cursor-") ? 1 : 0;
    return count;
  };
  ASSERT_TRUE(writes_until([&] { return !content_of(log_).empty(); })) << slurper.err();
  EXPECT_EQ(id_of(log_), id_of(old_folder + "/m"));
  EXPECT_TRUE(eventually([&] { return fs::exists(folder_ / ".m.times") && cursors() > 0; })) << slurper.err();
  // No second slurper is let in, though it knows nothing of this one's ring.
  Program second = program(
      "run", {"--fifo", disk_ / "other", "--log", log_, "--set", "ring.directory=" + runtime_ / "other"});
  Child refused(second);
  EXPECT_TRUE(refused.exits_with(75)) << refused.err();
  stop(slurper);
  EXPECT_EQ(content_of(old_folder + "/m") + content_of(log_), holder_.accepted());
  expect_verified();

  // Nor does the sink begin anew.
  Child again = start({"--sink", "file:" + (disk_ / "copy")});
  ASSERT_TRUE(holder_.write("after that\n"));
  ASSERT_TRUE(eventually([&] { return content_of(disk_ / "copy").ends_with("after that\n"); }))
      << again.err();
  stop(again);
  EXPECT_THAT(again.err(), Not(HasSubstr("came too late")));
}

TEST_F(ReplacedFolder, OnlyTheIndexIsGone) {
  Child slurper = start();
  ASSERT_TRUE(holder_.write("before that\n"));
  ASSERT_TRUE(eventually([&] { return content_of(log_) == "before that\n"; }));
  const Uuid id = id_of(log_);
  fs::remove(index_);
  ASSERT_TRUE(writes_until([&] { return fs::exists(index_); })) << slurper.err();
  EXPECT_TRUE(slurper.said("they have been created again, with the same id"));
  stop(slurper);
  EXPECT_EQ(id_of(log_), id);
  EXPECT_EQ(content_of(log_), holder_.accepted());
  expect_verified();
}

TEST_F(ReplacedFolder, AStopMakesTheIndexAgain) {
  Child slurper = start();
  ASSERT_TRUE(holder_.write("before that\n"));
  ASSERT_TRUE(eventually([&] { return content_of(log_) == "before that\n"; }));
  const Uuid id = id_of(log_);
  fs::remove(index_);
  stop(slurper);
  EXPECT_EQ(id_of(log_), id);
}

TEST_F(ReplacedFolder, WithoutAnIndexAKilledSlurpersRingSaysWhichLogItIs) {
  Child slurper = start();
  ASSERT_TRUE(holder_.write("before that\n"));
  ASSERT_TRUE(eventually([&] { return content_of(log_) == "before that\n"; }));
  const Uuid id = id_of(log_);
  slurper.kill();
  fs::remove(index_);
  Child again = start();
  EXPECT_THAT(again.err(), HasSubstr("its id comes from the ring"));
  ASSERT_TRUE(holder_.write("after that\n"));
  EXPECT_TRUE(eventually([&] { return content_of(log_) == "before that\nafter that\n"; }));
  stop(again);
  EXPECT_EQ(id_of(log_), id);
  expect_verified();
}

TEST_F(ReplacedFolder, WhileTheIndexIsGoneNoSecondSlurperGetsIn) {
  Child slurper = start();
  ASSERT_TRUE(holder_.write("before that\n"));
  ASSERT_TRUE(eventually([&] { return content_of(log_) == "before that\n"; }));
  fs::remove(index_);
  Child second(program("run", {"--fifo", disk_ / "other", "--log", log_}));
  EXPECT_TRUE(second.exits_with(75)) << second.err();
  EXPECT_THAT(second.err(), HasSubstr("another slurper uses it"));
  EXPECT_FALSE(fs::exists(index_)) << "it was made by the second one";
  stop(slurper);
}

TEST_F(ReplacedFolder, AFlippedLinkLeadsToTheSameRing) {
  fs::remove(folder_);
  fs::create_directory(disk_ / "a");
  fs::create_directory(disk_ / "b");
  fs::create_symlink("a", folder_);
  Child slurper = start();
  remove_while_used(disk_ / "a");
  ASSERT_TRUE(holder_.write("kept in the ring\n"));
  ASSERT_TRUE(slurper.said("Lines are kept in the ring"));
  slurper.kill();
  fs::remove(folder_);
  fs::create_symlink("b", folder_);
  Child again = start();
  EXPECT_TRUE(eventually([&] { return content_of(disk_ / "b/m") == "kept in the ring\n"; })) << again.err();
  stop(again);
  expect_verified();
}

// Another log's index is never written over; what can't be written can be recovered.
TEST_F(ReplacedFolder, IsAnotherLogs) {
  Child slurper = start();
  ASSERT_TRUE(holder_.write("before that\n"));
  ASSERT_TRUE(eventually([&] { return content_of(log_) == "before that\n"; }));
  const std::string old_folder = disk_ / "d.old";
  fs::rename(folder_, old_folder);
  fs::create_directory(folder_);
  IndexRecord record;
  record.sequence = 1;
  record.log_id = new_uuid();
  const auto slot = encode_index_slot(record);
  const std::string theirs(slot.begin(), slot.end());
  write_file(index_, theirs);
  ASSERT_TRUE(writes_until(
      [&] { return slurper.err().find("replaced by that of another log") != std::string::npos; }));
  ASSERT_TRUE(holder_.write("the last line\n"));
  ASSERT_TRUE(eventually([&] { return holder_.pending() == 0; }));
  slurper.signal(SIGUSR2);
  EXPECT_TRUE(slurper.said("THE LOG CAN'T BE WRITTEN")) << slurper.err();
  stop(slurper, 74);
  EXPECT_THAT(slurper.err(), HasSubstr("slurper recover"));
  EXPECT_THAT(slurper.err(), Not(HasSubstr("The next start writes them")));
  EXPECT_EQ(read_file(index_), theirs);
  EXPECT_FALSE(fs::exists(log_));
  const std::string missing = holder_.accepted().substr(content_of(old_folder + "/m").size());
  ASSERT_TRUE(missing.ends_with("the last line\n"));

  Child before(program("recover", {log_}));
  EXPECT_TRUE(before.exits_with(0)) << before.err();
  EXPECT_EQ(before.out(), missing);

  Child again = start();
  EXPECT_THAT(again.err(), HasSubstr("it belongs to another log"));
  again.signal(SIGUSR2);
  EXPECT_TRUE(again.said("in quarantined rings")) << again.err();
  Child recover(program("recover", {log_}));
  EXPECT_TRUE(recover.exits_with(0)) << recover.err();
  EXPECT_EQ(recover.out(), missing);
  Child list(program("recover", {log_, "--list"}));
  EXPECT_TRUE(list.exits_with(0)) << list.err();
  EXPECT_THAT(list.out(), HasSubstr("ring.put-aside-1"));
  Child remove(program("recover", {log_, "--remove"}));
  EXPECT_TRUE(remove.exits_with(0)) << remove.err();
  EXPECT_THAT(remove.out(), HasSubstr("removed"));
  Child nothing(program("recover", {log_}));
  EXPECT_TRUE(nothing.exits_with(0)) << nothing.err();
  EXPECT_EQ(nothing.out(), "");
  ASSERT_TRUE(holder_.write("of the other log\n"));
  EXPECT_TRUE(eventually([&] { return content_of(log_) == "of the other log\n"; }));
  stop(again);
}

TEST_F(ReplacedFolder, ACursorThatNoSinkUsesIsNamedAndRemoved) {
  const auto cursors = [&] {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(folder_))
      count += entry.path().filename().string().starts_with(".m.cursor-") ? 1 : 0;
    return count;
  };
  const std::string one = "file:" + (disk_ / "one");
  {
    Child slurper = start({"--sink", one, "--sink", "file:" + (disk_ / "two")});
    ASSERT_TRUE(eventually([&] { return cursors() == 2; })) << slurper.err();
    stop(slurper);
  }
  // Whether a sink uses a cursor is not known while no slurper runs.
  Child stopped(program("recover", {log_, "--remove"}));
  EXPECT_TRUE(stopped.exits_with(0)) << stopped.err();
  EXPECT_EQ(cursors(), 2) << stopped.out();
  Child slurper = start({"--sink", one});
  Child verify(program("verify", {log_}));
  EXPECT_TRUE(verify.exits_with(0)) << verify.out();
  EXPECT_THAT(verify.out(), HasSubstr("--remove'"));
  Child remove(program("recover", {log_, "--remove"}));
  EXPECT_TRUE(remove.exits_with(0)) << remove.err();
  EXPECT_THAT(remove.out(), HasSubstr(".m.cursor-"));
  EXPECT_EQ(cursors(), 1) << remove.out();
  stop(slurper);
}

}  // namespace
}  // namespace slurper::test
