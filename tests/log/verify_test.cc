#include "log/verify.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <thread>

#include "log/compress.h"
#include "log/cursor_file.h"
#include "log/fault_os.h"
#include "log/log_files.h"
#include "log/log_writer.h"
#include "service/phrase_table.h"
#include "support/flock_holder.h"
#include "support/text_of.h"
#include "support/wait.h"

namespace slurper {
namespace {

using test::text_of;

using test::FlockHolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kSize = 1000;

// Makes a log of three rotated segments of kSize bytes, of which the first is compressed, and an active
// segment of half the size.
class VerifyTest : public testing::Test {
 protected:
  VerifyTest() : bytes_(numbered_lines(3 * kSize + kSize / 2)) {
    for (int i = 0; i < 3; ++i) write_file(paths_.rotated(base(i)), part(i));
    compress(0);
    write_file(paths_.active(), part(3));
    write_index(base(3));
  }

  static StreamOffset base(int i) { return {static_cast<std::uint64_t>(i) * kSize}; }
  std::string part(int i) const { return bytes_.substr(static_cast<std::size_t>(i) * kSize, kSize); }
  static std::uint64_t lines_in(const std::string& text) {
    return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
  }
  void compress(int i) {
    const Segment raw{
        .base = base(i), .path = paths_.rotated(base(i)), .stored = kSize, .compressed = false, .mtime = {}};
    ASSERT_TRUE(compress_segment(kernel(), paths_, raw, {}));
  }
  ino_t active_inode() const {
    struct stat st{};
    EXPECT_EQ(stat(paths_.active().c_str(), &st), 0);
    return st.st_ino;
  }
  void write_index(StreamOffset active_base) {
    auto index = LogIndex::open(kernel(), paths_, {});
    ASSERT_TRUE(index) << test::text_of(index.error());
    IndexRecord record = index->record().value_or(IndexRecord{});
    record.active_base = active_base;
    record.active_inode = active_inode();
    ASSERT_TRUE(index->write(record, LogIndex::Durability::Cached));
  }
  void rename(const std::string& from, const std::string& to) { std::filesystem::rename(from, to); }

  LogVerification verify(Os& os = kernel()) {
    auto log = verify_log(os, paths_);
    if (!log) throw std::runtime_error(test::text_of(log.error()));
    return std::move(*log);
  }
  static std::vector<std::string> problems(const LogVerification& log) {
    std::vector<std::string> all;
    for (const Phrase& problem : log.problems) {
      EXPECT_FALSE(advice_of(problem).empty()) << test::text_of(problem);
      EXPECT_THAT(test::text_of(problem), testing::EndsWith(advice_of(problem)));
      all.push_back(to_text(problem));
    }
    return all;
  }
  static std::vector<std::string> notes(const LogVerification& log) {
    std::vector<std::string> all;
    for (const Phrase& note : log.notes) all.push_back(test::text_of(note));
    return all;
  }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "m"};
  std::string bytes_;
};

TEST_F(VerifyTest, AccountsForEveryByteOfAGoodLog) {
  const LogVerification log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log), IsEmpty());
  EXPECT_EQ(log.end, StreamOffset{bytes_.size()});
  EXPECT_EQ(log.unfinished_line_bytes, 0U);
  EXPECT_EQ(log.writer, std::nullopt);
  ASSERT_THAT(log.segments, SizeIs(4));
  for (int i = 0; i < 4; ++i) {
    const auto& segment = log.segments[static_cast<std::size_t>(i)];
    EXPECT_EQ(segment.base, base(i));
    EXPECT_EQ(segment.bytes, part(i).size());
    EXPECT_EQ(segment.lines, lines_in(part(i)));
    EXPECT_FALSE(segment.damaged);
  }
  EXPECT_EQ(log.segments[0].kind, VerifiedSegment::Kind::Compressed);
  EXPECT_EQ(log.segments[0].stored, std::filesystem::file_size(paths_.compressed(base(0))));
  EXPECT_EQ(log.segments[1].kind, VerifiedSegment::Kind::Raw);
  EXPECT_EQ(log.segments[3].kind, VerifiedSegment::Kind::Active);
}

