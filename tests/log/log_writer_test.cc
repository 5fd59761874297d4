#include "log/log_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "log/fault_os.h"
#include "log/log_files.h"
#include "log/segment_reader.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::texts_of;

using test::text_of;

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() {
    settings_.path = directory_ / "messages";
    settings_.sync.mode = SyncMode::None;  // a seam dies as well without waiting for the disk
  }

  std::unique_ptr<LogWriter> open(Os& os = kernel()) {
    auto writer = LogWriter::open(os, settings_, boot_);
    if (!writer) throw std::runtime_error(text_of(writer.error()));
    return std::move(*writer);
  }
  static void append(LogWriter& writer, std::string_view text) {
    while (!text.empty()) {
      const auto written = writer.append(text);
      ASSERT_TRUE(written) << text_of(written.error());
      text.remove_prefix(*written);
    }
  }
  // The log's bytes, all segments in order, each beginning where the one before it ends.
  std::string content() {
    const LogPaths paths(settings_.path);
    std::string all;
    StreamOffset end;
    const auto segments = list_segments(kernel(), paths);
    EXPECT_TRUE(segments);
    for (const Segment& segment : *segments) {
      EXPECT_EQ(segment.base, end) << segment.path;
      all += read_file(segment.path);
      end = StreamOffset{all.size()};
    }
    return all + read_file(settings_.path);
  }
  std::vector<std::size_t> segment_sizes() {
    std::vector<std::size_t> sizes;
    const auto segments = list_segments(kernel(), LogPaths(settings_.path));
    for (const Segment& segment : *segments) sizes.push_back(segment.stored);
    sizes.push_back(read_file(settings_.path).size());
    return sizes;
  }

  test::TempDir directory_ = test::TempDir::in_ram();  // thousands of syncs
  LogSettings settings_;
  Uuid boot_ = new_uuid();
};

TEST_F(LogWriterTest, TheLogIsTheBytesAndNothingElse) {
  settings_.mode = 0604;
  const mode_t umask = ::umask(077);
  const auto writer = open();
  ::umask(umask);
  append(*writer, std::string("one\n\0\xff two\n", 11));
  EXPECT_EQ(read_file(settings_.path), std::string("one\n\0\xff two\n", 11));
  EXPECT_EQ(writer->end(), StreamOffset{11});
  struct stat st{};
  ASSERT_EQ(::stat(settings_.path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0604U);
}

TEST_F(LogWriterTest, GoesOnWhereTheFileEnds) {
  {
    append(*open(), "one\nhalf");
  }
  const auto writer = open();
  EXPECT_EQ(writer->end(), StreamOffset{8});
  EXPECT_THAT(writer->take_findings(), IsEmpty());
  append(*writer, " a line\n");
  EXPECT_EQ(read_file(settings_.path), "one\nhalf a line\n");
}

TEST_F(LogWriterTest, RotatesBetweenLinesOnly) {
  settings_.rotate_size.bytes = 10;
  const auto writer = open();
  append(*writer, "1234\n5678\n");  // just fits
  append(*writer, "abc");           // a line in three parts
  append(*writer, "def");
  append(*writer, "ghijklmnop\nxy\n");  // the line is longer than the limit
  EXPECT_THAT(segment_sizes(), ElementsAre(10, 17, 3));
  EXPECT_EQ(content(), "1234\n5678\nabcdefghijklmnop\nxy\n");
  EXPECT_EQ(writer->rotations(), 2U);
  EXPECT_EQ(writer->active_base(), StreamOffset{27});
}

TEST_F(LogWriterTest, RotatesOnRequestAtTheNextLine) {
  const auto writer = open();
  ASSERT_TRUE(writer->rotate()) << "an empty one stays";
  append(*writer, "whole\n");
  ASSERT_TRUE(writer->rotate());
  append(*writer, "half");
  ASSERT_TRUE(writer->rotate());
  append(*writer, "\nnext\nlast\n");
  EXPECT_THAT(segment_sizes(), ElementsAre(6, 5, 10));
}

TEST_F(LogWriterTest, RotatesByAge) {
  settings_.rotate_every = std::chrono::milliseconds(30);
  const auto writer = open();
  EXPECT_EQ(writer->rotation_due(), std::nullopt) << "an empty segment has no age";
  append(*writer, "old\n");
  const auto due = writer->rotation_due();
  ASSERT_TRUE(due);
  std::this_thread::sleep_until(*due);  // it is what an age is about
  append(*writer, "new\n");
  EXPECT_THAT(segment_sizes(), ElementsAre(4, 4));
}

TEST_F(LogWriterTest, RotatesByAgeThoughTheClockWasAheadWhenTheSegmentWasBegun) {
  settings_.rotate_every = std::chrono::milliseconds(30);
  {
    const auto writer = open();
    append(*writer, "old\n");
  }
  {
    auto index = LogIndex::open(kernel(), LogPaths(settings_.path), {});
    ASSERT_TRUE(index);
    IndexRecord record = index->record().value();
    record.active_created += std::chrono::days(30);
    ASSERT_TRUE(index->write(record, LogIndex::Durability::Cached));
  }
  const auto writer = open();
  const auto due = writer->rotation_due();
  ASSERT_TRUE(due);
  ASSERT_LE(*due, std::chrono::system_clock::now() + settings_.rotate_every);
  std::this_thread::sleep_until(*due);  // it is what an age is about
  append(*writer, "new\n");
  EXPECT_THAT(segment_sizes(), ElementsAre(4, 4));
}

TEST_F(LogWriterTest, OneWriterAtATime) {
  const auto writer = open();
  const auto second = LogWriter::open(kernel(), settings_, boot_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::Busy);
}

TEST_F(LogWriterTest, RefusesWhatIsNoFileAndMakesNothing) {
  ASSERT_EQ(::mkfifo(settings_.path.c_str(), 0600), 0);
  const auto writer = LogWriter::open(kernel(), settings_, boot_);
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().kind, ErrorKind::CantCreate);
  EXPECT_THAT(text_of(writer.error()), HasSubstr("not a regular file"));
  EXPECT_FALSE(exists(directory_ / ".messages.index"));

  settings_.path = directory_ / "other";
  settings_.group = "no-such-group";
  const auto other = LogWriter::open(kernel(), settings_, boot_);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::Config);
  EXPECT_FALSE(exists(directory_ / ".other.index"));
}

