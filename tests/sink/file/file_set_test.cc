// The sink `file` with fields in its path, by itself. tests/crash/sink_kill_test.cc kills it.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "log/segment_name.h"
#include "sink/file/file_sink.h"
#include "sink/file/folders.h"
#include "sink/sink_site.h"
#include "support/files.h"
#include "support/temp_dir.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

namespace fs = std::filesystem;
using test::content_of;
using test::text_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string line_of(std::string_view host, int number) {
  return fmt::format("<13>1 2026-11-29T00:00:00Z {} prog - - - {}", host, number);
}

class FileSetTest : public testing::Test {
 protected:
  void make(const std::string& path, SinkSite::Pairs settings = {}) {
    settings.emplace_back("path", dir_ / path);
    settings.emplace_back("format", "{host} {msg}");
    auto sink = site_.make(file_sink(), settings);
    ASSERT_TRUE(sink) << text_of(sink.error());
    sink_ = std::move(*sink);
    const auto opened = site_.open(*sink_);
    ASSERT_TRUE(opened) << text_of(opened.error());
    EXPECT_FALSE(opened->has_value()) << "each file answers for itself";
  }
  void reopen() {
    sink_->close();
    const auto opened = site_.open(*sink_);
    ASSERT_TRUE(opened) << text_of(opened.error());
  }
  // Hands the records over, and returns the failure.
  std::string deliver(std::span<const Record> batch) {
    const auto delivered = site_.deliver(*sink_, batch);
    return delivered ? "" : text_of(delivered.error());
  }
  std::string file(const std::string& name) { return content_of(dir_ / name); }
  // The files in the folder, without those beside them.
  std::vector<std::string> files() {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(dir_.path())) {
      const std::string name = entry.path().filename();
      if (entry.is_regular_file() && !name.starts_with('.')) names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
  }

  test::TempDir dir_ = test::TempDir::in_ram();
  SinkSite site_;
  std::unique_ptr<Sink> sink_;
};

TEST_F(FileSetTest, EachHostHasAFile) {
  make("{host}.log");
  EXPECT_EQ(deliver(site_.records({line_of("one", 1), line_of("two", 2), line_of("one", 3), "<13>no header",
                                   line_of("..", 4), line_of("_other", 5)})),
            "");
  EXPECT_EQ(file("one.log"), "one 1\none 3\n");
  EXPECT_EQ(file("two.log"), "two 2\n");
  EXPECT_EQ(file("_none.log"), "- no header\n");
  EXPECT_EQ(file("%2E..log"), ".. 4\n");
  EXPECT_EQ(file("%5Fother.log"), "_other 5\n");
}

