// What slurper trace --follow-bytes says, and why it is not sure, from captures made by hand.
#include "trace/flow/byte_flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "trace/capture_builder.h"
#include "trace/own_events.h"
#include "trace/trace_site.h"

namespace slurper::test {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kInode = 9;
constexpr std::uint16_t kReadEnter = 6;
constexpr std::uint16_t kWriteEnter = 8;

// A pipe that process 1 has made, with its children 2, 3, 4 and 5, which use its ends 3 and 4.
class Capture : public CaptureBuilder {
 public:
  explicit Capture(bool is_packet = false) {
    process({.tid = 1, .pid = 1, .name = "sh"});
    event(1, 60).event(1, 61, {i64(0), i64(3), i64(4), u64(kInode)});
    for (const int fd : {3, 4})
      event_at_once(1, kPipeKindEvent, {i64(fd), u64(kInode), u32(is_packet ? 1 : 0)});
    for (const int tid : {2, 3, 4, 5}) {
      event(1, 222).event(1, 223, child(tid, 1, 1, 0, 0));
      event(tid, 292, {text("/bin/" + name_of(tid))}).event(tid, 293, executed(tid, tid, name_of(tid)));
    }
  }
  static std::string name_of(int tid) {
    return tid < 4 ? "w" + std::to_string(tid) : "r" + std::to_string(tid);
  }

