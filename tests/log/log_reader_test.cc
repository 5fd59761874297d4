#include "log/log_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <memory>

#include "log/compress.h"
#include "log/fault_os.h"
#include "log/log_files.h"
#include "log/log_writer.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

using testing::HasSubstr;

constexpr std::uint64_t kSegment = 10'000;

struct GapSeen {
  std::uint64_t from;
  std::uint64_t to;
  Gap why;
  bool operator==(const GapSeen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const GapSeen& gap) {
  return out << "[" << gap.from << ", " << gap.to << ") why " << static_cast<int>(gap.why);
}

// A log that is written by hand: append(), and whatever a test does to its files.
class LogReaderTest : public testing::Test {
 protected:
  LogReaderTest() : stream_(numbered_lines(20 * kSegment)) {
    settings_.path = paths_.active();
    settings_.sync.mode = SyncMode::None;
    open_writer();
  }
  void open_writer() {
    writer_.reset();
    auto writer = LogWriter::open(kernel(), settings_, boot_);
    if (!writer) throw std::runtime_error(text_of(writer.error()));
    writer_ = std::move(*writer);
    writer_->publish();
  }
  // The next bytes of the stream.
  void append(std::uint64_t bytes) {
    for (const StreamOffset to = writer_->end() + bytes; writer_->end() < to;) {
      const std::string_view rest = std::string_view(stream_).substr(writer_->end().value);
      const auto written = writer_->append(rest.substr(0, to - writer_->end()));
      ASSERT_TRUE(written) << text_of(written.error());
    }
    writer_->publish();
  }
  // `count` segments of about kSegment bytes, and half of one.
  void fill(int count) {
    for (int i = 0; i < count; ++i) {
      append(line_end(writer_->end().value + kSegment) - writer_->end().value);
      ASSERT_TRUE(writer_->rotate());
      writer_->publish();
      bases_.push_back(writer_->active_base());
    }
    append(line_end(writer_->end().value + kSegment / 2) - writer_->end().value);
  }
  std::uint64_t line_end(std::uint64_t from) const { return stream_.find('\n', from) + 1; }
  void compress(int i) {
    const Segment raw{.base = bases_[static_cast<std::size_t>(i)],
                      .path = paths_.rotated(bases_[static_cast<std::size_t>(i)]),
                      .stored = 0,
                      .compressed = false,
                      .mtime = {}};
    ASSERT_TRUE(compress_segment(kernel(), paths_, raw, {}));
  }
  StreamOffset base(int i) const { return bases_[static_cast<std::size_t>(i)]; }