TEST_F(FileSetTest, FoldersAreMadeBelowTheFirstField) {
  const mode_t before = ::umask(0);
  make("{host}/x/{program}.log");
  EXPECT_EQ(deliver(site_.records({line_of("one", 1), line_of("two", 2)})), "");
  ::umask(before);
  EXPECT_EQ(file("one/x/prog.log"), "one 1\n");
  EXPECT_EQ(file("two/x/prog.log"), "two 2\n");
  struct stat st{};
  ASSERT_EQ(::stat((dir_ / "one").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777U, 0750U);
  EXPECT_EQ(st.st_gid, ::getegid());
}

TEST_F(FileSetTest, NoLinkIsFollowedBelowTheFolder) {
  const test::TempDir elsewhere;
  fs::create_directory_symlink(elsewhere.path(), dir_ / "evil");
  make("{host}/prog.log");
  EXPECT_EQ(deliver(site_.records({line_of("evil", 1), line_of("good", 2), line_of("evil", 3)})), "");
  EXPECT_TRUE(fs::is_empty(elsewhere.path()));
  EXPECT_EQ(file("good/prog.log"), "good 2\n");
  EXPECT_EQ(file("_other/prog.log"), "evil 1\nevil 3\n");
  const std::string report = fmt::format(
      "writes the lines of '{}' to '{}' instead: cannot open the folder '{}': "
      "Not a directory",
      dir_ / "evil/prog.log", dir_ / "_other/prog.log", dir_ / "evil");
  EXPECT_EQ(site_.said(),
            report + ". Remove it: below the folder before the first field, slurper follows no links\n");
}

// One host's file must not stop those of all others, whatever is wrong with it.
TEST_F(FileSetTest, AFileThatCannotBeOpenedStopsNoOther) {
  fs::create_directory(dir_ / "folder.log");
  fs::create_symlink("/etc/passwd", dir_ / "link.log");
  ASSERT_EQ(::mkfifo((dir_ / "fifo.log").c_str(), 0600), 0);
  make("{host}.log");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(deliver(site_.records({line_of("folder", i), line_of("one", i), line_of("link", i),
                                     line_of("fifo", i), line_of("two", i)})),
              "");
  }
  EXPECT_EQ(file("one.log"), "one 0\none 1\n");
  EXPECT_EQ(file("two.log"), "two 0\ntwo 1\n");
  EXPECT_EQ(file("_other.log"), "folder 0\nlink 0\nfifo 0\nfolder 1\nlink 1\nfifo 1\n")
      << "in the order of the log";
  EXPECT_EQ(std::ranges::count(site_.said(), '\n'), 1) << "one report is enough: " << site_.said();
  EXPECT_THAT(site_.said(), HasSubstr("Move it away, or remove it: slurper then creates the file"));
  EXPECT_EQ(site_.shown(),
            "problem: 6 lines in '" + (dir_ / "_other.log") + "' instead of files of their own");
  fs::remove(dir_ / "link.log");
  EXPECT_EQ(deliver(site_.records({line_of("link", 5)})), "");
  EXPECT_EQ(file("link.log"), "link 5\n") << "as soon as the cause is removed";
}

// A place among the `max_destinations` is for a file that exists.
TEST_F(FileSetTest, AFileThatCannotBeOpenedTakesNoPlace) {
  fs::create_directory(dir_ / "folder.log");
  make("{host}.log", {{"max_destinations", "1"}});
  EXPECT_EQ(deliver(site_.records({line_of("folder", 1)})), "");
  EXPECT_EQ(deliver(site_.records({line_of("one", 2)})), "");
  EXPECT_EQ(file("one.log"), "one 2\n");
}

// After a kill, the records come again, and other files can be opened than before.
TEST_F(FileSetTest, NoLineIsLostWhicheverFileBreaksOverAKill) {
  make("{host}.log");
  const auto records = site_.records(
      {line_of(std::string(250, 'x'), 0), line_of("one", 1), line_of("two", 2), line_of("one", 3)});
  EXPECT_EQ(deliver(records), "");
  for (const char* host : {"one", "two"}) {
    sink_->close();
    fs::rename(dir_ / fmt::format("{}.log", host), dir_ / fmt::format("{}.kept", host));
    fs::create_directory(dir_ / fmt::format("{}.log", host));
    ASSERT_TRUE(site_.open(*sink_));
    EXPECT_EQ(deliver(records), "");
    const std::string all = file("one.log") + file("one.kept") + file("two.log") + file("two.kept");
    for (const char* line : {"one 1\n", "two 2\n", "one 3\n"})
      EXPECT_TRUE((all + file("_other.log")).contains(line)) << line;
  }
}

// What is wrong with all files is the sink's failure: nothing is refused.
// Folders that come and go while slurper reads the folder above them, as in a clean-up of old hosts.
TEST_F(FileSetTest, FindsItsFilesWhileOtherFoldersVanish) {
  make("{host}/log.txt", {{"max_destinations", "20"}});
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(deliver(site_.records({line_of(fmt::format("host{}", i), i)})), "");
  }
  std::atomic<bool> is_done = false;
  std::jthread others([&] {
    for (int i = 0; !is_done; ++i) {
      const std::string folder = dir_ / fmt::format("gone{}", i % 50);
      std::error_code ignored;
      fs::create_directories(folder + "/deep", ignored);
      fs::remove_all(folder, ignored);
    }
  });
  for (int i = 0; i < 200; ++i) {
    reopen();
    EXPECT_EQ(deliver(site_.records({line_of("host19", 100 + i), line_of("new", i)})), "");
  }
  is_done = true;
  EXPECT_FALSE(fs::exists(dir_ / "new")) << "all places are taken";
  EXPECT_EQ(std::ranges::count(file("host19/log.txt"), '\n'), 201);
}