TEST_F(VerifyTest, MeasuresAnUnfinishedLineEvenAcrossSegments) {
  write_file(paths_.active(), "line\nunfinished");
  EXPECT_EQ(verify().unfinished_line_bytes, 10U);
  write_file(paths_.active(), "");
  EXPECT_EQ(verify().unfinished_line_bytes,
            bytes_.size() - kSize / 2 - bytes_.rfind('\n', 3 * kSize - 1) - 1);
  write_file(paths_.active(), std::string(600'000, 'x') + "\n" + std::string(300'000, 'y'));
  EXPECT_EQ(verify().unfinished_line_bytes, 300'000U);
}

TEST_F(VerifyTest, TakesALogWithoutItsOldestSegments) {
  ASSERT_EQ(unlink(paths_.compressed(base(0)).c_str()), 0);
  const LogVerification log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log), ElementsAre(HasSubstr("the log no longer has the 1000 bytes before offset 1000")));
}

TEST_F(VerifyTest, TakesAnIndexWithoutARecord) {
  write_file(paths_.index(), "");
  EXPECT_THAT(notes(verify()), ElementsAre("the log's index has no record yet"));
}

TEST_F(VerifyTest, CountsLinesThatWereEndedForALossOfPower) {
  {
    auto index = LogIndex::open(kernel(), paths_, {});
    ASSERT_TRUE(index) << test::text_of(index.error());
    IndexRecord record = index->record().value();
    record.torn_lines_closed = 3;
    ASSERT_TRUE(index->write(record, LogIndex::Durability::Cached));
  }
  EXPECT_THAT(notes(verify()),
              ElementsAre("lines that a loss of power cut short, and that slurper ended with a newline: 3"));
}

TEST_F(VerifyTest, FindsACompressedSegmentThatIsTooLong) {
  write_file(paths_.rotated(base(1)), part(1) + "x");
  compress(1);
  const LogVerification log = verify();
  ASSERT_THAT(log.problems, SizeIs(1));
  EXPECT_EQ(test::text_of(log.problems[0]),
            "the segment at offset 2000 begins before the end of the one before it, 2001. Does "
            "'m.00000000000000002000' belong to another log? Then move it away. Should "
            "'m.00000000000000001000.zst' hold 1000 bytes? Then restore it from a backup");
}

TEST_F(VerifyTest, TakesANewLog) {
  for (const std::string& path :
       {paths_.compressed(base(0)), paths_.rotated(base(1)), paths_.rotated(base(2)), paths_.index()})
    ASSERT_EQ(unlink(path.c_str()), 0);
  write_file(paths_.active(), "");
  write_index({0});
  const LogVerification log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_EQ(log.end, StreamOffset{0});
}

TEST_F(VerifyTest, FindsAMissingSegment) {
  ASSERT_EQ(unlink(paths_.rotated(base(1)).c_str()), 0);
  const LogVerification log = verify();
  EXPECT_THAT(problems(log), ElementsAre("no segment holds the offsets 1000 to 2000 (1000 bytes)"));
  EXPECT_THAT(advice_of(log.problems[0]), HasSubstr("'m.00000000000000001000'"));
}

TEST_F(VerifyTest, FindsAFileThatIsNamedAsASegmentBeyondTheEnd) {
  write_file(paths_.rotated(StreamOffset{99'999'999}), "x\n");
  EXPECT_THAT(problems(verify()), testing::Contains(HasSubstr("to 99999999 (")));
}

TEST_F(VerifyTest, FindsAMissingLastSegment) {
  ASSERT_EQ(unlink(paths_.rotated(base(2)).c_str()), 0);
  EXPECT_THAT(problems(verify()), ElementsAre("no segment holds the offsets 2000 to 3000 (1000 bytes)"));
}

