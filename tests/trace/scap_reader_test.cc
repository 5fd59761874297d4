#include "trace/scap/scap_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <thread>

#include "trace/trace_site.h"

namespace slurper {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

// Events with numbers 1 to `count`.
CaptureBuilder sample(int count) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5});
  for (int i = 0; i < count; ++i) capture.event(5, 4, {i64(i)});
  return capture;
}

std::string numbers(int from, int to) {
  std::string lines;
  for (int i = from; i <= to; ++i) lines += std::to_string(i) + "\n";
  return lines;
}

How fds_only() {
  return {.format = "%evt.rawarg.fd"};
}

std::string gzipped(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd_of(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1));
  return out;
}

TEST(ScapReader, ReadsPlainAndCompressedCaptures) {
  const std::string plain = sample(2000).bytes();
  const std::string expected = numbers(0, 1999);
  for (const std::string& capture : {plain, gzipped(plain), zstd_of(plain)}) {
    const Shown shown = show(capture, fds_only());
    EXPECT_EQ(shown.lines, expected);
    EXPECT_TRUE(shown.damage.empty());
  }
}

TEST(ScapReader, ReadsSeveralGzipFilesAfterEachOther) {
  const CaptureBuilder capture = sample(4);
  const std::size_t half = capture.bytes().size() / 2;
  const Shown shown =
      show(gzipped(capture.bytes().substr(0, half)) + gzipped(capture.bytes().substr(half)), fds_only());
  EXPECT_EQ(shown.lines, numbers(0, 3));
  EXPECT_TRUE(shown.damage.empty());
}

TEST(ScapReader, ReadsFromAPipeThatIsWrittenByteByByte) {
  const std::string capture = sample(5).bytes();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  std::thread writer([fd = UniqueFd(ends[1]), &capture] {
    for (const char& byte : capture) EXPECT_EQ(::write(fd.get(), &byte, 1), 1);
  });
  ScapReader reader{CaptureInput{UniqueFd{ends[0]}, "pipe"}, [](const Damage&) { FAIL(); }};
  int events = 0;
  while (const auto block = reader.next()) events += holds_event(block->type) ? 1 : 0;
  EXPECT_EQ(events, 5);
  writer.join();
}

TEST(ScapReader, KnowsWhatIsACapture) {
  const auto is_capture = [](std::string_view bytes) {
    ScapReader reader{CaptureInput{file_of(bytes), "x"}, [](const Damage&) {}};
    return reader.is_capture();
  };
  EXPECT_TRUE(is_capture(sample(1).bytes()));
  EXPECT_TRUE(is_capture(gzipped(sample(1).bytes())));
  EXPECT_FALSE(is_capture(""));
  EXPECT_FALSE(is_capture("\x1f"));
  EXPECT_FALSE(is_capture("PK\x03\x04 something else"));
}

// Everything before the cut is shown, wherever it is.
TEST(ScapReader, ReportsWhereACaptureIsCutShort) {
  const CaptureBuilder capture = sample(10);
  CaptureBuilder head;
  head.process({.tid = 5, .pid = 5});
  const std::size_t event_size = (capture.bytes().size() - head.bytes().size()) / 10;
  for (std::size_t size = head.bytes().size(); size < capture.bytes().size(); ++size) {
    const Shown shown = show(std::string_view(capture.bytes()).substr(0, size), fds_only());
    const std::size_t whole = (size - head.bytes().size()) / event_size;
    EXPECT_EQ(shown.lines, whole == 0 ? "" : numbers(0, static_cast<int>(whole) - 1)) << size;
    const bool is_between = (size - head.bytes().size()) % event_size == 0;
    ASSERT_EQ(shown.damage.size(), is_between ? 0U : 1U) << size;
    if (is_between) continue;
    EXPECT_EQ(shown.damage[0].kind, DamageKind::CutShort);
    EXPECT_EQ(shown.damage[0].offset, head.bytes().size() + whole * event_size);
  }
}