// As a kill leaves them between their creation and the change of their mode and group.
TEST_F(LogWriterTest, AnEmptyFileThatAKillLeftGetsItsModeAndGroup) {
  settings_.mode = 0644;
  settings_.group = ::geteuid() == 0 ? "nogroup" : "";
  const gid_t group = ::geteuid() == 0 ? ::getgrnam("nogroup")->gr_gid : ::getegid();
  const auto leave = [](const std::string& path) {
    write_file(path, "");
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  };
  const auto has_access = [&](const std::string& path) {
    struct stat st{};
    return ::lstat(path.c_str(), &st) == 0 && (st.st_mode & 07777) == 0644 && st.st_gid == group;
  };
  leave(settings_.path);
  leave(directory_ / ".messages.index");
  append(*open(), "one\n");
  EXPECT_TRUE(has_access(settings_.path));
  EXPECT_TRUE(has_access(directory_ / ".messages.index"));
  // In a rotation.
  std::filesystem::rename(settings_.path, LogPaths(settings_.path).rotated(StreamOffset{0}));
  leave(settings_.path);
  append(*open(), "two\n");
  EXPECT_TRUE(has_access(settings_.path));
  // What is not slurper's stays: logrotate has made this one.
  std::filesystem::remove(settings_.path);
  leave(settings_.path);
  (void)open();
  EXPECT_FALSE(has_access(settings_.path));
}

TEST_F(LogWriterTest, AdoptsAFileThatIsAlreadyThere) {
  write_file(settings_.path, "from before\n");
  const auto writer = open();
  EXPECT_EQ(writer->end(), StreamOffset{12});
  EXPECT_THAT(texts_of(writer->take_findings()),
              ElementsAre(HasSubstr("12 bytes that slurper had not written")));
  append(*writer, "from now on\n");
  EXPECT_EQ(read_file(settings_.path), "from before\nfrom now on\n");
}