TEST_F(VerifyTest, FindsASegmentThatIsTooShortOrTooLong) {
  write_file(paths_.rotated(base(1)), part(1).substr(0, 999));
  EXPECT_THAT(problems(verify()), ElementsAre("no segment holds the offsets 1999 to 2000 (1 byte)"));
  write_file(paths_.rotated(base(1)), part(1) + "x");
  EXPECT_THAT(problems(verify()),
              ElementsAre("the segment at offset 2000 begins before the end of the one before it, 2001"));
  write_file(paths_.rotated(base(1)), part(1));
  write_file(paths_.rotated(base(2)), part(2) + "x");
  EXPECT_THAT(problems(verify()),
              ElementsAre("the segment at offset 3000 begins before the end of the one before it, 3001"));
}

TEST_F(VerifyTest, FindsACompressedSegmentCutAnywhere) {
  const std::string frame = read_file(paths_.compressed(base(0)));
  for (std::size_t size = 0; size < frame.size(); ++size) {
    write_file(paths_.compressed(base(0)), frame.substr(0, size));
    const LogVerification log = verify();
    ASSERT_FALSE(log.problems.empty()) << size;
    EXPECT_THAT(test::text_of(log.problems[0]),
                HasSubstr("'m.00000000000000000000.zst', from offset 0 on, is damaged"))
        << size;
    EXPECT_TRUE(log.segments[0].damaged) << size;
  }
}

TEST_F(VerifyTest, FindsACompressedSegmentOfAnotherSize) {
  write_file(paths_.rotated(base(1)), part(1).substr(1));
  compress(1);
  EXPECT_THAT(problems(verify()), ElementsAre("no segment holds the offsets 1999 to 2000 (1 byte)"));
}

TEST_F(VerifyTest, FindsWhatIsWrongWithTheIndex) {
  const std::string good = read_file(paths_.index());
  std::string damaged = good;
  damaged[100] ^= 1;
  write_file(paths_.index(), damaged);
  EXPECT_THAT(problems(verify()),
              ElementsAre("the log's index '.m.index' can't be used: no slot of it is whole"));

  ASSERT_EQ(unlink(paths_.index().c_str()), 0);
  LogVerification log = verify();
  EXPECT_THAT(problems(log), ElementsAre("the log's index '.m.index' is missing"));
  EXPECT_EQ(log.end, StreamOffset{bytes_.size()});

  // If one slot is damaged and the other is whole, nothing is lost.
  write_file(paths_.index(), good + std::string(kIndexSlotSize, 'x'));
  log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log), ElementsAre(HasSubstr("slot B of the log's index")));
}

TEST_F(VerifyTest, FindsAnActiveSegmentThatIsMissingOrAnother) {
  rename(paths_.active(), directory_ / "m.1");
  EXPECT_THAT(problems(verify()), ElementsAre("the active segment 'm', from offset 3000 on, is missing"));
  write_file(paths_.active(), "other\n");
  EXPECT_THAT(problems(verify()),
              ElementsAre(HasSubstr("the active segment 'm' is not the file that the index knows")));
}

TEST_F(VerifyTest, FindsAnActiveBaseThatIsWrong) {
  write_index({2999});
  EXPECT_THAT(problems(verify()),
              ElementsAre("the segment at offset 2999 begins before the end of the one before it, 3000"));
  write_index({3001});
  EXPECT_THAT(problems(verify()), ElementsAre("no segment holds the offsets 3000 to 3001 (1 byte)"));
}

