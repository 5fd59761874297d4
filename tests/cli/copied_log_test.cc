// Two copies of one log, with one folder for their rings: a cloned machine's configuration on its original.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "cli/program.h"
#include "log/log_index.h"
#include "ring/ring_view.h"
#include "support/child.h"
#include "support/files.h"
#include "support/wait.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class CopiedLog : public testing::Test, protected CommandSite {
 protected:
  void SetUp() override { fs::create_directory(folder("original")); }

  [[nodiscard]] std::string folder(const std::string& of) const { return folder_ / of; }
  [[nodiscard]] std::string log(const std::string& of) const { return folder(of) + "/log"; }
  [[nodiscard]] std::string ring_folder() const { return ring_ / "r"; }
  [[nodiscard]] RingView ring() const { return **inspect_ring(kernel(), ring_folder()); }

  // A program, installed as `name`, with what is set to a log in the folder `of`.
  [[nodiscard]] Program program(const std::string& name, const std::string& command, const std::string& of,
                                const std::vector<std::string>& more = {}) const {
    const std::string path = folder_ / name;
    if (!fs::exists(path)) fs::copy_file(SLURPER_PROGRAM, path);
    std::vector<std::string> argv =
        arguments(command, {"--set", "fifo.path=" + folder(of) + "/fifo", "--set", "log.path=" + log(of)});
    argv.insert(argv.begin(), path);
    argv.insert(argv.end(), more.begin(), more.end());
    return {.argv = std::move(argv), .env = {"RUNTIME_DIRECTORY=" + (ring_ / "run")}};
  }
  [[nodiscard]] Child run(const std::string& of, const std::string& name = "slurper") const {
    return Child(program(name, "run", of));
  }
  [[nodiscard]] Child run_by_default(const std::string& of) const {
    return Child(program("slurper", "run", of, {"--set", "ring.directory="}));
  }
  [[nodiscard]] std::string check(const std::string& of) const {
    Child checking(program("slurper", "check", of));
    EXPECT_TRUE(checking.wait()) << checking.err();
    return unwrapped(checking.err());
  }
  static std::string unwrapped(std::string text) {
    for (auto at = text.find("\n         "); at != std::string::npos; at = text.find("\n         "))
      text.replace(at, 10, " ");
    return text;
  }
  void write(const std::string& of, const std::string& line) const {
    std::ofstream(folder(of) + "/fifo") << line << std::endl;
  }
  // Has the original take a line that does not get into its log, and kills it.
  void leave_a_line_in_the_ring() {
    Child first = run("original");
    ASSERT_TRUE(first.said("ready: ")) << first.err();
    write("original", "one");
    ASSERT_TRUE(eventually([&] { return content_of(log("original")) == "one\n"; })) << first.err();
    first.kill();
    // As if the kill had come before the log's write.
    fs::resize_file(log("original"), 0);
    std::fstream ring_file(ring_folder() + "/ring", std::ios::in | std::ios::out | std::ios::binary);
    ring_file.seekp(192);  // its tail
    const std::uint64_t tail = 0;
    ring_file.write(reinterpret_cast<const char*>(&tail), sizeof tail);
    ASSERT_TRUE(ring_file);
  }
  // As in the ring of an earlier slurper.
  void forget_the_path() const {
    std::fstream ring_file(ring_folder() + "/ring", std::ios::in | std::ios::out | std::ios::binary);
    ring_file.seekp(512);
    ring_file.write("\0\0\0\0", 4);
    ring_file.close();
    EXPECT_EQ(ring().log_path, "");
  }
  void copy() const {
    fs::create_directory(folder("copy"));
    for (const auto& file : fs::directory_iterator(folder("original"))) {
      if (file.is_regular_file()) fs::copy_file(file, fs::path(folder("copy")) / file.path().filename());
    }
  }
  static void stop(Child& slurper) {
    slurper.signal(SIGTERM);
    EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  }
  // While both run.
  void expect_that_both_take_lines(Child& original, Child& copied) const {
    write("copy", "of the copy");
    write("original", "two");
    EXPECT_TRUE(eventually([&] { return content_of(log("original")) == "one\ntwo\n"; })) << original.err();
    EXPECT_TRUE(eventually([&] { return content_of(log("copy")) == "one\nof the copy\n"; })) << copied.err();
    stop(original);
    stop(copied);
  }
  void expect_that_the_original_has(const std::string& text) const {
    Child original = run("original");
    EXPECT_TRUE(original.said("ready: ")) << original.err();
    EXPECT_TRUE(eventually([&] { return content_of(log("original")) == text; }))
        << content_of(log("original")) << original.err();
    stop(original);
    EXPECT_THAT(original.err(), Not(HasSubstr("put")));
  }
};