// The machine went down in mid-line: the rest of that line can't come any more.
TEST_F(LogWriterTest, EndsALineThatALossOfPowerCutShort) {
  {
    const auto writer = open();
    append(*writer, "whole\ntor");
    ASSERT_TRUE(writer->close());
  }
  boot_ = new_uuid();
  {
    const auto writer = open();
    EXPECT_THAT(texts_of(writer->take_findings()),
                ElementsAre(HasSubstr("cut short when the machine went down")));
    append(*writer, "next\n");
    ASSERT_TRUE(writer->close());
  }
  EXPECT_EQ(read_file(settings_.path), "whole\ntor\nnext\n");
  const auto index = read_index(kernel(), LogPaths(settings_.path));
  ASSERT_TRUE(index);
  EXPECT_EQ(index->record->torn_lines_closed, 1U);
  boot_ = new_uuid();
  EXPECT_THAT(open()->take_findings(), IsEmpty()) << "a whole line needs no end";
}

// Bytes that were read in the log before it lost them must not lend their offsets to others.
TEST_F(LogWriterTest, AfterALossOfPowerNoOffsetIsGivenOutASecondTime) {
  StreamOffset seen;
  {
    const auto writer = open();
    append(*writer, "synced\nnever to be seen again\n");
    seen = writer->end();
  }
  ASSERT_EQ(::truncate(settings_.path.c_str(), 10), 0);  // the disk has only this
  boot_ = new_uuid();
  const auto writer = open();
  EXPECT_THAT(texts_of(writer->take_findings()),
              ElementsAre(HasSubstr("cut short"), HasSubstr("beyond all that may be lost")));
  EXPECT_GE(writer->end(), seen);
  append(*writer, "next\n");
  EXPECT_EQ(read_file(directory_ / "messages.00000000000000000000"), "synced\nnev\n");
  EXPECT_EQ(read_file(settings_.path), "next\n");
  const auto index = read_index(kernel(), LogPaths(settings_.path));
  EXPECT_EQ(index->record->notes[0].kind, NoteKind::PowerLoss);
  EXPECT_EQ(index->record->notes[0].offset, StreamOffset{10});
  EXPECT_EQ(index->record->notes[0].end(), writer->active_base());
}

TEST_F(LogWriterTest, GoesOnInANewFileWhereItsOwnWasMoved) {
  const auto writer = open();
  append(*writer, "one\n");
  std::filesystem::rename(settings_.path, directory_ / "messages.1");
  const auto reopened = writer->reopen();
  ASSERT_TRUE(reopened);
  EXPECT_TRUE(*reopened);
  EXPECT_EQ(writer->active_base(), StreamOffset{4});
  append(*writer, "two\n");
  EXPECT_EQ(read_file(settings_.path), "two\n");
  EXPECT_EQ(read_file(directory_ / "messages.1"), "one\n");
  EXPECT_FALSE(*writer->reopen()) << "nothing has changed";
}

TEST_F(LogWriterTest, FindsItsFileUnderTheNameItWasGivenMeanwhile) {
  {
    append(*open(), "one\ntwo\n");
  }
  std::filesystem::rename(settings_.path, directory_ / "messages.1");
  const auto writer = open();
  EXPECT_THAT(texts_of(writer->take_findings()), ElementsAre(HasSubstr("renamed to 'messages.1'")));
  EXPECT_EQ(writer->end(), StreamOffset{8});
}

TEST_F(LogWriterTest, NeverRenamesSomebodyElsesFile) {
  const auto writer = open();
  append(*writer, "ours\n");
  std::filesystem::rename(settings_.path, directory_ / "messages.1");
  write_file(settings_.path, "");
  ASSERT_TRUE(writer->rotate());
  EXPECT_TRUE(list_segments(kernel(), LogPaths(settings_.path))->empty());
  append(*writer, "on\n");
  EXPECT_EQ(read_file(settings_.path), "on\n");
  EXPECT_EQ(writer->end(), StreamOffset{8});
}

TEST_F(LogWriterTest, WithoutItsIndexItGoesOnAfterTheLastSegment) {
  settings_.rotate_size.bytes = 4;
  {
    append(*open(), "one\ntwo\n3\n");
  }
  std::filesystem::remove(directory_ / ".messages.index");
  const auto writer = open();
  EXPECT_EQ(writer->end(), StreamOffset{10});
  EXPECT_THAT(texts_of(writer->take_findings()), testing::Contains(HasSubstr("index was missing")));
}