TEST_F(FileSetTest, WithoutItsFirstFolderItFails) {
  make("{host}/{program}.log");
  fs::remove_all(dir_.path());
  EXPECT_THAT(
      deliver(site_.records({line_of("one", 1)})),
      HasSubstr(fmt::format("No such file or directory. Create it: mkdir -p -m 0750 '{}', and chown it "
                            "to slurper's user",
                            dir_.path())));
  fs::create_directory(dir_.path());
}

TEST_F(FileSetTest, AFolderThatIsMissingIsSaid) {
  auto sink = site_.make(file_sink(), {{"path", dir_ / "none/{host}.log"}});
  ASSERT_TRUE(sink);
  const auto opened = site_.open(**sink);
  ASSERT_FALSE(opened);
  EXPECT_EQ(
      text_of(opened.error()),
      fmt::format("cannot read the folder '{0}': No such file or directory. Create it: mkdir -p -m 0750 "
                  "'{0}', and chown it to slurper's user",
                  dir_ / "none"));
}

TEST(Folders, AreMadeOrTheFailureIsSaid) {
  const auto made = make_folders("/proc", "/proc/one/two/file", true);  // where no folder can be made
  ASSERT_FALSE(made);
  EXPECT_THAT(text_of(made.error()), HasSubstr("cannot create the folder '/proc/one': "));
  EXPECT_TRUE(make_folders("/proc", "/proc/file", true));
}

TEST_F(FileSetTest, WhatIsDeliveredAgainIsThereOnce) {
  make("{host}.log");
  const auto records =
      site_.records({line_of("one", 1), line_of("two", 2), line_of("one", 3), line_of("two", 4)});
  EXPECT_EQ(deliver(records.first(3)), "");
  reopen();
  EXPECT_EQ(deliver(records), "");
  reopen();
  EXPECT_EQ(deliver(records.subspan(1)), "");
  EXPECT_EQ(file("one.log"), "one 1\none 3\n");
  EXPECT_EQ(file("two.log"), "two 2\ntwo 4\n");
  EXPECT_EQ(*site_.flush(*sink_), records.back().next_offset());
}

TEST_F(FileSetTest, OfAWriteThatWasCutShortTheRestIsWritten) {
  make("{host}.log");
  const auto records = site_.records({line_of("one", 1), line_of("one", 2)});
  EXPECT_EQ(deliver(records.first(1)), "");
  sink_->close();
  test::write_file(dir_ / "one.log", "one 1\non");
  ASSERT_TRUE(site_.open(*sink_));
  EXPECT_EQ(deliver(records), "");
  EXPECT_EQ(file("one.log"), "one 1\none 2\n");
}

// A restored log has other lines at the same offsets: they must not count as delivered.
TEST_F(FileSetTest, AnotherLineAtTheOffsetOfTheLastOneStopsTheSink) {
  make("{host}.log");
  const auto records = site_.records({line_of("one", 1), line_of("one", 2), line_of("two", 3)});
  EXPECT_EQ(deliver(records), "");
  reopen();
  const auto at = [&](const Record& record, const std::string& line, std::uint64_t next) {
    return Record(site_.context().log_id, record.offset(), next, line, Part::Whole, record.arrival(),
                  &parse_syslog_header);
  };
  const std::string other = line_of("one", 9);
  const std::string failure = fmt::format(
      "cannot write to '{0}/one.log': its last line is not the one that ends at offset {1} of the log "
      "07070707-0707-0707-0707-070707070707: the file or the log was restored from an older copy, or "
      "settings changed over a kill. Move '{0}/.one.log.cursor-source' away: the sink may then repeat "
      "lines in the file",
      dir_.path(), records[1].next_offset());
  const std::vector<Record> same_place = {at(records[1], other, records[1].next_offset())};
  EXPECT_EQ(deliver(same_place), failure);
  reopen();
  const std::vector<Record> across = {at(records[1], other, records[2].next_offset())};
  EXPECT_EQ(deliver(across), failure);
  reopen();
  // Nothing ends there.
  const std::uint64_t begin = records[0].offset();
  const std::vector<Record> before = {records[0], at(records[2], other, records[2].next_offset())};
  EXPECT_EQ(deliver(before), failure);
  EXPECT_LE(site_.acked(), records.back().next_offset());
  EXPECT_EQ(begin, 0U);
  EXPECT_EQ(file("one.log"), "one 1\none 2\n");
}