// Under any name: a slurper knows another one, whatever both are called.
TEST_F(CopiedLog, DoesNotUseTheRingThatItsOriginalUses) {
  for (const std::string name : {"slurper", "relay"}) {
    SCOPED_TRACE(name);
    fs::create_directories(folder("original"));
    Child first = run("original", name);
    ASSERT_TRUE(first.said("ready: ")) << first.err();
    write("original", "one");
    ASSERT_TRUE(eventually([&] { return content_of(log("original")) == "one\n"; }));
    copy();
    Child second = run("copy", name);
    ASSERT_TRUE(second.said("ready: ")) << second.err();
    EXPECT_THAT(second.err(), HasSubstr("it is the ring of the log '" + log("original") + "', and the log '" +
                                        log("copy") + "' is a copy of that one, with its id"));
    EXPECT_THAT(second.err(), HasSubstr("run slurper identity --new '" + log("copy") + "'"));
    EXPECT_THAT(second.err(), HasSubstr("The ring is in its default folder '" + (ring_ / "run/")));
    expect_that_both_take_lines(first, second);
    for (const char* of : {"original", "copy"}) fs::remove_all(folder(of));
    fs::remove_all(ring_ / "run");
  }
}

TEST_F(CopiedLog, LeavesTheLinesOfItsOriginalInTheRing) {
  leave_a_line_in_the_ring();
  copy();
  Child second = run("copy");
  ASSERT_TRUE(second.said("ready: ")) << second.err();
  write("copy", "of the copy");
  EXPECT_TRUE(eventually([&] { return content_of(log("copy")) == "of the copy\n"; })) << second.err();
  EXPECT_EQ(ring().held(), 4U);
  second.kill();
  // Again, with a ring of its own that it left.
  Child third = run("copy");
  ASSERT_TRUE(third.said("ready: ")) << third.err();
  stop(third);
  EXPECT_EQ(content_of(log("copy")), "of the copy\n");
  expect_that_the_original_has("one\n");
}

TEST_F(CopiedLog, GetsANewIdAlthoughItsOriginalHasLinesInTheRing) {
  leave_a_line_in_the_ring();
  copy();
  const auto identity = [&](const std::string& of) {
    return Program{.argv = {SLURPER_PROGRAM, "identity", "--new", "--ring", ring_folder(), log(of)},
                   .env = {"RUNTIME_DIRECTORY=" + (ring_ / "run")}};
  };
  Child original(identity("original"));
  EXPECT_TRUE(original.exits_with(75)) << original.err();
  Child renewed(identity("copy"));
  EXPECT_TRUE(renewed.exits_with(0)) << renewed.err();
  EXPECT_NE(read_index(kernel(), LogPaths(log("copy")))->record->log_id, ring().log_id);
  expect_that_the_original_has("one\n");
}

TEST_F(CopiedLog, IsSaidByCheck) {
  leave_a_line_in_the_ring();
  copy();
  EXPECT_THAT(check("copy"),
              HasSubstr("is a copy of that one, with its id; slurper uses the default folder"));
  EXPECT_THAT(check("original"), Not(HasSubstr("copy")));
}

// The log that was there before is gone, so there is no copy.
TEST_F(CopiedLog, ARenamedLogKeepsItsRing) {
  leave_a_line_in_the_ring();
  fs::rename(folder("original"), folder("moved"));
  Child slurper = run("moved");
  ASSERT_TRUE(slurper.said("ready: ")) << slurper.err();
  EXPECT_TRUE(eventually([&] { return content_of(log("moved")) == "one\n"; })) << slurper.err();
  EXPECT_EQ(ring().log_path, log("moved"));
  stop(slurper);
}