TEST(ScapReader, SkipsDamageAndReportsItsPlace) {
  std::string capture = sample(10).bytes();
  CaptureBuilder head;
  head.process({.tid = 5, .pid = 5});
  const std::size_t event_size = (capture.size() - head.bytes().size()) / 10;
  const std::size_t third = head.bytes().size() + 3 * event_size;
  for (const std::uint32_t length :
       {0U, 7U, 1U << 20, 0xffffffffU, static_cast<std::uint32_t>(event_size) + 4}) {
    std::string damaged = capture;
    damaged.replace(third + 4, 4, u32(length));
    const Shown shown = show(damaged, fds_only());
    EXPECT_EQ(shown.lines, numbers(0, 2) + numbers(4, 9)) << length;
    ASSERT_EQ(shown.damage.size(), 1U) << length;
    EXPECT_EQ(shown.damage[0].kind, DamageKind::BadLength);
    EXPECT_EQ(shown.damage[0].offset, third);
    EXPECT_EQ(shown.damage[0].skipped, event_size);
  }
}

TEST(ScapReader, ReportsAnEventWhoseLengthsContradictEachOther) {
  CaptureBuilder capture = sample(1);
  const std::uint64_t place = capture.bytes().size();
  capture.block(kEventBlock, u16(0) + u64(1) + i64(5) + u32(28) + u16(4) + u32(1) + u16(999));
  capture.event(5, 4, {i64(1)});
  const Shown shown = show(capture, fds_only());
  EXPECT_EQ(shown.lines, numbers(0, 1));
  ASSERT_EQ(shown.damage.size(), 1U);
  EXPECT_EQ(shown.damage[0].kind, DamageKind::BadEvent);
  EXPECT_EQ(shown.damage[0].offset, place);
}

TEST(ScapReader, ReportsATableThatContradictsItself) {
  CaptureBuilder capture;
  const std::uint64_t place = capture.bytes().size();
  capture.block(kProcessesBlock, u32(1000) + "too short");
  capture.event(5, 4, {i64(0)});
  const Shown shown = show(capture, fds_only());
  EXPECT_EQ(shown.lines, numbers(0, 0));
  ASSERT_EQ(shown.damage.size(), 1U);
  EXPECT_EQ(shown.damage[0].kind, DamageKind::BadEntry);
  EXPECT_EQ(shown.damage[0].offset, place);
}

TEST(ScapReader, ReportsDamagedCompression) {
  const std::string plain = sample(10'000).bytes();  // zstd has more than one block of them
  for (std::string capture : {gzipped(plain), zstd_of(plain)}) {
    capture.resize(capture.size() - 13);
    const Shown shown = show(capture, fds_only());
    ASSERT_FALSE(shown.damage.empty());
    EXPECT_EQ(shown.damage.back().kind, DamageKind::BadCompression);
    EXPECT_THAT(shown.lines, testing::StartsWith(numbers(0, 3)));
  }
}

TEST(ScapReader, SkipsBlocksAndEventsOfTypesItDoesNotKnow) {
  CaptureBuilder capture = sample(1);
  capture.block(0x299, "from the future").event(5, 450, {i64(1)}).event(5, 4, {i64(1)});
  const Shown shown = show(capture, {.format = "%evt.num %evt.type"});
  EXPECT_EQ(shown.lines, "1 close\n2 close\n");
  EXPECT_TRUE(shown.damage.empty());
}

TEST(ScapReader, ReadsLargeEvents) {
  CaptureBuilder capture;
  const std::string data(100'000, 'x');
  const std::string event = u64(CaptureBuilder::kBegin) + i64(5) +
                            u32(static_cast<std::uint32_t>(kEventHead + 8 + 8 + data.size())) + u16(9) +
                            u32(2) + u32(8) + u32(static_cast<std::uint32_t>(data.size())) + i64(100'000) +
                            data;
  capture.block(kLargeEventBlock, u16(0) + event).block(kLargeFlaggedEventBlock, u16(0) + u32(0) + event);
  const Shown shown =
      show(capture, {.format = "%evt.type %evt.rawres %evt.buffer", .options = {.max_data = 9}});
  EXPECT_EQ(shown.lines, "write 100000 xxxxxx...\nwrite 100000 xxxxxx...\n");
}

}  // namespace
}  // namespace slurper