// Tests each state in which a crash can leave a rotation.
TEST_F(VerifyTest, TakesARotationThatWasCutShort) {
  rename(paths_.active(), paths_.rotated(base(3)));
  LogVerification log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log), ElementsAre(HasSubstr("a rotation was cut short")));
  EXPECT_EQ(log.end, StreamOffset{bytes_.size()});
  EXPECT_THAT(log.segments, SizeIs(4));

  write_file(paths_.active(), "next\n");
  log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log), ElementsAre(HasSubstr("a rotation was cut short")));
  EXPECT_EQ(log.end, StreamOffset{bytes_.size() + 5});

  write_index({bytes_.size()});
  log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log), IsEmpty());
}

// Tests each state in which a crash can leave a compression.
TEST_F(VerifyTest, TakesACompressionThatWasCutShort) {
  write_file(paths_.temporary(base(1)), "cut short");
  LogVerification log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log),
              ElementsAre(HasSubstr("'m.00000000000000001000.zst.tmp' is left from a compression")));
  ASSERT_EQ(unlink(paths_.temporary(base(1)).c_str()), 0);

  compress(1);
  write_file(paths_.rotated(base(1)), part(1));
  log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log),
              ElementsAre(HasSubstr("'m.00000000000000001000.zst' stands beside its raw segment")));
  EXPECT_THAT(log.segments, SizeIs(4));
}

// What a crash would leave so, a writer is about to finish.
TEST_F(VerifyTest, WhatIsHalfDoneWhileTheLogIsWrittenIsUnderWay) {
  write_file(paths_.temporary(base(1)), "half done");
  compress(2);
  write_file(paths_.rotated(base(2)), part(2));
  const auto writer = LogIndex::open(kernel(), paths_, {});
  ASSERT_TRUE(writer) << test::text_of(writer.error());
  LogVerification log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(
      notes(log),
      ElementsAre(
          "'m.00000000000000002000.zst' stands beside its raw segment: its compression is about to finish",
          "'m.00000000000000001000.zst.tmp': a compression is under way"));
  rename(paths_.active(), paths_.rotated(base(3)));
  log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log), testing::Contains("a rotation is under way"));
}

// Another process cuts a file between a look at its size and the reading of it.
TEST_F(VerifyTest, FindsWhatIsCutMeanwhile) {
  class CuttingOs : public Os {
   public:
    explicit CuttingOs(std::string path) : path_(std::move(path)) {}
    int fstat(int fd, struct stat* st) override {
      struct stat named{};
      const int result = Os::fstat(fd, st);
      if (::lstat(path_.c_str(), &named) == 0 && named.st_ino == st->st_ino)
        std::filesystem::resize_file(path_, 100);
      return result;
    }

   private:
    std::string path_;
  };
  CuttingOs rotated(paths_.rotated(base(1)));
  EXPECT_THAT(
      test::text_of(verify(rotated).problems.at(0)),
      "'m.00000000000000001000', from offset 1000 on, is damaged: its size changed while it was read. "
      "Check the disk, and restore the segment from a backup");
  write_file(paths_.rotated(base(1)), part(1));
  CuttingOs active(paths_.active());
  EXPECT_THAT(
      test::text_of(verify(active).problems.at(0)),
      "the active segment 'm' can't be read to its end: another process cut it short meanwhile. Check "
      "the disk, and which other process writes to the file");
}

TEST_F(VerifyTest, SaysWhyArrivalTimesAreNotKnown) {
  write_file(paths_.times(), "ruined");
  EXPECT_THAT(
      notes(verify()),
      ElementsAre("the arrival times of some lines are unknown: '.m.times', its header is damaged; the "
                  "next start of slurper begins the file anew, or cuts off what is damaged"));
  class DenyingOs : public Os {
   public:
    std::string path;
    int open(const char* file, int flags, mode_t mode) override {
      return file == path ? -EACCES : Os::open(file, flags, mode);
    }
  } denying;
  denying.path = paths_.times();
  EXPECT_THAT(notes(verify(denying)),
              ElementsAre("the arrival times of lines are unknown: cannot use the arrival "
                          "times '" +
                          paths_.times() + "': Permission denied"));
}