  Capture& write_begins(int tid, std::uint32_t size) {
    event(tid, kWriteEnter, {i64(4), u32(size)});
    return *this;
  }
  Capture& write_ends(int tid, std::int64_t result, const std::string& data) {
    event(tid, kWriteEnter + 1, {i64(result), data});
    return *this;
  }
  Capture& write(int tid, const std::string& data) {
    return write_begins(tid, static_cast<std::uint32_t>(data.size()))
        .write_ends(tid, static_cast<std::int64_t>(data.size()), data);
  }
  Capture& read_begins(int tid, std::uint32_t size) {
    event(tid, kReadEnter, {i64(3), u32(size)});
    return *this;
  }
  Capture& read_ends(int tid, std::int64_t result, const std::string& data) {
    event(tid, kReadEnter + 1, {i64(result), data});
    return *this;
  }
  Capture& read(int tid, std::uint32_t size, const std::string& data) {
    return read_begins(tid, size).read_ends(tid, static_cast<std::int64_t>(data.size()), data);
  }
};

std::string follow(const CaptureBuilder& capture, std::string filter = {}) {
  return show(capture, {.filter = std::move(filter), .mode = ViewMode::Bytes}).lines;
}

TEST(ByteFlow, SaysWhichLinesWentFromWhomToWhom) {
  Capture capture;
  capture.write(2, "a\nb\n").write(3, "c\n").read(4, 6, "a\nb\nc\n").write(2, "dd").read(5, 9, "dd");
  EXPECT_EQ(follow(capture),
            "lines 1 to 2 of pipe 9 (4 bytes at 0): w2 (2) fd 4 -> r4 (4) fd 3\n"
            "line 3 of pipe 9 (2 bytes at 4): w3 (3) fd 4 -> r4 (4) fd 3\n"
            "line 4 of pipe 9 (2 bytes at 6): w2 (2) fd 4 -> r5 (5) fd 3\n");
  EXPECT_EQ(follow(capture, "proc.name=r5"), "line 4 of pipe 9 (2 bytes at 6): w2 (2) fd 4 -> r5 (5) fd 3\n");
  EXPECT_EQ(follow(capture, "proc.name=w3"), "line 3 of pipe 9 (2 bytes at 4): w3 (3) fd 4 -> r4 (4) fd 3\n");
  EXPECT_EQ(show(capture, {.mode = ViewMode::Bytes, .max_events = 1}).lines,
            "lines 1 to 2 of pipe 9 (4 bytes at 0): w2 (2) fd 4 -> r4 (4) fd 3\n");
}

TEST(ByteFlow, GroupsTheDigitsOfLargeNumbers) {
  Capture capture;
  const std::string large(4999, 'x');
  capture.write(2, large + '\n').read(4, 8192, large + '\n');
  EXPECT_EQ(follow(capture), "line 1 of pipe 9 (5,000 bytes at 0): w2 (2) fd 4 -> r4 (4) fd 3\n");
}

TEST(ByteFlow, TellsOverlappingWritesApartByTheirData) {
  Capture capture;
  capture.write_begins(2, 2).write_begins(3, 2).write_ends(2, 2, "a\n").write_ends(3, 2, "b\n");
  capture.read(4, 4, "b\na\n");
  EXPECT_EQ(follow(capture),
            "line 1 of pipe 9 (2 bytes at 0): w3 (3) fd 4 -> r4 (4) fd 3\n"
            "line 2 of pipe 9 (2 bytes at 2): w2 (2) fd 4 -> r4 (4) fd 3\n");
}

TEST(ByteFlow, IsNotSureOfOverlappingWritesWithTheSameData) {
  Capture capture;
  capture.write_begins(2, 2).write_begins(3, 2).write_ends(2, 2, "a\n").write_ends(3, 2, "a\n");
  capture.read(4, 2, "a\n").read(5, 2, "a\n");
  EXPECT_EQ(
      follow(capture),
      "line 1 of pipe 9 (2 bytes at 0): w2 (2) fd 4 -> r4 (4) fd 3; unsure: writes at the same time had "
      "the same data\n"
      "line 2 of pipe 9 (2 bytes at 2): w3 (3) fd 4 -> r5 (5) fd 3; unsure: writes at the same time had "
      "the same data\n");
}

TEST(ByteFlow, IsNotSureOfOverlappingWritesOfWhichTooLittleWasRecorded) {
  Capture capture;
  capture.write_begins(2, 9).write_begins(3, 9).write_ends(2, 9, "a").write_ends(3, 9, "a");
  capture.read_begins(4, 9).read_ends(4, 9, "a");
  EXPECT_EQ(follow(capture),
            "9 bytes at 0 of pipe 9: w2 (2) fd 4 -> r4 (4) fd 3; unsure: too little of the data was recorded "
            "(--snaplen)\n");
}

// Its place is known, and the line is not.
TEST(ByteFlow, NeedsNoDataWhereNothingOverlaps) {
  Capture capture;
  capture.write_begins(2, 900).write_ends(2, 900, "").read_begins(4, 900).read_ends(4, 900, "");
  capture.write(3, "b\n").read(4, 9, "b\n");
  EXPECT_EQ(follow(capture),
            "900 bytes at 0 of pipe 9: w2 (2) fd 4 -> r4 (4) fd 3\n"
            "2 bytes at 900 of pipe 9: w3 (3) fd 4 -> r4 (4) fd 3\n");
}

// The reader returns first, as it may on another processor.
TEST(ByteFlow, WaitsForTheEndOfTheWrite) {
  Capture capture;
  capture.write_begins(2, 2).read_begins(4, 9).read_ends(4, 2, "a\n").write_ends(2, 2, "a\n");
  EXPECT_EQ(follow(capture), "line 1 of pipe 9 (2 bytes at 0): w2 (2) fd 4 -> r4 (4) fd 3\n");
}

TEST(ByteFlow, FollowsAWriteThatHasNotEnded) {
  Capture capture;
  capture.write_begins(2, 1U << 20);
  for (int i = 0; i < 20; ++i) capture.read_begins(4, 4096).read_ends(4, 4096, "");
  EXPECT_THAT(follow(capture), HasSubstr("4,096 bytes at 77,824 of pipe 9: w2 (2) fd 4 -> r4 (4) fd 3\n"));
}

TEST(ByteFlow, CountsWhatAShortWriteWrote) {
  Capture capture;
  capture.write_begins(2, 9).write_ends(2, 2, "a\n").write_begins(2, 7).write_ends(2, -11, "xx");
  capture.write(3, "b\n").read(4, 9, "a\nb\n");
  EXPECT_EQ(follow(capture),
            "line 1 of pipe 9 (2 bytes at 0): w2 (2) fd 4 -> r4 (4) fd 3\n"
            "line 2 of pipe 9 (2 bytes at 2): w3 (3) fd 4 -> r4 (4) fd 3\n");
}

TEST(ByteFlow, IsNotSureWhenEventsWereLost) {
  Capture capture;
  capture.write(2, "a\n").event(0, kDropsEvent, {u16(0), u64(1)});
  capture.read(4, 2, "a\n").event(0, kTablesEvent);
  capture.read_begins(4, 9).read_ends(4, -11, "");
  capture.write(3, "b\n").read(4, 9, "b\n");
  EXPECT_EQ(show(capture, {.mode = ViewMode::Bytes, .with_own_events = false}).lines,
            "2 bytes of pipe 9: an unknown writer -> r4 (4) fd 3; unsure: events were lost\n"
            "2 bytes of pipe 9: w3 (3) fd 4 -> r4 (4) fd 3\n");
}

TEST(ByteFlow, SaysWhenEventsWereLost) {
  Capture capture;
  capture.event(0, kDropsEvent, {u16(0), u64(1)});
  EXPECT_THAT(follow(capture), HasSubstr("drops cpu=0 lost=1"));
}

// The pipe was there before.
class OldPipe : public CaptureBuilder {
 public:
  explicit OldPipe(bool sees_all) {
    process({.tid = 2, .pid = 2, .name = "w2"}).fd(2, 4, FdType::Fifo, sized("/f"), kInode);
    process({.tid = 4, .pid = 4, .name = "r4"}).fd(4, 3, FdType::Fifo, sized("/f"), kInode);
    if (sees_all) event(0, kScopeEvent, {u64(kInode)});
  }
};

TEST(ByteFlow, IsNotSureOfBytesFromBefore) {
  OldPipe capture(true);
  capture.event(2, 8, {i64(4), u32(2)}).event(2, 9, {i64(2), "b\n"});
  capture.event(4, 6, {i64(3), u32(2)}).event(4, 7, {i64(2), "a\n"});
  capture.event(4, 6, {i64(3), u32(9)}).event(4, 7, {i64(2), "b\n"});
  capture.event(2, 8, {i64(4), u32(2)}).event(2, 9, {i64(2), "c\n"});
  capture.event(4, 6, {i64(3), u32(9)}).event(4, 7, {i64(2), "c\n"});
  EXPECT_EQ(
      follow(capture),
      "line 1 of /f (2 bytes at 0): an unknown writer -> r4 (4) fd 3; unsure: the bytes may have been in "
      "the pipe before the recording began\n"
      "line 2 of /f (2 bytes at 2): w2 (2) fd 4 -> r4 (4) fd 3\n"
      "line 3 of /f (2 bytes at 4): w2 (2) fd 4 -> r4 (4) fd 3\n");
}

TEST(ByteFlow, IsNotSureIfOthersMayUseThePipe) {
  OldPipe capture(false);
  capture.event(4, 6, {i64(3), u32(9)}).event(4, 7, {i64(-11), ""});
  capture.event(2, 8, {i64(4), u32(2)}).event(2, 9, {i64(2), "b\n"});
  capture.event(4, 6, {i64(3), u32(9)}).event(4, 7, {i64(2), "b\n"});
  capture.event(4, 6, {i64(3), u32(9)}).event(4, 7, {i64(2), "x\n"});  // of a process that is not recorded
  const std::string why = "; unsure: a process that is not recorded may use the pipe, too\n";
  EXPECT_EQ(follow(capture), "line 1 of /f (2 bytes at 0): w2 (2) fd 4 -> r4 (4) fd 3" + why +
                                 "2 bytes of /f: an unknown writer -> r4 (4) fd 3" + why);
}

TEST(ByteFlow, IsNotSureWhileACallHasNotEnded) {
  Capture capture;
  capture.write(2, "a\n").write(3, "a\n");
  capture.read_begins(5, 2).read_begins(4, 2).read_ends(4, 2, "a\n");
  EXPECT_EQ(
      follow(capture),
      "line 1 of pipe 9 (2 bytes at 0): w2 (2) fd 4 -> r4 (4) fd 3; unsure: another call on the pipe had "
      "not ended\n"
      "2 bytes at 2 of pipe 9: w3 (3) fd 4, not read when the recording ended; unsure: another call on the "
      "pipe had not ended\n");
}

TEST(ByteFlow, FollowsPacketsAndWhatTheirReadersLeave) {
  Capture capture(true);
  capture.write(2, "ab\ncd\n").write(3, "e\n").read(4, 3, "ab\n").read(4, 9, "e\n");
  EXPECT_EQ(
      follow(capture),
      "lines 1 to 2 of pipe 9 (3 bytes at 0): w2 (2) fd 4 -> r4 (4) fd 3, which left 3 bytes of the packet, "
      "and they are lost\n"
      "line 3 of pipe 9 (2 bytes at 6): w3 (3) fd 4 -> r4 (4) fd 3\n");
  EXPECT_EQ(show(capture, {.filter = "pipe.offset exists",
                           .format = "%proc.name %evt.type %pipe.offset",
                           .with_own_events = false,
                           .follows_bytes = true})
                .lines,
            "w2 write 0\nw3 write 6\nr4 read 0\nr4 read 6\n");
}

// Process 1 has a second pipe, into which the bytes go on.
TEST(ByteFlow, FollowsBytesThatTheKernelCopies) {
  Capture capture;
  capture.event(1, 60).event(1, 61, {i64(0), i64(5), i64(6), u64(10)});
  capture.event_at_once(1, kPipeKindEvent, {i64(5), u64(10), u32(0)});
  capture.write(2, "a\nb\n");
  const auto generic = [&](std::uint16_t number, std::vector<std::string> arguments) {
    capture.event(1, 0, {u16(0), u16(number)}).event(1, 1, {u16(0)});
    std::vector<std::string> result{i64(4), u64(1)};
    for (std::string& one : arguments) result.push_back(std::move(one));
    capture.event_at_once(1, kResultEvent, result);
  };
  generic(276, {u64(3), u64(6), u64(4), u64(0)});                                           // tee
  capture.event(1, 166, {i64(3), i64(6), u64(4), u32(0)}).event(1, 167, {i64(4)});          // splice
  generic(278, {u64(6), u64(0), u64(1), u64(0)});                                           // vmsplice
  capture.event(1, 188, {i64(6), i64(9), u64(0), u64(2)}).event(1, 189, {i64(2), u64(0)});  // sendfile
  capture.event(1, 6, {i64(5), u32(99)}).event(1, 7, {i64(14), "a\nb\na\nb\nccc\ne\n"});
  EXPECT_EQ(follow(capture),
            "lines 1 to 2 of pipe 9 (4 bytes at 0): w2 (2) fd 4 -> sh (1) fd 3\n"
            "lines 1 to 6 of pipe 10 (14 bytes at 0): sh (1) fd 6 -> sh (1) fd 5\n");
}

TEST(ByteFlow, GivesTheOffsetToFiltersAndFormats) {
  Capture capture;
  capture.write(2, "a\nb\n").write(3, "c\n").read(4, 4, "a\nb\n").read(4, 9, "c\n");
  EXPECT_EQ(show(capture, {.filter = "pipe.offset exists",
                           .format = "%proc.name %evt.type %pipe.offset",
                           .with_own_events = false,
                           .follows_bytes = true})
                .lines,
            "w2 write 0\nw3 write 4\nr4 read 0\nr4 read 4\n");
}

// More than a pipe holds: another one must have read it.
TEST(ByteFlow, KeepsNoMoreThanThePipeHolds) {
  OldPipe capture(true);
  for (int i = 0; i < 600; ++i)
    capture.event(2, 8, {i64(4), u32(4096)}).event(2, 9, {i64(4096), std::string(80, 'x')});
  capture.event(2, 8, {i64(4), u32(2)}).event(2, 9, {i64(2), "b\n"});
  capture.event(4, 6, {i64(3), u32(9)}).event(4, 7, {i64(2), "b\n"});
  EXPECT_EQ(
      follow(capture),
      "2 bytes of /f: w2 (2) fd 4 -> r4 (4) fd 3; unsure: a process that is not recorded may use the pipe, "
      "too\n");
}

// io_submit, io_uring_setup and io_uring_enter; a program of 32 bits; queues from before.
TEST(ByteFlow, KnowsThatSomeCallsAreNotSeen) {
  const auto is_unsure = [](Capture& capture) {
    capture.write(2, "a\n").read(4, 9, "a\n");
    EXPECT_THAT(follow(capture), HasSubstr("unsure: a process that is not recorded"));
  };
  for (const auto number : {std::uint16_t{209}, std::uint16_t{425}, std::uint16_t{426}}) {
    Capture capture;
    capture.event(5, 0, {u16(0), u16(number)});
    is_unsure(capture);
  }
  Capture compat;
  compat.event(5, 0, {u16(0), u16(0xffff)}).event(5, 1, {u16(0)}).event_at_once(5, kCompatEvent, {u16(4)});
  is_unsure(compat);
  Capture queues;
  queues.event(5, kMappingEvent, {text(kIoUringQueues)});
  is_unsure(queues);
}

// Its receiver may be a process that is not recorded.
TEST(ByteFlow, IsNotSureOfAPipeThatWasPassedOn) {
  Capture capture;
  capture.event(5, kSentEvent, {i64(4), u64(1)});
  capture.write(2, "a\n").read(4, 9, "a\n");
  EXPECT_THAT(follow(capture), HasSubstr("unsure: a process that is not recorded"));
}

// Through a hard link, or as /dev/stdout.
TEST(ByteFlow, IsNotSureOfAPipeWithTwoNames) {
  Capture capture;
  capture.event(5, 2, {text("/dev/stdout"), u32(2), u32(0)});
  capture.event(5, 3, {i64(6), text("/dev/stdout"), u32(2), u32(0), u32(0), u64(kInode)});
  capture.event_at_once(5, kPipeKindEvent, {i64(6), u64(kInode), u32(0)});
  capture.event(5, kWriteEnter, {i64(6), u32(2)}).event(5, kWriteEnter + 1, {i64(2), "a\n"});
  capture.write(2, "a\n").read(4, 9, "a\n");
  EXPECT_THAT(follow(capture), HasSubstr("unsure: a process that is not recorded"));
}

// A FIFO is freed with its last descriptor.
TEST(ByteFlow, ForgetsWhatWasInAFifoThatAllHaveClosed) {
  OldPipe capture(true);
  capture.event(2, 8, {i64(4), u32(2)}).event(2, 9, {i64(2), "a\n"});
  capture.event(2, 4, {i64(4)}).event(2, 5, {i64(0)}).event(4, 4, {i64(3)}).event(4, 5, {i64(0)});
  const auto open = [&](std::int64_t tid, std::int64_t fd, std::uint32_t slots) {
    capture.event(tid, 2, {text("/f"), u32(3), u32(0)});
    capture.event(tid, 3, {i64(fd), text("/f"), u32(3), u32(0), u32(0), u64(kInode)});
    capture.event_at_once(tid, kPipeKindEvent, {i64(fd), u64(kInode), u32(0)});
    capture.event_at_once(tid, kPipeEvent, {i64(fd), u64(kInode), u32(slots), u32(16), u32(1), u32(1)});
  };
  open(2, 4, 0);
  open(4, 3, 0);
  capture.event(2, 8, {i64(4), u32(2)}).event(2, 9, {i64(2), "b\n"});
  capture.event(4, 6, {i64(3), u32(9)}).event(4, 7, {i64(2), "b\n"});
  EXPECT_EQ(show(capture, {.mode = ViewMode::Bytes, .with_own_events = false}).lines,
            "2 bytes of /f: w2 (2) fd 4, lost: the pipe was closed before they were read\n"
            "2 bytes of /f: w2 (2) fd 4 -> r4 (4) fd 3\n");
}

TEST(ByteFlow, SaysWhatWasNotRead) {
  Capture capture;
  capture.write(2, "a\nb\n").write(3, "c\n").read(4, 2, "a\n");
  EXPECT_EQ(follow(capture),
            "line 1 of pipe 9 (2 bytes at 0): w2 (2) fd 4 -> r4 (4) fd 3\n"
            "line 2 of pipe 9 (2 bytes at 2): w2 (2) fd 4, not read when the recording ended\n"
            "line 3 of pipe 9 (2 bytes at 4): w3 (3) fd 4, not read when the recording ended\n");
  EXPECT_THAT(follow(capture, "proc.name=w3"), testing::StartsWith("line 3"));
  for (const int tid : {1, 2, 3, 4, 5})
    capture.event_at_once(tid, 186, {i64(0), i64(0), u8(0), u8(0), i64(0)});  // the processes end
  EXPECT_THAT(follow(capture), HasSubstr("line 3 of pipe 9 (2 bytes at 4): w3 (3) fd 4, lost: the pipe was "
                                         "closed before they were read\n"));
}

// The tables do not say that its bytes are packets, nor which end a descriptor is.
TEST(ByteFlow, KnowsTheKindOfAPipeFromBefore) {
  OldPipe capture(true);
  capture.event_at_once(2, kPipeKindEvent, {i64(4), u64(kInode), u32(kPassesPackets | kWasPipeBefore)});
  capture.event_at_once(4, kPipeKindEvent, {i64(3), u64(kInode), u32(kReadsPipe | kWasPipeBefore)});
  capture.event(4, 6, {i64(3), u32(9)}).event(4, 7, {i64(-11), ""});
  capture.event(2, 8, {i64(4), u32(4)}).event(2, 9, {i64(4), "abc\n"});
  capture.event(2, 8, {i64(4), u32(2)}).event(2, 9, {i64(2), "d\n"});
  capture.event(4, 6, {i64(3), u32(2)}).event(4, 7, {i64(2), "ab"});
  capture.event(4, 0, {u16(0), u16(278)}).event(4, 1, {u16(0)});
  capture.event_at_once(4, kResultEvent, {i64(2), u64(1), u64(3), u64(0), u64(1), u64(0)});  // vmsplice
  EXPECT_EQ(follow(capture),
            "line 1 of /f (2 bytes at 0): w2 (2) fd 4 -> r4 (4) fd 3, which left 2 bytes of the packet, and "
            "they are lost\n"
            "line 2 of /f (2 bytes at 4): w2 (2) fd 4 -> r4 (4) fd 3\n");
}

}  // namespace
}  // namespace slurper::test