  LogReader reader(std::optional<StreamOffset> from, Os& os = kernel()) {
    return {os, paths_, writer_->feed(), from};
  }
  // Reads to the end, holds each byte against the stream. The gaps.
  std::vector<GapSeen> drain(LogReader& reader, std::size_t chunk_size = 3000) {
    std::vector<GapSeen> gaps;
    std::string out(chunk_size, '\0');
    for (;;) {
      const auto before = reader.position();
      const auto chunk = reader.read(out);
      if (!chunk) {
        ADD_FAILURE() << text_of(chunk.error());
        return gaps;
      }
      if (chunk->bytes > 0) {
        EXPECT_EQ(chunk->missing, 0U);
        EXPECT_TRUE(!before || chunk->at == *before);
        EXPECT_TRUE(out.substr(0, chunk->bytes) == stream_.substr(chunk->at.value, chunk->bytes))
            << "at " << chunk->at.value;
        EXPECT_EQ(reader.position(), chunk->at + chunk->bytes);
        taken_ += chunk->bytes;
      } else if (chunk->missing > 0) {
        gaps.push_back({chunk->at.value - chunk->missing, chunk->at.value, chunk->why});
        EXPECT_EQ(before, StreamOffset{chunk->at.value - chunk->missing});
        EXPECT_EQ(reader.position(), chunk->at);
      } else if (chunk->at == writer_->feed().end()) {
        return gaps;
      }
    }
  }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "m"};
  std::string stream_;
  Uuid boot_ = new_uuid();
  LogSettings settings_;
  std::unique_ptr<LogWriter> writer_;
  std::vector<StreamOffset> bases_{StreamOffset{0}};
  std::uint64_t taken_ = 0;
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(LogReaderTest, FindsNothingInAnEmptyLog) {
  LogReader from_beginning = reader(LogReader::kBeginning);
  EXPECT_THAT(drain(from_beginning), IsEmpty());
  EXPECT_EQ(from_beginning.position(), StreamOffset{0});
}

TEST_F(LogReaderTest, ReadsAllKindsOfSegmentsInOrder) {
  fill(4);
  compress(0);
  compress(2);
  LogReader all = reader(StreamOffset{0});
  EXPECT_THAT(drain(all), IsEmpty());
  EXPECT_EQ(taken_, writer_->end().value);
}

TEST_F(LogReaderTest, BeginsAnywhere) {
  fill(3);
  compress(1);
  for (std::uint64_t from = 0; from <= writer_->end().value; from += 617) {
    taken_ = 0;
    LogReader some = reader(StreamOffset{from});
    EXPECT_THAT(drain(some), IsEmpty());
    EXPECT_EQ(taken_, writer_->end().value - from);
  }
}

TEST_F(LogReaderTest, FollowsTheActiveSegment) {
  LogReader follower = reader(StreamOffset{0});
  for (int i = 0; i < 50; ++i) {
    append(i % 7 == 0 ? 1 : 700);
    EXPECT_THAT(drain(follower), IsEmpty());
    EXPECT_EQ(follower.position(), writer_->end());
    if (i % 11 != 10) continue;
    ASSERT_TRUE(writer_->rotate());
  }
  EXPECT_EQ(taken_, writer_->end().value);
}

TEST_F(LogReaderTest, HandsOutNothingThatIsNotPublished) {
  append(100);
  LogReader follower = reader(StreamOffset{0});
  ASSERT_TRUE(writer_->append(std::string_view(stream_).substr(100, 50)));
  EXPECT_THAT(drain(follower), IsEmpty());
  EXPECT_EQ(follower.position(), StreamOffset{100});
  writer_->publish();
  EXPECT_THAT(drain(follower), IsEmpty());
  EXPECT_EQ(follower.position(), StreamOffset{150});
}

TEST_F(LogReaderTest, ReadsOnWhereItsFileWasRenamedCompressedOrRemoved) {
  fill(2);
  std::string out(1000, '\0');
  LogReader in_raw = reader(base(0));
  ASSERT_TRUE(in_raw.read(out));
  compress(0);
  LogReader in_compressed = reader(base(0));
  ASSERT_TRUE(in_compressed.read(out));
  ASSERT_EQ(unlink(paths_.compressed(base(0)).c_str()), 0);
  LogReader in_active = reader(base(2));
  ASSERT_TRUE(in_active.read(out));
  ASSERT_TRUE(writer_->rotate());
  writer_->publish();
  ASSERT_EQ(unlink(paths_.rotated(base(2)).c_str()), 0);
  append(1000);
  const GapSeen removed{base(2).value, writer_->active_base().value, Gap::Removed};
  EXPECT_THAT(drain(in_raw), ElementsAre(removed));
  EXPECT_THAT(drain(in_compressed), ElementsAre(removed));
  EXPECT_THAT(drain(in_active), IsEmpty()) << "it had it open";
}

// The states of a rotation, as a reader may find them that has not opened the segment yet.
TEST_F(LogReaderTest, FindsASegmentThatIsBeingRotated) {
  append(1000);
  ASSERT_EQ(rename(paths_.active().c_str(), paths_.rotated({0}).c_str()), 0);
  LogReader renamed = reader(StreamOffset{0});
  EXPECT_THAT(drain(renamed), IsEmpty());
  write_file(paths_.active(), "the next segment's first bytes, not published yet");
  LogReader created = reader(StreamOffset{10});
  EXPECT_THAT(drain(created), IsEmpty());
  writer_->feed().leave();
  LogReader left = reader(StreamOffset{20});
  EXPECT_THAT(drain(left), IsEmpty());
  EXPECT_EQ(taken_, 1000U + 990 + 980);
}

// An inode number is used again as soon as no process has the old file open.
TEST_F(LogReaderTest, TrustsNoInodeThatTheWriterHasLeft) {
  append(1000);
  writer_->feed().leave();
  write_file(paths_.active(), "another file with, perhaps, the same inode");  // here it is the same one
  LogReader one = reader(StreamOffset{0});
  std::string out(100, '\0');
  const auto chunk = one.read(out);
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->bytes, 0U);
  EXPECT_EQ(chunk->missing, 0U) << "not known yet";
}