// A log that moves to another file system, under its old name.
TEST_F(CopiedLog, ACopyThatTakesTheOriginalsPlaceTakesTheRing) {
  leave_a_line_in_the_ring();
  copy();
  fs::rename(folder("original"), folder("old"));
  fs::rename(folder("copy"), folder("original"));
  expect_that_the_original_has("one\n");
}

// Earlier slurpers recorded no path.
TEST_F(CopiedLog, ARingWithoutAPathIsTheLogs) {
  leave_a_line_in_the_ring();
  forget_the_path();
  expect_that_the_original_has("one\n");
  EXPECT_EQ(ring().log_path, log("original"));
}

// A log without an index would take its id from the ring.
TEST_F(CopiedLog, ANewLogDoesNotBecomeTheRingsLog) {
  leave_a_line_in_the_ring();
  fs::create_directory(folder("new"));
  Child slurper = run("new");
  ASSERT_TRUE(slurper.said("ready: ")) << slurper.err();
  EXPECT_EQ(content_of(log("new")), "");
  stop(slurper);
  EXPECT_THAT(slurper.err(), HasSubstr("it is the ring of the log '" + log("original") + "'. Set another "));
  expect_that_the_original_has("one\n");
}

// It was told to take another ring.directory, and has not.
TEST_F(CopiedLog, WithAnIdOfItsOwnLeavesTheRingToItsOriginal) {
  leave_a_line_in_the_ring();
  copy();
  Child renewed(Program{.argv = {SLURPER_PROGRAM, "identity", "--new", log("copy")},
                        .env = {"RUNTIME_DIRECTORY=" + (ring_ / "run")}});
  ASSERT_TRUE(renewed.exits_with(0)) << renewed.err();
  Child slurper = run("copy");
  ASSERT_TRUE(slurper.said("ready: ")) << slurper.err();
  stop(slurper);
  EXPECT_THAT(slurper.err(), HasSubstr("it is the ring of the log '" + log("original") + "'. Set another "));
  EXPECT_EQ(ring().held(), 4U);
  expect_that_the_original_has("one\n");
}

// Without ring.directory. The runtime folder remembers where a link led.
TEST_F(CopiedLog, IsNotLedToTheRingOfItsOriginalByALink) {
  fs::create_directory_symlink(folder("original"), folder("link"));
  {
    Child through_link = run_by_default("link");
    ASSERT_TRUE(through_link.said("ready: ")) << through_link.err();
    stop(through_link);
  }
  Child first = run_by_default("original");
  ASSERT_TRUE(first.said("ready: ")) << first.err();
  write("original", "one");
  ASSERT_TRUE(eventually([&] { return content_of(log("original")) == "one\n"; })) << first.err();
  copy();
  fs::remove(folder("link"));
  fs::create_directory_symlink(folder("copy"), folder("link"));
  Child second = run_by_default("link");
  ASSERT_TRUE(second.said("ready: ")) << second.err();
  expect_that_both_take_lines(first, second);
}

TEST_F(CopiedLog, CheckNamesWhoseRingItIs) {
  leave_a_line_in_the_ring();
  fs::create_directory(folder("new"));
  EXPECT_THAT(check("new"), HasSubstr("it is the ring of the log '" + log("original") +
                                      "'; slurper uses the default folder"));
}

TEST_F(CopiedLog, CheckNamesWhoUsesTheRing) {
  fs::create_directory(folder("new"));
  {
    Child other = run_by_default("new");  // which gives that log an id
    ASSERT_TRUE(other.said("ready: ")) << other.err();
    stop(other);
  }
  {
    Child first = run("original");
    ASSERT_TRUE(first.said("ready: ")) << first.err();
    EXPECT_THAT(check("original"), Not(HasSubstr("is used by")));
    forget_the_path();
    EXPECT_THAT(check("new"), HasSubstr("error    the ring '" + ring_folder() + "/ring' is used by process " +
                                        std::to_string(first.pid()) + " ('slurper'), which does not write"));
    first.kill();
  }
  leave_a_line_in_the_ring();
  forget_the_path();
  EXPECT_THAT(check("new"), HasSubstr("belongs to another log, and holds 4B that no log may have"));
}

}  // namespace
}  // namespace slurper::test
