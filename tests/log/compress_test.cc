#include "log/compress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <set>

#include "log/fault_os.h"
#include "log/log_files.h"
#include "log/segment_reader.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::SizeIs;

constexpr StreamOffset kBase{1000};
constexpr StreamOffset kActiveBase{1'000'000'000};

// All of a segment, by reads of `chunk` bytes.
Result<std::string> read_segment(const Segment& segment, std::size_t chunk = 100'000, Os& os = kernel()) {
  auto reader = SegmentReader::open(os, segment);
  if (!reader) return std::unexpected(reader.error());
  std::string content;
  std::string buffer(chunk, '\0');
  for (;;) {
    const auto size = reader->read(buffer);
    if (!size) return std::unexpected(size.error());
    if (*size == 0) break;
    content.append(buffer, 0, *size);
    EXPECT_EQ(reader->position(), segment.base + content.size());
  }
  EXPECT_EQ(reader->size(), content.size());
  return content;
}

class CompressTest : public testing::Test {
 protected:
  Segment raw_segment(const std::string& content) {
    write_file(paths_.rotated(kBase), content);
    return {.base = kBase,
            .path = paths_.rotated(kBase),
            .stored = content.size(),
            .compressed = false,
            .mtime = {}};
  }
  Segment compressed_segment() const {
    return {.base = kBase, .path = paths_.compressed(kBase), .stored = 0, .compressed = true, .mtime = {}};
  }
  // The bytes of a compressed file with `content`.
  std::string compressed_bytes(const std::string& content) {
    const auto segment = compress_segment(kernel(), paths_, raw_segment(content), {});
    EXPECT_TRUE(segment);
    std::string bytes = read_file(paths_.compressed(kBase));
    EXPECT_EQ(unlink(paths_.compressed(kBase).c_str()), 0);
    return bytes;
  }
  // What the log's segment holds, whichever way it is stored.
  std::string content() {
    const auto segments = list_segments(kernel(), paths_);
    EXPECT_TRUE(segments);
    EXPECT_THAT(*segments, SizeIs(1));
    const auto read = read_segment(segments->at(0));
    EXPECT_TRUE(read) << text_of(read.error());
    return read.value_or("");
  }
  bool has_raw() const { return exists(paths_.rotated(kBase)); }
  bool has_compressed() const { return exists(paths_.compressed(kBase)); }
  bool has_temporary() const { return exists(paths_.temporary(kBase)); }

  test::TempDir directory_;
  LogPaths paths_{directory_ / "messages"};
};

TEST_F(CompressTest, KeepsEveryByte) {
  for (const std::size_t size : {0UL, 1UL, 100UL, 131'071UL, 131'072UL, 131'073UL, 262'144UL, 3'000'000UL}) {
    for (const std::string& bytes : {numbered_lines(size), noise(size)}) {
      const Segment raw = raw_segment(bytes);
      const auto compressed = compress_segment(kernel(), paths_, raw, {});
      ASSERT_TRUE(compressed) << text_of(compressed.error());
      ASSERT_TRUE(*compressed);
      EXPECT_EQ((*compressed)->base, kBase);
      EXPECT_EQ((*compressed)->path, paths_.compressed(kBase));
      EXPECT_EQ((*compressed)->stored, std::filesystem::file_size(paths_.compressed(kBase)));
      EXPECT_FALSE(has_raw());
      EXPECT_FALSE(has_temporary());
      for (const std::size_t chunk : {4096UL, 1'000'000UL})
        EXPECT_EQ(read_segment(**compressed, chunk), bytes);
      if (size == 3'000'000) continue;
      ASSERT_EQ(unlink(paths_.compressed(kBase).c_str()), 0);
    }
  }
}

TEST_F(CompressTest, WritesAFrameWithSizeAndChecksum) {
  const std::string frame = compressed_bytes(numbered_lines(100'000));
  ASSERT_GT(frame.size(), 10U);
  EXPECT_LT(frame.size(), 50'000U);
  EXPECT_EQ(frame.substr(0, 4), "\x28\xb5\x2f\xfd");  // RFC 8878, 3.1.1
  const auto descriptor = static_cast<unsigned char>(frame[4]);
  EXPECT_NE(descriptor >> 6, 0) << "frame content size";
  EXPECT_NE(descriptor & 4, 0) << "content checksum";
}

TEST_F(CompressTest, KeepsModeOwnerAndTime) {
  const Segment raw = raw_segment("line\n");
  ASSERT_EQ(chmod(raw.path.c_str(), 0624), 0);
  if (geteuid() == 0) {
    ASSERT_EQ(chown(raw.path.c_str(), 1234, 2345), 0);
  }
  const timespec times[2] = {{.tv_sec = 5, .tv_nsec = 6}, {.tv_sec = 1'700'000'000, .tv_nsec = 123'456'789}};
  ASSERT_EQ(utimensat(AT_FDCWD, raw.path.c_str(), times, 0), 0);
  struct stat before{};
  ASSERT_EQ(stat(raw.path.c_str(), &before), 0);

  ASSERT_TRUE(compress_segment(kernel(), paths_, raw, {}));
  struct stat after{};
  ASSERT_EQ(stat(paths_.compressed(kBase).c_str(), &after), 0);
  EXPECT_EQ(after.st_mode, before.st_mode);
  EXPECT_EQ(after.st_uid, before.st_uid);
  EXPECT_EQ(after.st_gid, before.st_gid);
  EXPECT_EQ(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
  EXPECT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

TEST_F(CompressTest, FollowsNoLink) {
  write_file(directory_ / "precious", "precious");
  ASSERT_EQ(symlink("precious", paths_.rotated(kBase).c_str()), 0);
  const Segment raw{
      .base = kBase, .path = paths_.rotated(kBase), .stored = 8, .compressed = false, .mtime = {}};
  EXPECT_FALSE(compress_segment(kernel(), paths_, raw, {}));
  EXPECT_TRUE(exists(paths_.rotated(kBase)));
  EXPECT_FALSE(has_compressed());
  EXPECT_EQ(read_file(directory_ / "precious"), "precious");
}

// Every call in turn fails: the segment's bytes are all there, nothing is left over, and the failure is
// reported.
TEST_F(CompressTest, LosesNothingWhicheverCallFails) {
  const std::string bytes = numbered_lines(300'000);
  std::set<std::string> failed_calls;
  for (int call = 1;; ++call) {
    const Segment raw = raw_segment(bytes);
    FaultOs os(call, ENOSPC);
    const auto result = compress_segment(os, paths_, raw, {});
    EXPECT_FALSE(has_temporary()) << os.failed_call();
    if (os.failed_call().empty()) {
      EXPECT_TRUE(result);
      break;
    }
    failed_calls.insert(os.failed_call());
    ASSERT_FALSE(result) << os.failed_call();
    EXPECT_EQ(result.error().errnum, ENOSPC) << os.failed_call();
    EXPECT_THAT(text_of(result.error()), HasSubstr(paths_.rotated(kBase))) << os.failed_call();
    if (has_raw()) {
      EXPECT_EQ(read_file(raw.path), bytes) << os.failed_call();
    } else {
      // Only the last sync of the folder can fail when raw is gone.
      EXPECT_EQ(read_segment(compressed_segment()), bytes) << os.failed_call();
    }
    const Leftovers leftovers = resolve_leftovers(kernel(), paths_, kActiveBase, {});
    EXPECT_THAT(leftovers.failures, IsEmpty()) << os.failed_call();
    EXPECT_EQ(content(), bytes) << os.failed_call();
    (void)::unlink(paths_.compressed(kBase).c_str());  // of a call that failed late
  }
  EXPECT_THAT(failed_calls, IsSupersetOf({"open", "pread", "write", "fstat", "fchmod", "futimens", "fsync",
                                          "rename", "unlink"}));
}

// Dead from each call on: start-up resolves what is left to one whole segment.
TEST_F(CompressTest, LosesNothingWhereverItDies) {
  const std::string bytes = numbered_lines(300'000);
  int states_with_both = 0;
  int states_with_temporary = 0;
  for (int call = 1;; ++call) {
    FaultOs os(call, EIO, true);
    const auto result =
        compress_segment(os, paths_, raw_segment(bytes), {});  // what counts is what it leaves
    if (os.failed_call().empty()) break;
    states_with_both += has_raw() && has_compressed() ? 1 : 0;
    states_with_temporary += has_temporary() ? 1 : 0;

    const Leftovers leftovers = resolve_leftovers(kernel(), paths_, kActiveBase, {});
    EXPECT_THAT(leftovers.failures, IsEmpty()) << call;
    EXPECT_FALSE(has_temporary()) << call;
    EXPECT_EQ(content(), bytes) << call;
    EXPECT_THAT(resolve_leftovers(kernel(), paths_, kActiveBase, {}).removed, IsEmpty()) << call;
    (void)::unlink(paths_.compressed(kBase).c_str());  // of a crash that came late
  }
  EXPECT_GT(states_with_both, 0);
  EXPECT_GT(states_with_temporary, 0);
}

// Asks for a stop at the given write.
class CancellingOs : public Os {
 public:
  explicit CancellingOs(int at_write) : writes_left_(at_write) {}
  ssize_t write(int fd, const void* data, std::size_t size) override {
    if (--writes_left_ == 0) stop_.request_stop();
    return Os::write(fd, data, size);
  }
  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

 private:
  int writes_left_;
  std::stop_source stop_;
};

TEST_F(CompressTest, StopsInTheMiddleAndLeavesNothing) {
  const std::string bytes = noise(2'000'000);
  for (const int at_write : {1, 2, 5}) {
    CancellingOs os(at_write);
    const Segment raw = raw_segment(bytes);
    const auto result = compress_segment(os, paths_, raw, os.token());
    ASSERT_TRUE(result) << text_of(result.error());
    EXPECT_EQ(*result, std::nullopt);
    EXPECT_FALSE(has_temporary());
    EXPECT_FALSE(has_compressed());
    EXPECT_EQ(read_file(raw.path), bytes);
  }
}

// A write in as many pieces as it has thousands of bytes.
class ShortWriteOs : public Os {
 public:
  ssize_t write(int fd, const void* data, std::size_t size) override {
    return Os::write(fd, data, std::min<std::size_t>(size, 1000));
  }
};

TEST_F(CompressTest, ContinuesShortWrites) {
  ShortWriteOs os;
  const std::string bytes = noise(50'000);
  ASSERT_TRUE(compress_segment(os, paths_, raw_segment(bytes), {}));
  EXPECT_EQ(read_segment(compressed_segment()), bytes);
}

// The segment shrinks or grows while it is compressed: another process wrote to it.
class LyingSizeOs : public Os {
 public:
  explicit LyingSizeOs(off_t difference) : difference_(difference) {}
  int fstat(int fd, struct stat* st) override {
    const int result = Os::fstat(fd, st);
    st->st_size += std::exchange(difference_, 0);
    return result;
  }

 private:
  off_t difference_;
};

TEST_F(CompressTest, TrustsNoWriteWithoutLookingAtTheSize) {
  class LosingOs : public Os {
   public:
    ssize_t write(int fd, const void* data, std::size_t size) override {
      const ssize_t written = Os::write(fd, data, size / 2);
      return written < 0 ? written : static_cast<ssize_t>(size);
    }
  } os;
  const Segment raw = raw_segment("a line\n");
  const auto compressed = compress_segment(os, paths_, raw, {});
  ASSERT_FALSE(compressed);
  EXPECT_EQ(text_of(compressed.error()),
            "cannot compress the segment '" + raw.path +
                "': the compressed file is not as long as what was written to it");
  EXPECT_TRUE(has_raw());
  EXPECT_FALSE(has_compressed() || has_temporary());
}

TEST_F(CompressTest, RefusesASegmentThatChangesMeanwhile) {
  const std::string bytes = numbered_lines(200'000);
  for (const off_t difference : {-1, 1, -200'000, 1'000'000}) {
    LyingSizeOs os(difference);
    const Segment raw = raw_segment(bytes);
    EXPECT_FALSE(compress_segment(os, paths_, raw, {})) << difference;
    EXPECT_EQ(read_file(raw.path), bytes) << difference;
    EXPECT_FALSE(has_temporary()) << difference;
    EXPECT_FALSE(has_compressed()) << difference;
  }
}

TEST_F(CompressTest, ResolvesACompressedFileCutAnywhereBesideItsRawSegment) {
  const std::string bytes = numbered_lines(3000);
  const std::string frame = compressed_bytes(bytes);
  for (std::size_t size = 0; size <= frame.size(); ++size) {
    write_file(paths_.rotated(kBase), bytes);
    write_file(paths_.compressed(kBase), frame.substr(0, size));
    const Leftovers leftovers = resolve_leftovers(kernel(), paths_, kActiveBase, {});
    EXPECT_THAT(leftovers.failures, IsEmpty()) << size;
    const bool whole = size == frame.size();
    EXPECT_THAT(leftovers.removed, ElementsAre(whole ? paths_.rotated(kBase) : paths_.compressed(kBase)))
        << size;
    EXPECT_EQ(has_raw(), !whole) << size;
    EXPECT_EQ(has_compressed(), whole) << size;
    EXPECT_EQ(content(), bytes) << size;
  }
}

TEST_F(CompressTest, PrefersTheRawSegmentToOneOfOtherBytes) {
  const std::string bytes = numbered_lines(3000);
  std::string other = bytes;
  other[1500] ^= 1;
  const std::string frame = compressed_bytes(other);
  write_file(paths_.rotated(kBase), bytes);
  write_file(paths_.compressed(kBase), frame);
  EXPECT_THAT(resolve_leftovers(kernel(), paths_, kActiveBase, {}).removed,
              ElementsAre(paths_.compressed(kBase)));
  EXPECT_EQ(content(), bytes);
}

TEST_F(CompressTest, ResolvesNothingAtOrAfterTheActiveBase) {
  const std::string frame = compressed_bytes("other\n");
  write_file(paths_.rotated(kBase), "bytes\n");
  write_file(paths_.compressed(kBase), frame);
  EXPECT_THAT(resolve_leftovers(kernel(), paths_, kBase, {}).removed, IsEmpty());
  EXPECT_TRUE(has_raw());
  EXPECT_TRUE(has_compressed());
}

TEST_F(CompressTest, LeavesALoneCompressedSegmentAloneEvenIfItIsDamaged) {
  write_file(paths_.compressed(kBase), "damaged");
  const Leftovers leftovers = resolve_leftovers(kernel(), paths_, kActiveBase, {});
  EXPECT_THAT(leftovers.removed, IsEmpty());
  EXPECT_TRUE(has_compressed());
}

// Every call of the resolution fails in turn, or is the last: never are both files gone.
TEST_F(CompressTest, ResolvesWithoutLossWhicheverCallFails) {
  const std::string bytes = numbered_lines(3000);
  const std::string frame = compressed_bytes(bytes);
  for (const bool dead_after : {false, true}) {
    for (const std::string& beside : {frame, frame.substr(0, 100)}) {
      for (int call = 1;; ++call) {
        write_file(paths_.rotated(kBase), bytes);
        write_file(paths_.compressed(kBase), beside);
        write_file(paths_.temporary(kBase), "cut short");
        FaultOs os(call, EIO, dead_after);
        const Leftovers leftovers = resolve_leftovers(os, paths_, kActiveBase, {});
        if (os.failed_call().empty()) break;
        EXPECT_FALSE(leftovers.failures.empty()) << call;
        if (has_raw()) {
          EXPECT_EQ(read_file(paths_.rotated(kBase)), bytes) << call;
        } else {
          EXPECT_EQ(read_segment(compressed_segment()), bytes) << call;
        }
        (void)resolve_leftovers(kernel(), paths_, kActiveBase, {});  // content() looks at what it did
        EXPECT_FALSE(has_temporary()) << call;
        EXPECT_EQ(content(), bytes) << call;
        (void)::unlink(paths_.rotated(kBase).c_str());
        (void)::unlink(paths_.compressed(kBase).c_str());  // one of the two was there
      }
    }
  }
}

TEST_F(CompressTest, ResolutionCanBeCancelled) {
  const std::string frame = compressed_bytes(numbered_lines(3000));
  write_file(paths_.rotated(kBase), numbered_lines(3000));
  write_file(paths_.compressed(kBase), frame);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(resolve_leftovers(kernel(), paths_, kActiveBase, stop.get_token()).removed, IsEmpty());
  EXPECT_TRUE(has_raw());
  EXPECT_TRUE(has_compressed());
}

class SegmentReaderTest : public CompressTest {};

TEST_F(SegmentReaderTest, DetectsACompressedSegmentCutAnywhere) {
  const std::string frame = compressed_bytes(numbered_lines(20'000));
  for (std::size_t size = 0; size < frame.size(); ++size) {
    write_file(paths_.compressed(kBase), frame.substr(0, size));
    const auto content = read_segment(compressed_segment());
    ASSERT_FALSE(content) << size;
    EXPECT_EQ(content.error().kind, ErrorKind::Data) << size;
    EXPECT_THAT(text_of(content.error()), HasSubstr(paths_.compressed(kBase))) << size;
  }
}

TEST_F(SegmentReaderTest, DetectsEveryChangedBitThatMatters) {
  const std::string bytes = numbered_lines(2000);
  const std::string frame = compressed_bytes(bytes);
  int detected = 0;
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    std::string changed = frame;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    write_file(paths_.compressed(kBase), changed);
    const auto content = read_segment(compressed_segment());
    if (content) {
      EXPECT_EQ(*content, bytes) << "bit " << bit;
    } else {
      ++detected;
    }
  }
  EXPECT_GT(detected, static_cast<int>(frame.size()) * 7);
}

TEST_F(SegmentReaderTest, DetectsWhatFollowsTheFrame) {
  const std::string frame = compressed_bytes("line\n");
  for (const std::string& more : {std::string("x"), std::string(1 << 20, '\0'), frame}) {
    write_file(paths_.compressed(kBase), frame + more);
    const auto content = read_segment(compressed_segment());
    ASSERT_FALSE(content);
    EXPECT_THAT(text_of(content.error()), HasSubstr("something follows its zstd frame"));
  }
}

TEST_F(SegmentReaderTest, TellsTheSizeWithoutDecompressing) {
  const std::string frame = compressed_bytes(numbered_lines(500'000));
  write_file(paths_.compressed(kBase), frame.substr(0, 1000));
  const auto reader = SegmentReader::open(kernel(), compressed_segment());
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->size(), 500'000U);
  EXPECT_EQ(reader->position(), kBase);
}

TEST_F(SegmentReaderTest, SkipsToAnyOffset) {
  const std::string bytes = numbered_lines(200'000);
  const std::string frame = compressed_bytes(bytes);
  write_file(paths_.compressed(kBase), frame);
  for (const Segment& segment : {raw_segment(bytes), compressed_segment()}) {
    for (const std::size_t skipped : {0UL, 1UL, 16'384UL, 16'385UL, 199'999UL, 200'000UL}) {
      auto reader = SegmentReader::open(kernel(), segment);
      ASSERT_TRUE(reader);
      ASSERT_TRUE(reader->skip_to(kBase + skipped));
      EXPECT_EQ(reader->position(), kBase + skipped);
      std::string rest(200, '\0');
      const auto size = reader->read(rest);
      ASSERT_TRUE(size);
      rest.resize(*size);
      EXPECT_EQ(rest, bytes.substr(skipped, rest.size())) << skipped;
      EXPECT_EQ(rest.empty(), skipped == bytes.size()) << skipped;
    }
    auto reader = SegmentReader::open(kernel(), segment);
    ASSERT_TRUE(reader);
    const Status beyond = reader->skip_to(kBase + bytes.size() + 1);
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().kind, ErrorKind::Data);
  }
}

TEST_F(SegmentReaderTest, FollowsARawSegmentThatGrows) {
  const Segment segment = raw_segment("one\n");
  auto reader = SegmentReader::open(kernel(), segment);
  ASSERT_TRUE(reader);
  std::string buffer(100, '\0');
  EXPECT_EQ(reader->read(buffer), 4U);
  EXPECT_EQ(reader->read(buffer), 0U);
  write_file(segment.path, "one\ntwo\n");
  EXPECT_EQ(reader->read(buffer), 4U);
  EXPECT_EQ(buffer.substr(0, 4), "two\n");
  EXPECT_EQ(reader->position(), kBase + 8);
}

TEST_F(SegmentReaderTest, ReportsThatASegmentEndsBeforeAnOffset) {
  const std::string frame = compressed_bytes("one\n");
  write_file(paths_.compressed(kBase), frame);
  for (const Segment& segment : {raw_segment("one\n"), compressed_segment()}) {
    auto reader = SegmentReader::open(kernel(), segment);
    ASSERT_TRUE(reader) << text_of(reader.error());
    EXPECT_EQ(text_of(reader->skip_to(kBase + 5).error()),
              "cannot read the segment '" + segment.path + "': it ends before offset 1005");
  }
}

// As `zstd < FILE` makes it, which does not know the length beforehand.
TEST_F(SegmentReaderTest, RefusesAFrameThatDoesNotSayItsLength) {
  write_file(paths_.compressed(kBase), std::string("\x28\xb5\x2f\xfd\0\0\x01\0\0", 9));
  const auto reader = SegmentReader::open(kernel(), compressed_segment());
  ASSERT_FALSE(reader);
  EXPECT_EQ(text_of(reader.error()), "cannot read the segment '" + paths_.compressed(kBase) +
                                         "': its zstd frame does not say how long its content is");
}

TEST_F(SegmentReaderTest, ReportsWhatIsMissingAndWhatFails) {
  const auto missing = SegmentReader::open(kernel(), compressed_segment());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::NoInput);

  const std::string bytes = numbered_lines(300'000);
  const std::string frame = compressed_bytes(bytes);
  write_file(paths_.compressed(kBase), frame);
  for (const Segment& segment : {raw_segment(bytes), compressed_segment()}) {
    for (int call = 1;; ++call) {
      FaultOs os(call);
      const auto content = read_segment(segment, 100'000, os);
      if (os.failed_call().empty()) break;
      ASSERT_FALSE(content) << os.failed_call();
      EXPECT_EQ(content.error().errnum, EIO);
    }
  }
}

}  // namespace
}  // namespace slurper