TEST_F(FileSetTest, NothingIsAcknowledgedBeforeTheLastLineWasCompared) {
  make("{host}.log", {{"sync", "none"}});
  const auto records =
      site_.records({line_of("two", 0), line_of("one", 1), line_of("one", 2), line_of("two", 3)});
  EXPECT_EQ(deliver(records), "");
  EXPECT_EQ(site_.acked(), records.back().next_offset());

  SinkSite again;  // a slurper that was killed knows less
  SinkSite::Pairs settings = {{"path", dir_ / "{host}.log"}, {"format", "{host} {msg}"}, {"sync", "none"}};
  sink_->close();
  auto sink = again.make(file_sink(), settings);
  ASSERT_TRUE(sink);
  ASSERT_TRUE(again.open(**sink));
  ASSERT_TRUE(again.deliver(**sink, records.first(2)));
  EXPECT_EQ(again.acked(), 0U) << "what two and one have was not seen to its end";
  ASSERT_TRUE(again.deliver(**sink, records.subspan(2)));
  EXPECT_EQ(again.acked(), records.back().next_offset());
}

TEST_F(FileSetTest, NoLinkIsFollowedInPlaceOfAnOpenFilesFolder) {
  const test::TempDir elsewhere;
  make("{host}/prog.log");
  EXPECT_EQ(deliver(site_.records({line_of("one", 1)})), "");
  fs::remove_all(dir_ / "one");
  fs::create_directory_symlink(elsewhere.path(), dir_ / "one");
  EXPECT_EQ(deliver(site_.records({line_of("one", 2)})), "");
  EXPECT_THAT(site_.said(), HasSubstr("slurper follows no links"));
  EXPECT_EQ(file("_other/prog.log"), "one 2\n");
  EXPECT_TRUE(fs::is_empty(elsewhere.path()));
}

// Its cursor is there again, too: or the new file would get its lines again after a kill.
TEST_F(FileSetTest, AFileThatWasRemovedWithItsCursorIsMadeAgainWithIt) {
  make("{host}.log");
  EXPECT_EQ(deliver(site_.records({line_of("one", 1)})), "");
  for (const auto& entry : fs::directory_iterator(dir_.path())) fs::remove(entry.path());
  std::span<const Record> newest;
  int number = 1;
  ASSERT_TRUE(test::eventually([&] {
    newest = site_.records({line_of("one", ++number)});
    EXPECT_EQ(deliver(newest), "");
    return fs::exists(dir_ / "one.log");
  }));
  const std::string before = file("one.log");
  EXPECT_THAT(before, testing::EndsWith(fmt::format("one {}\n", number)));
  reopen();
  EXPECT_EQ(deliver(newest), "");
  EXPECT_EQ(file("one.log"), before);
}

// A host may be silent for months, while the log gets one new id after the other.
TEST_F(FileSetTest, AQuietFileFollowsEachNewIdOfTheLog) {
  make("{host}.log");
  EXPECT_EQ(deliver(site_.records({line_of("one", 1), line_of("two", 2)})), "");
  for (int i = 0; i < 2; ++i) {
    sink_->close();
    site_.rename_log();
    ASSERT_TRUE(site_.open(*sink_));
    EXPECT_EQ(deliver(site_.records({line_of("one", 3)})), "");
  }
  EXPECT_EQ(deliver(site_.records({line_of("two", 4)})), "");
  EXPECT_EQ(file("two.log"), "two 2\ntwo 4\n");
}