TEST_F(LogReaderTest, TellsWhatRetentionRemoved) {
  fill(3);
  LogReader lagging = reader(StreamOffset{500});
  LogReader beginning = reader(LogReader::kBeginning);
  for (int i : {0, 1}) ASSERT_EQ(unlink(paths_.rotated(base(i)).c_str()), 0);
  EXPECT_THAT(drain(lagging), ElementsAre(GapSeen{500, base(2).value, Gap::Removed}));
  taken_ = 0;
  EXPECT_THAT(drain(beginning), IsEmpty());
  EXPECT_EQ(taken_, writer_->end() - base(2));
}

TEST_F(LogReaderTest, TellsWhatWasMovedAway) {
  append(1000);
  ASSERT_EQ(rename(paths_.active().c_str(), (directory_ / "elsewhere").c_str()), 0);
  ASSERT_TRUE(*writer_->reopen());
  append(500);
  LogReader late = reader(StreamOffset{200});
  EXPECT_THAT(drain(late), ElementsAre(GapSeen{200, 1000, Gap::Moved}));
}

// The writer does not look as long as nothing comes: waiting for it might take for ever.
TEST_F(LogReaderTest, TellsWhatWasMovedAwayEvenBeforeTheWriterSeesIt) {
  append(1000);
  ASSERT_EQ(rename(paths_.active().c_str(), (directory_ / "elsewhere").c_str()), 0);
  LogReader none_there = reader(StreamOffset{200});
  EXPECT_THAT(drain(none_there), ElementsAre(GapSeen{200, 1000, Gap::Removed}));
  write_file(paths_.active(), std::string(2000, 'x'));
  LogReader another_there = reader(StreamOffset{300});
  EXPECT_THAT(drain(another_there), ElementsAre(GapSeen{300, 1000, Gap::Removed}));
}

TEST_F(LogReaderTest, ReadsAFileThatWasMovedAwayWhileItHadItOpen) {
  append(1000);
  LogReader follower = reader(StreamOffset{0});
  EXPECT_THAT(drain(follower), IsEmpty());
  append(1000);
  ASSERT_EQ(rename(paths_.active().c_str(), (directory_ / "elsewhere").c_str()), 0);
  append(10);  // still there
  ASSERT_TRUE(*writer_->reopen());
  append(500);
  EXPECT_THAT(drain(follower), IsEmpty());
  EXPECT_EQ(taken_, 2510U);
}

TEST_F(LogReaderTest, TellsWhatSomebodyCut) {
  append(1000);
  std::string out(100, '\0');
  LogReader holding = reader(StreamOffset{0});
  ASSERT_TRUE(holding.read(out));
  ASSERT_EQ(truncate(paths_.active().c_str(), 0), 0);
  LogReader unseen = reader(StreamOffset{0});
  EXPECT_THAT(drain(unseen), ElementsAre(GapSeen{0, 1000, Gap::Cut})) << "before the writer sees it";
  append(1500);  // now the file is longer than it was
  LogReader late = reader(StreamOffset{0});
  EXPECT_THAT(drain(holding), ElementsAre(GapSeen{100, 1000, Gap::Cut}));
  EXPECT_THAT(drain(late), ElementsAre(GapSeen{0, 1000, Gap::Cut}));
  EXPECT_EQ(taken_, 2 * 1500U);
}