TEST_F(VerifyTest, SaysWhereThereIsNoLog) {
  const auto none = verify_log(kernel(), LogPaths(directory_ / "none"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::NoInput);
  const auto no_folder = verify_log(kernel(), LogPaths(directory_ / "none/none"));
  ASSERT_FALSE(no_folder);
  EXPECT_EQ(no_folder.error().kind, ErrorKind::NoInput);
  const auto folder = verify_log(kernel(), LogPaths(directory_.path()));
  ASSERT_FALSE(folder);
  EXPECT_THAT(test::text_of(folder.error()), HasSubstr("it is a directory, not a regular file"));
}

TEST_F(VerifyTest, ChangesNothing) {
  write_file(paths_.temporary(base(1)), "cut short");
  const auto all = [&] {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path()))
      files[entry.path()] = read_file(entry.path());
    return files;
  };
  const auto before = all();
  ASSERT_THAT(before, SizeIs(7));
  (void)verify();  // other tests check what it finds
  EXPECT_EQ(all(), before);
}

// Does something at the n-th call of a certain name.
class InterferingOs : public Os {
 public:
  InterferingOs(std::string path, int at, std::function<void()> action)
      : path_(std::move(path)), left_(at), action_(std::move(action)) {}
  int lstat(const char* path, struct stat* st) override {
    interfere(path);
    return Os::lstat(path, st);
  }
  int open(const char* path, int flags, mode_t mode) override {
    interfere(path);
    return Os::open(path, flags, mode);
  }

 private:
  void interfere(const std::string& path) {
    if (path == path_ && --left_ == 0) action_();
  }

  std::string path_;
  int left_;
  std::function<void()> action_;
};

// Rotates the log just before each call that looks at a file of the log.
TEST_F(VerifyTest, LooksAgainWhenTheLogIsRotatedMeanwhile) {
  int rotations = 0;
  std::uint64_t active_base = 3 * kSize;
  const auto rotate = [&] {
    ++rotations;
    rename(paths_.active(), paths_.rotated({active_base}));
    active_base += std::filesystem::file_size(paths_.rotated({active_base}));
    write_file(paths_.active(), "a new segment\n");
    write_index({active_base});
  };
  for (const std::string& path : {paths_.active(), paths_.index(), paths_.rotated(base(2))}) {
    for (int at = 1; at <= 3; ++at) {
      InterferingOs os(path, at, rotate);
      const LogVerification log = verify(os);
      EXPECT_THAT(problems(log), IsEmpty()) << path << " " << at;
      EXPECT_THAT(notes(log), IsEmpty()) << path << " " << at;
    }
  }
  EXPECT_GE(rotations, 6);
}

TEST_F(VerifyTest, FollowsACompressionAndARemovalMeanwhile) {
  // The segment is listed as raw, and compressed before it is opened.
  InterferingOs compressing(paths_.rotated(base(1)), 2, [&] { compress(1); });
  LogVerification log = verify(compressing);
  EXPECT_THAT(problems(log), IsEmpty());
  ASSERT_THAT(log.segments, SizeIs(4));
  EXPECT_EQ(log.segments[1].kind, VerifiedSegment::Kind::Compressed);
  EXPECT_EQ(log.segments[1].stored, std::filesystem::file_size(paths_.compressed(base(1))));

  InterferingOs removing(paths_.compressed(base(0)), 2,
                         [&] { (void)unlink(paths_.compressed(base(0)).c_str()); });
  log = verify(removing);
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log),
              ElementsAre(HasSubstr("was removed meanwhile"), HasSubstr("the log no longer has")));
  EXPECT_THAT(log.segments, SizeIs(3));
}