// A full or failing disk: the log holds nothing that was not acknowledged, and the writer resumes by itself.
TEST_F(LogWriterTest, AFailedWriteLeavesTheEndWhereItWas) {
  const auto writer_settings = settings_;
  class FullOs : public Os {
   public:
    ssize_t write(int fd, const void* data, std::size_t size) override {
      if (error != 0) return -error;
      return Os::write(fd, data, shorten ? (size + 1) / 2 : size);
    }
    int error = 0;
    bool shorten = false;
  } os;
  const auto writer = open(os);
  append(*writer, "one\n");
  os.error = ENOSPC;
  const auto failed = writer->append(std::string_view("two\n"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().errnum, ENOSPC);
  EXPECT_THAT(text_of(failed.error()), HasSubstr("Make room"));
  EXPECT_EQ(writer->end(), StreamOffset{4});
  os.error = 0;
  os.shorten = true;
  append(*writer, "two\nthree\n");
  EXPECT_EQ(read_file(settings_.path), "one\ntwo\nthree\n");
}

TEST_F(LogWriterTest, ARotationThatFailsLetsTheLogGrow) {
  class NoRenameOs : public Os {
   public:
    int rename_noreplace(const char* from, const char* to) override {
      return broken ? -EACCES : Os::rename_noreplace(from, to);
    }
    bool broken = true;
  } os;
  settings_.rotate_size.bytes = 4;
  const auto writer = open(os);
  append(*writer, "one\ntwo\n");
  EXPECT_EQ(read_file(settings_.path), "one\ntwo\n");
  const auto failure = writer->take_rotation_failure();
  ASSERT_TRUE(failure);
  EXPECT_THAT(text_of(*failure), HasSubstr("Permission denied"));
  os.broken = false;
  ASSERT_TRUE(writer->rotate());
  EXPECT_THAT(segment_sizes(), ElementsAre(8, 0));
}

// The process dies, or the disk fails, at every system call in turn: what is there afterwards is a prefix of
// the stream, with at least what was acknowledged, and the writer continues from there.
class DeathTest : public LogWriterTest, public testing::WithParamInterface<std::tuple<SyncMode, bool>> {};

TEST_P(DeathTest, AtEveryCallLeavesAPrefixOfTheStream) {
  const auto [sync, for_good] = GetParam();
  std::string stream;
  for (int i = 0; i < 12; ++i)
    stream += "line " + std::to_string(i) + std::string(static_cast<std::size_t>(i), '.') + "\n";
  std::set<std::string> failed_calls;
  for (int at = 1;; ++at) {
    std::filesystem::remove_all(directory_.path());
    std::filesystem::create_directory(directory_.path());
    settings_.rotate_size.bytes = 25;
    settings_.sync.mode = sync;
    FaultOs os(at, EIO, for_good);
    std::uint64_t said = 0;
    if (auto writer = LogWriter::open(os, settings_, boot_)) {
      int failures = 0;
      while (said < stream.size() && failures < 3) {
        // Chunks that don't end where lines do.
        const auto written = (*writer)->append(std::string_view(stream).substr(said, 7));
        if (written) {
          said += *written;
        } else {
          ++failures;
        }
        (void)(*writer)->sync();
        ASSERT_EQ((*writer)->end(), StreamOffset{said});
      }
      if (!for_good) {
        ASSERT_EQ(said, stream.size()) << "one failure at call " << at << " stopped it";
      }
    }
    if (os.failed_call().empty()) break;
    failed_calls.insert(os.failed_call());
    const auto writer = open();
    ASSERT_EQ(writer->end(), StreamOffset{said}) << "call " << at << ", " << os.failed_call();
    append(*writer, std::string_view(stream).substr(said));
    ASSERT_EQ(content(), stream) << "call " << at << ", " << os.failed_call();
  }
  EXPECT_THAT(failed_calls, testing::IsSupersetOf({"open", "write", "rename_noreplace", "fstat", "pwrite"}));
}

INSTANTIATE_TEST_SUITE_P(All, DeathTest,
                         testing::Combine(testing::Values(SyncMode::None, SyncMode::Always),
                                          testing::Bool()));

class LogWriterDeathTest : public LogWriterTest {
 protected:
  LogWriterDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(LogWriterDeathTest, SomethingIsAppended) {
  const auto writer = open();
  EXPECT_DEATH((void)writer->append({}), "broken contract: !data.empty");
}

TEST_F(LogWriterDeathTest, WhatTheRingHoldsIsInAFileThatIsOpen) {
  const auto writer = open();
  append(*writer, "one\n");
  ASSERT_TRUE(writer->rotate());
  EXPECT_DEATH((void)writer->reconcile({0}, std::string_view("one"), 1), "broken contract: readable_from");
}

}  // namespace
}  // namespace slurper