// Cut, and rotated under the next segment's name, before the reader looked again.
TEST_F(LogReaderTest, DoesNotReadOnInAFileThatWasCutAndRotated) {
  append(1000);
  std::string out(100, '\0');
  LogReader holding = reader(StreamOffset{0});
  ASSERT_TRUE(holding.read(out));
  ASSERT_EQ(truncate(paths_.active().c_str(), 0), 0);
  append(line_end(2500) - 1000);
  ASSERT_TRUE(writer_->rotate());
  append(500);
  EXPECT_THAT(drain(holding), ElementsAre(GapSeen{100, 1000, Gap::Cut}));
}

// Somebody cuts the file right before a write(2), which then lands at its beginning; at that moment a reader
// looks.
class CuttingOs : public Os {
 public:
  std::function<void()> after_cut;
  ssize_t write(int fd, const void* data, std::size_t size) override {
    const auto look = std::exchange(after_cut, nullptr);
    if (look && ::ftruncate(fd, 0) != 0) return -errno;
    const ssize_t written = Os::write(fd, data, size);
    if (look) look();
    return written;
  }
};

TEST_F(LogReaderTest, HandsOutNothingOfAWriteThatLandedElsewhere) {
  CuttingOs os;
  writer_.reset();
  writer_ = std::move(*LogWriter::open(os, settings_, boot_));
  writer_->publish();
  append(100);
  LogReader one = reader(StreamOffset{0});
  std::string out(50, '\0');
  bool looked = false;
  os.after_cut = [&] {
    const auto chunk = one.read(out);
    ASSERT_TRUE(chunk);
    EXPECT_EQ(chunk->bytes, 0U) << "these are the next segment's";
    looked = true;
  };
  append(5000);
  EXPECT_TRUE(looked);
  EXPECT_THAT(drain(one), ElementsAre(GapSeen{0, 100, Gap::Cut}));
}

TEST_F(LogReaderTest, HandsOutNoForeignBytes) {
  append(line_end(1000));
  const std::uint64_t first_end = writer_->end().value;
  LogReader holding = reader(StreamOffset{0});
  std::string out(100, '\0');
  ASSERT_TRUE(holding.read(out));
  {
    std::ofstream other(paths_.active(), std::ios::app);
    other << "somebody else's line\n";
  }
  LogReader before = reader(StreamOffset{0});
  EXPECT_THAT(drain(before), IsEmpty());
  append(500);
  ASSERT_TRUE(exists(paths_.rotated({0}))) << "ended before them";
  EXPECT_THAT(drain(holding), IsEmpty());
  LogReader after = reader(StreamOffset{0});
  EXPECT_THAT(drain(after), IsEmpty());
  compress(0);
  LogReader compressed = reader(StreamOffset{0});
  EXPECT_THAT(drain(compressed), IsEmpty());
  EXPECT_GT(writer_->end().value, first_end);
}

TEST_F(LogReaderTest, TellsWhatALossOfPowerTook) {
  append(line_end(1000));
  const std::uint64_t lost_from = writer_->end().value;
  boot_ = new_uuid();
  open_writer();
  const std::uint64_t goes_on = writer_->end().value;
  ASSERT_GT(goes_on, lost_from);
  ASSERT_TRUE(writer_->append(std::string_view("after the loss of power\n")));
  writer_->publish();
  LogReader one = reader(StreamOffset{0});
  std::string out(100'000, '\0');
  ASSERT_EQ(one.read(out)->bytes, lost_from);
  const auto gap = one.read(out);
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->at, StreamOffset{goes_on});
  EXPECT_EQ(gap->missing, goes_on - lost_from);
  EXPECT_EQ(gap->why, Gap::PowerLoss);
  EXPECT_EQ(one.read(out)->bytes, 24U);
}