// verify explains what other processes and a loss of power did to a log, if slurper has noted it.
TEST_F(VerifyTest, ExplainsWhatOthersHaveDoneToIt) {
  const LogPaths paths(directory_ / "other");
  LogSettings settings;
  settings.path = paths.active();
  const auto open = [&] { return std::move(*LogWriter::open(kernel(), settings, new_uuid())); };
  auto writer = open();
  const auto write = [&](std::string_view line) { ASSERT_TRUE(writer->append(line)); };
  write("first\n");
  std::ofstream(paths.active(), std::ios::app) << "somebody else's\n";
  write("in the next segment\n");
  std::filesystem::rename(paths.active(), directory_ / "other.1");
  ASSERT_TRUE(writer->reopen());
  write("after a move\n");
  ASSERT_EQ(::truncate(paths.active().c_str(), 0), 0);
  write("after a cut\n");
  write_file(paths.active(), "x");
  write("after it was overwritten\n");
  writer.reset();
  writer = open();  // in another boot, after an unclean exit
  write("after a loss of power\n");

  const auto log = verify_log(kernel(), paths);
  ASSERT_TRUE(log);
  EXPECT_THAT(problems(*log), IsEmpty());
  EXPECT_THAT(notes(*log),
              testing::IsSupersetOf(
                  {HasSubstr("another process wrote 16 bytes to the end of 'other.00000000000000000000'"),
                   HasSubstr("offsets 6 to 26 are not in the log: another process moved"),
                   HasSubstr("offsets 26 to 51 are not in the log: another process removed, cut"),
                   HasSubstr("the machine went down"), HasSubstr("'other.put-aside-1'")}));
  EXPECT_EQ(log->segments.size(), 3U);
  EXPECT_EQ(log->segments.front().bytes, 6U);
  EXPECT_EQ(log->segments.front().lines, 1U);
}

// Denies access to one file.
class DenyingOs : public Os {
 public:
  explicit DenyingOs(std::string path) : path_(std::move(path)) {}
  int open(const char* path, int flags, mode_t mode) override {
    return path == path_ ? -EACCES : Os::open(path, flags, mode);
  }

 private:
  std::string path_;
};

TEST_F(VerifyTest, TellsWhatItMayNotReadFromDamage) {
  for (const std::string& path :
       {paths_.index(), paths_.active(), paths_.rotated(base(1)), paths_.compressed(base(0))}) {
    DenyingOs os(path);
    const auto log = verify_log(os, paths_);
    ASSERT_FALSE(log) << path;
    EXPECT_EQ(log.error().kind, ErrorKind::NoPermission) << path;
    EXPECT_THAT(test::text_of(log.error()), HasSubstr(path));
  }
}

TEST_F(VerifyTest, ListsCursorsAndHowFarTheyAre) {
  const auto write_cursor = [&](const char* sink, std::uint64_t offset, const Uuid& log_id = {}) {
    auto cursor = CursorFile::open(kernel(), paths_, sink, log_id, {});
    ASSERT_TRUE(cursor) << test::text_of(cursor.error());
    ASSERT_TRUE(cursor->write({.offset = {offset}, .rejected = 2, .missed = 3}, Durability::Cached));
  };
  ASSERT_TRUE(CursorFile::open(kernel(), paths_, "fresh", {}, {}));
  write_cursor("done", bytes_.size());
  write_cursor("lags", 1200);
  LogVerification log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log), ElementsAre("the cursor of the sink 'fresh' has no record yet"));
  ASSERT_THAT(log.cursors, SizeIs(2));
  EXPECT_EQ(log.cursors[0].sink, "done");
  EXPECT_EQ(log.cursors[0].behind, 0U);
  EXPECT_EQ(log.cursors[1].sink, "lags");
  EXPECT_EQ(log.cursors[1].behind, bytes_.size() - 1200);
  EXPECT_EQ(log.cursors[1].record.rejected, 2U);
  EXPECT_EQ(log.cursors[1].record.missed, 3U);

  ASSERT_EQ(unlink(paths_.cursor("fresh").c_str()), 0);
  write_cursor("beyond", bytes_.size() + 1);
  write_cursor("other", 5, new_uuid());
  write_file(paths_.cursor("ruined"), "what is this");
  log = verify();
  EXPECT_THAT(problems(log),
              ElementsAre("the cursor of the sink 'beyond' is at offset 3501, beyond the log's end",
                          HasSubstr("the cursor of the sink 'other' belongs to another log"),
                          "the cursor of the sink 'ruined' can't be used: no slot of it is whole"));
  for (const auto& problem : log.problems)
    EXPECT_THAT(advice_of(problem), testing::AnyOf(HasSubstr("ove "), HasSubstr("slurper cursor '")))
        << to_text(problem);
}