// Others have taken the descriptors that there seemed to be.
TEST_F(FileSetTest, FewDescriptorsAreEnough) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  make("{host}.log");
  const UniqueFd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  rlimit few = before;
  few.rlim_cur = static_cast<rlim_t>(next.get()) + 40;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<std::string> lines;
  for (int i = 0; i < 30; ++i) lines.push_back(line_of(fmt::format("host{}", i), i));
  const std::string failure = deliver(site_.records(lines));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(failure, "");
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(file(fmt::format("host{}.log", i)), fmt::format("host{} {}\n", i, i));
}

TEST_F(FileSetTest, BeyondTheLimitLinesShareAFile) {
  make("{host}.log", {{"max_destinations", "2"}});
  const auto records =
      site_.records({line_of("one", 1), line_of("two", 2), line_of("three", 3), line_of("one", 4),
                     line_of("four", 5), line_of(std::string(240, 'x'), 6)});
  EXPECT_EQ(deliver(records), "");
  EXPECT_THAT(files(), ElementsAre("_other.log", "one.log", "two.log"));
  EXPECT_EQ(file("_other.log"), "three 3\nfour 5\n" + std::string(240, 'x') + " 6\n");
  const std::string said = fmt::format(
      "has 2 files, as many as max_destinations allows: lines that need another one go to '{}' (3 so far). "
      "Raise max_destinations, or select fewer lines with a filter\n",
      dir_ / "_other.log");
  EXPECT_EQ(site_.said(), said) << "once";
  EXPECT_THAT(site_.shown(), testing::HasSubstr("(3 so far)"));
  // The files of the first run are the same in the second one, whose first line is another host's.
  reopen();
  EXPECT_EQ(deliver(site_.records({line_of("five", 7), line_of("two", 8)})), "");
  EXPECT_THAT(files(), ElementsAre("_other.log", "one.log", "two.log"));
  EXPECT_EQ(file("two.log"), "two 2\ntwo 8\n");
  EXPECT_EQ(site_.said(), said) << "not soon again";
  EXPECT_THAT(site_.shown(), testing::HasSubstr("(4 so far)"));
}

TEST_F(FileSetTest, MoreFilesThanAreOpenAtOnceKeepTheirLines) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few = {.rlim_cur = 260, .rlim_max = before.rlim_max};  // for 16 files
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  make("{host}.log");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  constexpr int kHosts = 40;
  std::vector<std::string> lines;
  for (int number = 0; number < 3 * kHosts; ++number)
    lines.push_back(line_of(fmt::format("host-{}", number % kHosts), number));
  const auto records = site_.records(std::move(lines));
  for (std::size_t begin = 0; begin < records.size(); begin += 30)
    EXPECT_EQ(deliver(records.subspan(begin, 30)), "");
  for (int host = 0; host < kHosts; ++host) {
    std::string expected;
    for (int number = host; number < 3 * kHosts; number += kHosts)
      expected += fmt::format("host-{} {}\n", host, number);
    EXPECT_EQ(file(fmt::format("host-{}.log", host)), expected);
  }
}

TEST_F(FileSetTest, EachFileRotatesByItself) {
  make("{host}.log", {{"rotate_size", "4KiB"}, {"keep_files", "1"}});
  std::vector<std::string> lines(60, line_of("one", 1) + std::string(200, 'x'));
  lines.push_back(line_of("two", 2));
  EXPECT_EQ(deliver(site_.records(std::move(lines))), "");
  EXPECT_TRUE(test::eventually([&] {
    const auto segments = list_segments(kernel(), LogPaths(dir_ / "one.log"));
    return segments && segments->size() == 1;
  }));
  EXPECT_EQ(file("two.log"), "two 2\n");
}

}  // namespace
}  // namespace slurper