// What was removed and what was noted are two gaps.
TEST_F(LogReaderTest, TellsApartWhyParts) {
  fill(1);
  ASSERT_EQ(rename(paths_.active().c_str(), (directory_ / "elsewhere").c_str()), 0);
  ASSERT_TRUE(*writer_->reopen());
  const std::uint64_t moved_to = writer_->end().value;
  append(100);
  ASSERT_EQ(unlink(paths_.rotated(base(0)).c_str()), 0);
  LogReader one = reader(StreamOffset{0});
  EXPECT_THAT(drain(one), ElementsAre(GapSeen{0, base(1).value, Gap::Removed},
                                      GapSeen{base(1).value, moved_to, Gap::Moved}));
}

TEST_F(LogReaderTest, RefusesAnOffsetThatWasNeverWritten) {
  append(1000);
  LogReader beyond = reader(StreamOffset{1001});
  std::string out(100, '\0');
  const auto chunk = beyond.read(out);
  ASSERT_FALSE(chunk);
  EXPECT_EQ(chunk.error().kind, ErrorKind::Data);
  EXPECT_THAT(text_of(chunk.error()), HasSubstr("nothing was ever written beyond offset 1000"));
  EXPECT_EQ(beyond.skip_segment().missing, 0U);
}

TEST_F(LogReaderTest, SkipsADamagedSegmentAndTellsWhatIsMissing) {
  fill(3);
  compress(0);
  compress(1);
  const std::string path = paths_.compressed(base(1));
  const std::string good = read_file(path);
  for (const std::string& bad : {good.substr(0, good.size() / 2), std::string("nonsense"),
                                 good.substr(0, good.size() / 2) + std::string(good.size() / 2, 'x')}) {
    write_file(path, bad);
    LogReader one = reader(StreamOffset{100});
    std::string out(3000, '\0');
    Result<LogReader::Chunk> chunk;
    do chunk = one.read(out);
    while (chunk && chunk->bytes > 0 && one.position() < base(3));
    ASSERT_FALSE(chunk);
    EXPECT_EQ(chunk.error().kind, ErrorKind::Data);
    EXPECT_THAT(text_of(chunk.error()), HasSubstr(path));
    const auto stuck_at = one.position();
    EXPECT_FALSE(one.read(out)) << "it tries the same again";
    EXPECT_EQ(one.position(), stuck_at);
    const auto skipped = one.skip_segment();
    EXPECT_EQ(skipped.at, base(2));
    EXPECT_EQ(skipped.missing, base(2) - *stuck_at);
    EXPECT_EQ(skipped.why, Gap::Damaged);
    EXPECT_THAT(drain(one), IsEmpty());
    EXPECT_EQ(one.position(), writer_->end());
  }
}

// The bytes may all look well: only the checksum behind them says that they are not.
TEST_F(LogReaderTest, ReportsAWrongChecksumAtTheEndOfASegment) {
  fill(2);
  compress(0);
  std::string content = read_file(paths_.compressed(base(0)));
  content.back() ^= 1;
  write_file(paths_.compressed(base(0)), content);
  LogReader one = reader(StreamOffset{0});
  std::string out(1000, '\0');
  Result<LogReader::Chunk> chunk;
  do chunk = one.read(out);
  while (chunk && one.position() < writer_->end());
  ASSERT_FALSE(chunk);
  EXPECT_EQ(chunk.error().kind, ErrorKind::Data);
  const auto position = one.position();
  EXPECT_LE(position, base(1));
  EXPECT_EQ(one.skip_segment().missing, base(1) - *position) << "and nothing of the next one";
  EXPECT_THAT(drain(one), IsEmpty());
}