// After a loss of power, a sink may have bytes that the log lacks. The next start continues after them.
TEST_F(VerifyTest, ACursorMayBeBeyondWhatALossOfPowerTook) {
  {
    auto index = LogIndex::open(kernel(), paths_, {});
    ASSERT_TRUE(index);
    IndexRecord record = *index->record();
    record.reserved = {bytes_.size() + 100};
    ASSERT_TRUE(index->write(record, Durability::Cached));
    auto cursor = CursorFile::open(kernel(), paths_, "quick", {}, {});
    ASSERT_TRUE(cursor);
    ASSERT_TRUE(cursor->write({.offset = {bytes_.size() + 100}}, Durability::Cached));
  }
  LogVerification log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log), ElementsAre(HasSubstr("the cursor of the sink 'quick' is 100 bytes beyond")));
  {
    auto index = LogIndex::open(kernel(), paths_, {});
    ASSERT_TRUE(index);
    IndexRecord record = *index->record();
    record.boot_id = *read_boot_id(kernel());
    ASSERT_TRUE(index->write(record, Durability::Cached));
  }
  EXPECT_THAT(problems(verify()), ElementsAre(HasSubstr("beyond the log's end"))) << "no power was lost";
}

TEST_F(VerifyTest, SaysWhichCursorsWillMissSomething) {
  auto cursor = CursorFile::open(kernel(), paths_, "slow", {}, {});
  ASSERT_TRUE(cursor);
  ASSERT_TRUE(cursor->write({.offset = {10}}, Durability::Cached));
  ASSERT_EQ(unlink(paths_.compressed(base(0)).c_str()), 0);
  const LogVerification log = verify();
  EXPECT_THAT(problems(log), IsEmpty());
  EXPECT_THAT(notes(log),
              testing::Contains(HasSubstr("the log no longer has the 990 bytes before offset 1000")));
}

// verify overlooks no failure of a call: it reports the failure, or it has read all bytes without that call.
TEST_F(VerifyTest, ReportsEveryFailingCallOrReadsAllTheSame) {
  for (int call = 1;; ++call) {
    FaultOs os(call, EIO);
    const auto log = verify_log(os, paths_);
    if (os.failed_call().empty()) break;
    if (log && log->problems.empty()) {
      std::uint64_t bytes = 0;
      for (const VerifiedSegment& segment : log->segments) bytes += segment.bytes;
      EXPECT_EQ(bytes, bytes_.size()) << call << " " << os.failed_call();
    }
  }
}

// Writes, rotates and compresses a log as fast as possible until it is killed. Its sink delivers everything
// at once.
[[noreturn]] void write_for_ever(const LogPaths& paths) {
  auto index = LogIndex::open(kernel(), paths, {});
  auto cursor = CursorFile::open(kernel(), paths, "quick", {}, {});
  if (!cursor) _exit(1);
  IndexRecord record;
  int fd = -1;
  const auto begin = [&] {
    fd = ::open(paths.active().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat st{};
    if (fd < 0 || !index || fstat(fd, &st) != 0) _exit(1);
    record.active_inode = st.st_ino;
    if (!index->write(record, LogIndex::Durability::Cached)) _exit(1);
  };
  begin();
  for (;;) {
    const Segment raw{.base = record.active_base,
                      .path = paths.rotated(record.active_base),
                      .stored = 0,
                      .compressed = false,
                      .mtime = {}};
    const std::string lines = numbered_lines(20'000);
    for (std::size_t done = 0; done < lines.size(); done += 100) {
      if (write(fd, lines.data() + done, 100) != 100) _exit(1);
      if (!cursor->write({.offset = record.active_base + done + 100}, Durability::Cached)) _exit(1);
    }
    close(fd);
    if (::rename(paths.active().c_str(), raw.path.c_str()) != 0) _exit(1);
    record.active_base += lines.size();
    begin();
    if (!compress_segment(kernel(), paths, raw, {})) _exit(1);
  }
}

TEST_F(VerifyTest, AccountsForALogThatIsBeingWrittenAndForOneWhoseWriterWasKilled) {
  std::uint64_t verified = 0;
  for (int kill_round = 0; kill_round < 10; ++kill_round) {
    const test::TempDir directory;
    const LogPaths paths(directory / "live");
    const pid_t writer = fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) write_for_ever(paths);

    EXPECT_TRUE(test::eventually([&] { return exists(paths.compressed({0})); }));
    // Waits until the second segment is being written as well.
    const auto deadline = std::chrono::steady_clock::now() + test::kDeadline;
    std::uint64_t end = 0;
    for (int look = 0; (look < 5 || end <= 20'000) && std::chrono::steady_clock::now() < deadline; ++look) {
      const auto log = verify_log(kernel(), paths);
      EXPECT_TRUE(log) << test::text_of(log.error());
      if (!log) continue;
      EXPECT_THAT(problems(*log), IsEmpty());
      EXPECT_EQ(log->writer, writer);
      end = log->end.value;
    }
    kill(writer, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(writer, &status, 0), writer);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it failed: " << WEXITSTATUS(status);

    const auto log = verify_log(kernel(), paths);
    ASSERT_TRUE(log) << test::text_of(log.error());
    EXPECT_THAT(problems(*log), IsEmpty());
    EXPECT_EQ(log->writer, std::nullopt);
    verified += log->end.value;
  }
  EXPECT_GT(verified, 10 * 20'000U);
}

// Verifies as a member of the group adm, who may not open the lock.
TEST_F(VerifyTest, AReaderSeesWhoWritesTheLogAndWhoOnlyHoldsALock) {
  if (geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  const auto writer_by_a_reader = [&] {
    int answer[2];
    if (pipe2(answer, O_CLOEXEC) != 0) return pid_t{-1};
    const pid_t reader = fork();
    if (reader == 0) {
      if (setresuid(65534, 65534, 65534) != 0) _exit(1);
      const auto log = verify_log(kernel(), paths_);
      const pid_t writer = log ? log->writer.value_or(0) : -1;
      _exit(::write(answer[1], &writer, sizeof writer) == sizeof writer ? 0 : 1);
    }
    close(answer[1]);
    pid_t writer = -1;
    EXPECT_EQ(::read(answer[0], &writer, sizeof writer), static_cast<ssize_t>(sizeof writer));
    close(answer[0]);
    waitpid(reader, nullptr, 0);
    return writer;
  };
  EXPECT_EQ(writer_by_a_reader(), 0);
  {
    const FlockHolder older(paths_.index(), FlockHolder::slurper(), O_RDWR);
    EXPECT_EQ(writer_by_a_reader(), older.pid()) << "it knows no lock file";
  }
  const FlockHolder stranger(paths_.index(), {.command = "stranger"});
  EXPECT_EQ(writer_by_a_reader(), 0);
  {
    const auto index = LogIndex::open(kernel(), paths_, {});
    ASSERT_TRUE(index) << test::text_of(index.error());
    EXPECT_EQ(writer_by_a_reader(), getpid());
  }
  EXPECT_EQ(writer_by_a_reader(), 0);
}

}  // namespace
}  // namespace slurper