// zstd takes a little more than 128 KiB at a time: here, all but the checksum.
TEST_F(LogReaderTest, ReportsAWrongChecksumBehindWhatItHasHandedOut) {
  stream_ = noise(131'060);
  stream_.back() = '\n';
  append(stream_.size());
  ASSERT_TRUE(writer_->rotate());
  writer_->publish();
  compress(0);
  std::string content = read_file(paths_.compressed(base(0)));
  content.back() ^= 1;
  write_file(paths_.compressed(base(0)), content);
  LogReader one = reader(StreamOffset{0});
  std::string out(stream_.size(), '\0');
  Result<LogReader::Chunk> chunk;
  do chunk = one.read(out);
  while (chunk && (chunk->bytes > 0 || one.position() < writer_->end()));
  ASSERT_FALSE(chunk);
  EXPECT_EQ(text_of(chunk.error()), "cannot read the segment '" + paths_.compressed(base(0)) +
                                        "': Restored data doesn't match checksum. What was read of it may be "
                                        "wrong");
  EXPECT_EQ(one.position(), writer_->end());
  EXPECT_EQ(one.skip_segment().missing, 0U) << "all was handed out";
}

// Listing the folder takes a look at each segment.
class LookCounter : public Os {
 public:
  int lstat(const char* path, struct stat* st) override {
    ++looks;
    return Os::lstat(path, st);
  }
  int looks = 0;
};

TEST_F(LogReaderTest, ListsTheFolderOnceAndNotForEachSegment) {
  constexpr int kSegments = 100;
  stream_ = numbered_lines(kSegments * 700);
  for (int i = 0; i < kSegments; ++i) {
    append(line_end(writer_->end().value + 500) - writer_->end().value);
    ASSERT_TRUE(writer_->rotate());
    writer_->publish();
    bases_.push_back(writer_->active_base());
  }
  LookCounter os;
  LogReader all = reader(LogReader::kBeginning, os);
  EXPECT_THAT(drain(all), IsEmpty());
  EXPECT_EQ(taken_, writer_->end().value);
  EXPECT_LE(os.looks, 8 * kSegments);
}

// What was listed is out of date soon: segments are compressed, removed, and more are rotated.
TEST_F(LogReaderTest, WhatChangesAfterItWasListedIsFound) {
  fill(8);
  LogReader one = reader(StreamOffset{0});
  std::string out(100, '\0');
  ASSERT_EQ(one.read(out)->bytes, 100U);
  taken_ = 100;
  compress(1);
  compress(2);
  std::filesystem::remove(paths_.rotated(base(4)));
  compress(5);
  std::filesystem::remove(paths_.compressed(base(5)));
  fill(2);
  EXPECT_THAT(drain(one), ElementsAre(GapSeen{base(4).value, base(6).value, Gap::Removed}));
  EXPECT_EQ(taken_, writer_->end().value - (base(6) - base(4)));
}

TEST_F(LogReaderTest, TriesAgainAfterEveryFailingCall) {
  fill(2);
  compress(0);
  FaultOs counter;
  LogReader counting = reader(StreamOffset{50}, counter);
  EXPECT_THAT(drain(counting), IsEmpty());
  for (int at = 1; at <= counter.calls(); ++at) {
    FaultOs os(at);
    LogReader one = reader(StreamOffset{50}, os);
    std::string out(3000, '\0');
    while (one.position() < writer_->end()) {
      const auto before = *one.position();
      const auto chunk = one.read(out);
      if (!chunk) {
        EXPECT_EQ(chunk.error().kind, ErrorKind::Io) << text_of(chunk.error());
        EXPECT_EQ(one.position(), before);
        continue;
      }
      EXPECT_EQ(chunk->missing, 0U) << os.failed_call() << ", call " << at;
      EXPECT_EQ(chunk->at, before);
      ASSERT_TRUE(out.substr(0, chunk->bytes) == stream_.substr(chunk->at.value, chunk->bytes)) << at;
    }
  }
}

}  // namespace
}  // namespace slurper
