#include "trace/model/model.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include "trace/own_events.h"
#include "trace/trace_site.h"

namespace slurper {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t kReadOnly = 1;

// A read of each of these descriptors by the thread.
void read_each(CaptureBuilder& capture, std::int64_t tid, std::initializer_list<std::int64_t> fds) {
  for (const std::int64_t fd : fds) capture.event(tid, 6, {i64(fd), u32(1)}).event(tid, 7, {i64(1), "x"});
}

void open_file(CaptureBuilder& capture, std::int64_t tid, std::int64_t fd, std::string_view path,
               std::uint32_t flags = kReadOnly) {
  capture.event(tid, 2, {text(path), u32(flags), u32(0)});
  capture.event(tid, 3, {i64(fd), text(path), u32(flags), u32(0), u32(0x801)});
}

// The names of what was read, as far as they are known.
std::string names_read(const CaptureBuilder& capture) {
  return show_as(capture, "*%thread.tid %fd.num %fd.name", "evt.type = read and evt.dir = >");
}

TEST(Model, FollowsADescriptorThroughDup) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/etc/hosts");
  capture.event(5, 124, {i64(3)}).event(5, 125, {i64(4)});
  capture.event(5, 150, {i64(4), u8(1)}).event(5, 151, {i64(9)});
  capture.event(5, 150, {i64(4), u8(4)}).event(5, 151, {i64(8)});  // F_GETFL: 8 is no descriptor
  capture.event(5, 4, {i64(3)}).event(5, 5, {i64(0)});
  read_each(capture, 5, {3, 4, 9, 8});
  EXPECT_EQ(names_read(capture), "5 3 <NA>\n5 4 /etc/hosts\n5 9 /etc/hosts\n5 8 <NA>\n");
}

TEST(Model, FindsOpenedFilesInDirectories) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .directory = "/home/x"}).fd(5, 3, FdType::Directory, sized("/srv"));
  open_file(capture, 5, 4, "../y/./z");
  capture.event(5, 306, {i64(3), text("a"), u32(1), u32(0)});
  capture.event(5, 307, {i64(5), i64(3), text("a"), u32(1), u32(0), u32(0)});
  capture.event(5, 94).event(5, 95, {i64(0), text("/var")});
  open_file(capture, 5, 6, "b");
  capture.event(5, 96, {i64(3)}).event(5, 97, {i64(0)});
  open_file(capture, 5, 7, "c");
  read_each(capture, 5, {4, 5, 6, 7});
  EXPECT_EQ(names_read(capture), "5 4 /home/y/z\n5 5 /srv/a\n5 6 /var/b\n5 7 /srv/c\n");
}

TEST(Model, AFailedOpenIsShownByItsNameAndOpensNothing) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5});
  open_file(capture, 5, -2, "/nope");
  EXPECT_EQ(show_as(capture, "%evt.type %evt.res %fd.name", "fd.name = /nope"), "open ENOENT /nope\n");
}

TEST(Model, AForkCopiesTheDescriptorsAndAThreadSharesThem) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/etc/hosts");
  capture.event(5, 222).event(5, 223, child(6, 5, 5, 1, 0)).event(6, 223, child(0, 6, 6, 5, 0));
  capture.event(5, 222)
      .event(5, 223, child(7, 5, 5, 1, 1 | 1U << 13))
      .event(7, 223, child(0, 7, 5, 1, 1 | 1U << 13));
  open_file(capture, 5, 4, "/a");
  read_each(capture, 6, {3, 4});
  read_each(capture, 7, {3, 4});
  EXPECT_EQ(names_read(capture), "6 3 /etc/hosts\n6 4 <NA>\n7 3 /etc/hosts\n7 4 /a\n");
  EXPECT_EQ(
      show_as(capture, "%proc.pid %proc.ppid %proc.name", "thread.tid = 7 and fd.num = 4 and evt.dir = >"),
      "5 1 child\n");
}

// The kernel gives the number away before the call that closes it returns.
TEST(Model, ADescriptorThatAnotherThreadGotDuringItsCloseStays) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/etc/hosts");
  capture.event(5, 222)
      .event(5, 223, child(7, 5, 5, 1, 1 | 1U << 13))
      .event(7, 223, child(0, 7, 5, 1, 1 | 1U << 13));
  capture.event(5, 4, {i64(3)});
  open_file(capture, 7, 3, "/new");
  capture.event(5, 5, {i64(0)});
  read_each(capture, 7, {3});
  EXPECT_EQ(show_as(capture, "%evt.type %fd.name", "evt.type in (close, read)"),
            "close /etc/hosts\nclose /etc/hosts\nread /new\nread /new\n");
}

TEST(Model, TheChildMaySpeakBeforeItsParent) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/etc/hosts");
  capture.event(5, 222).event(6, 223, child(0, 6, 6, 5, 0));
  read_each(capture, 6, {3});
  capture.event(5, 223, child(6, 5, 5, 1, 0));
  EXPECT_EQ(names_read(capture), "6 3 /etc/hosts\n");
}

// The parent of a vfork(2) sleeps until then.
TEST(Model, AChildMayHaveExecutedAProgramBeforeItsParentSpeaks) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/etc/hosts");
  capture.event(5, 226).event(6, 227, child(0, 6, 6, 5, 0));
  capture.event(6, 292, {text("/bin/cat")}).event(6, 293, executed(6, 6, "cat"));
  capture.event(5, 227, child(6, 5, 5, 1, 0));
  read_each(capture, 6, {3});
  EXPECT_EQ(show_as(capture, "%proc.name %fd.name", "evt.type = read and evt.dir = <"), "cat /etc/hosts\n");
}

TEST(Model, AnExecClosesWhatItMust) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5})
      .file(5, 3, "/etc/hosts")
      .file(5, 4, "/a", kReadOnly | kOpenCloseOnExec);
  open_file(capture, 5, 6, "/b", kReadOnly | kOpenCloseOnExec);
  capture.event(5, 292, {text("/usr/bin/cat")}).event(5, 293, executed(5, 5, "cat"));
  read_each(capture, 5, {3, 4, 6});
  EXPECT_EQ(names_read(capture), "5 3 /etc/hosts\n5 4 <NA>\n5 6 <NA>\n");
  EXPECT_EQ(show_as(capture, "%proc.name %proc.exepath %proc.args %user.loginuid", "evt.num = 5"),
            "cat /usr/bin/cat x 7\n");
}

TEST(Model, AnExecEndsTheOtherThreads) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5})
      .process({.tid = 6, .pid = 5, .flags = 1 | 1U << 13})
      .file(5, 3, "/etc/hosts");
  read_each(capture, 6, {3});
  capture.event(5, 292, {text("/bin/cat")}).event(5, 293, executed(5, 5, "cat"));
  read_each(capture, 6, {3});
  EXPECT_EQ(names_read(capture), "6 3 /etc/hosts\n6 3 <NA>\n");
}

TEST(Model, AProcessThatHasEndedIsForgotten) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/etc/hosts");
  capture.event(5, 186, {i64(0), i64(0), u8(0), u8(0)});
  read_each(capture, 5, {3});
  EXPECT_EQ(show_as(capture, "*%proc.name %fd.name", "evt.dir = >"), "sample <NA>\n<NA> <NA>\n");
}

// Both ends of a connection have one text, and a filter for it finds the whole conversation.
TEST(Model, AConnectionHasOneNameAtBothEnds) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "client"}).process({.tid = 6, .pid = 6, .name = "server"});
  capture.event(5, 18, {u32(AF_UNIX), u32(SOCK_STREAM), u32(0)}).event(5, 19, {i64(3)});
  capture.event(5, 22, {i64(3), u8(1) + text("/tmp/s")});
  capture.event(5, 23, {i64(0), unix_tuple(0xa1, 0xb2, "/tmp/s")});
  capture.event(6, 246).event(6, 247, {i64(4), unix_tuple(0xa1, 0xb2, "/tmp/s"), u8(0), u32(0), u32(5)});
  read_each(capture, 5, {3});
  read_each(capture, 6, {4});
  EXPECT_EQ(names_read(capture), "5 3 a1->b2 /tmp/s\n6 4 a1->b2 /tmp/s\n");
  EXPECT_EQ(show_as(capture, "%proc.pid %fd.peer.pid %fd.type", "evt.type = read and evt.dir = <"),
            "5 6 unix\n6 5 unix\n");
  EXPECT_EQ(show_as(capture, "%evt.num", "(proc.pid=5 or proc.pid=6) and fd.type=unix and evt.type=read"),
            "7\n8\n9\n10\n");
}

TEST(Model, IdentityIsThatOfTheMoment) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5});
  const auto as = [&](std::uint16_t type, const std::vector<std::string>& ids) {
    capture.event(5, type, ids).event(5, static_cast<std::uint16_t>(type + 1), {i64(0)});
    read_each(capture, 5, {0});
  };
  constexpr std::uint32_t kSame = 0xffffffff;
  as(192, {u32(kSame), u32(33), u32(kSame)});  // setresuid
  as(198, {u32(0)});                           // setuid, by a user who is not root any more
  as(192, {u32(1), u32(2), u32(3)});
  as(426, {u32(kSame), u32(4)});  // setreuid
  capture.event(5, kIdentityEvent, {u32(10), u32(11), u32(12), u32(13), u32(14), u32(15), u32(16)});
  read_each(capture, 5, {0});
  EXPECT_EQ(show_as(capture, "%proc.ruid %user.uid %proc.suid %proc.fsuid %group.gid %user.loginuid",
                    "evt.type = read and evt.dir = <"),
            "0 33 0 33 0 1000\n0 0 0 0 0 1000\n1 2 3 2 0 1000\n1 4 3 4 0 1000\n10 11 12 13 15 16\n");
}

TEST(Model, KnowsWhoOpenedADescriptorAndWhen) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/before");
  open_file(capture, 5, 4, "/root/secret");
  capture.event(5, 192, {u32(33), u32(33), u32(33)}).event(5, 193, {i64(0)});
  open_file(capture, 5, 6, "/public");
  read_each(capture, 5, {3, 4, 6});
  EXPECT_EQ(
      show_as(capture, "%fd.name %fd.open.uid %user.uid", "fd.open.uid != user.uid and evt.type = read"),
      "/root/secret 0 33\n/root/secret 0 33\n");
  EXPECT_EQ(show_as(capture, "%fd.name", "fd.open.uid = user.uid and evt.type = read and evt.dir = <"),
            "/public\n");
}

TEST(Model, ReadsWhatCameAfterSysdig) {
  CaptureBuilder capture;  // only exits, which have the descriptor at their end
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/etc/hosts");
  capture.event(5, 7, {i64(1), "x", i64(3), u32(10)});
  capture.event(5, 363, {i64(7), i64(3), i64(7)}).event(5, 7, {i64(1), "x", i64(7), u32(10)});
  capture.event(5, 5, {i64(0), i64(3)}).event(5, 7, {i64(-9), "", i64(3), u32(10)});
  EXPECT_EQ(show_as(capture, "%evt.type %evt.res %fd.num %fd.name"),
            "read SUCCESS 3 /etc/hosts\ndup2 SUCCESS 7 /etc/hosts\nread SUCCESS 7 /etc/hosts\n"
            "close SUCCESS 3 /etc/hosts\nread EBADF 3 \n");
}

TEST(Model, ADescriptorOfAnyNumberIsKept) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5});
  open_file(capture, 5, 1'000'000'000'000, "/far");
  read_each(capture, 5, {1'000'000'000'000});
  capture.event(5, 4, {i64(1'000'000'000'000)}).event(5, 5, {i64(0)});
  read_each(capture, 5, {1'000'000'000'000});
  EXPECT_EQ(names_read(capture), "5 1000000000000 /far\n5 1000000000000 <NA>\n");
}

// What sysdig knows by name only has its arguments in an event of slurper's own.
TEST(Model, FollowsCallsThatSysdigKnowsByNameOnly) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/a").file(5, 4, "/b").file(5, 5, "/c");
  const auto generic = [&](std::uint16_t number, std::int64_t result, std::vector<std::uint64_t> arguments) {
    std::vector<std::string> params{i64(result), u64(1)};
    for (const std::uint64_t one : arguments) params.push_back(u64(one));
    capture.event(5, 0, {u16(0), u16(number)}).event(5, 1, {u16(0)}).event(5, kResultEvent, params);
  };
  generic(436, 0, {4, 0xffffffff, 4});  // close_range with CLOSE_RANGE_CLOEXEC
  generic(436, -22, {3, 3, 0});
  read_each(capture, 5, {3, 4, 5});
  generic(436, 0, {4, 0xffffffff, 0});
  generic(291, 9, {0});  // epoll_create1
  read_each(capture, 5, {3, 4, 5, 9});
  EXPECT_EQ(names_read(capture), "5 3 /a\n5 4 /b\n5 5 /c\n5 3 /a\n5 4 <NA>\n5 5 <NA>\n5 9 \n");
}

std::string entry(std::int64_t fd, FdType type, const std::string& payload, std::uint64_t inode = 77) {
  return i64(fd) + u64(inode) + u8(static_cast<std::uint8_t>(type)) + payload;
}

TEST(Model, ADescriptorThatWasSentKeepsItsStory) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "sender"}).process({.tid = 6, .pid = 6, .name = "receiver"});
  open_file(capture, 5, 3, "/etc/hosts");
  capture.event(5, kSentEvent, {i64(3), u64(1)});
  capture.event(5, 4, {i64(3)}).event(5, 5, {i64(0)});
  const std::string file = u32(1) + sized("/srv/x") + u32(0x801);
  capture.event(6, kReceivedEvent, {i64(7), u64(1), i64(5), i64(3), u32(1), entry(7, FdType::File, file)});
  capture.event(6, kReceivedEvent, {i64(8), u64(2), i64(9), i64(3), u32(1), entry(8, FdType::File, file)});
  capture.event(6, kReceivedEvent,
                {i64(9), u64(0), i64(-1), i64(-1), u32(1), entry(9, FdType::Fifo, sized(""))});
  capture.event(6, kReceivedEvent, {i64(-1)})
      .event(6, kReceivedEvent, {i64(10), u64(0), i64(6), i64(7), u32(1), "x"});
  read_each(capture, 6, {7, 8, 9, 10});
  EXPECT_EQ(show_as(capture, "*%fd.num %fd.type %fd.name %fd.open.pid", "evt.type = read and evt.dir = >"),
            "7 file /etc/hosts 5\n8 file /srv/x <NA>\n9 pipe  <NA>\n10 file /etc/hosts 5\n");
}

TEST(Model, WhatIsNotOpenAfterAnExecWasClosedByIt) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5})
      .fd(5, 3, FdType::Fifo, sized("/a"))
      .fd(5, 4, FdType::Fifo, sized("/b"));
  capture.fd(5, 5000, FdType::Fifo, sized("/c"));
  capture.event(5, kOpenEvent, {std::string("\x10\0", 2)});
  read_each(capture, 5, {3, 4, 5000});
  EXPECT_EQ(names_read(capture), "5 3 <NA>\n5 4 /b\n5 5000 /c\n");
}

// The kernel closes sockets when their process has ended.
TEST(Model, KnowsAProcessALittleAfterItsEnd) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"})
      .fd(5, 3, FdType::Unix, u64(0x11) + u64(0x12) + sized("/s"));
  capture.event(5, 186, {i64(0), i64(0), u8(0), u8(0)});
  capture.event(5, kUnreadEvent, {u64(0), u64(8), u64(0x11), u64(0x12)});
  capture.event(5, 6, {i64(3), u32(1)});
  EXPECT_THAT(show(capture).lines,
              testing::HasSubstr(" app (5) unread 8 bytes thrown away: fd=3(<u>/s) was closed\n"));
  EXPECT_EQ(names_read(capture), "5 3 <NA>\n") << "another thread with its id";
}

TEST(Model, KnowsWhoHasWokenASleeper) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).file(5, 3, "/f");
  capture.event(5, 6, {i64(3), u32(1)}).event(5, kWakerEvent, {i64(78), i64(77), text("writer")});
  capture.event(5, 7, {i64(1), "x"});
  read_each(capture, 5, {3});
  EXPECT_EQ(show_as(capture, "%evt.num %waker.pid %waker.tid %waker.name", "evt.dir = <"),
            "2 77 78 writer\n");
}

// After a loss: what the tables lack had ended unseen, and what they have goes on.
TEST(Model, ANewSectionRestatesWhatThereIs) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).process({.tid = 6, .pid = 6, .name = "gone"});
  open_file(capture, 5, 3, "/etc/hosts");
  open_file(capture, 5, 4, "/etc/passwd");
  capture.event(6, 6, {i64(0), u32(1)}).event(5, 6, {i64(3), u32(1)});
  capture.block(kSectionHeader, u32(kByteOrderMagic) + u16(1) + u16(2) + i64(-1));
  capture.process({.tid = 5, .pid = 5, .name = "app"});
  capture.file(5, 3, "/etc/hosts").file(5, 4, "/etc/group");
  capture.event(5, 7, {i64(1), "x"});
  read_each(capture, 5, {4});
  EXPECT_EQ(show_as(capture, "*%fd.num %fd.name %fd.open.pid", "evt.type = read and evt.dir = <"),
            "3 /etc/hosts 5\n4 /etc/group <NA>\n");
  EXPECT_THAT(show(capture, {.mode = ViewMode::Calls}).lines, testing::Not(testing::HasSubstr("unfinished")));
}

TEST(Model, ACallLastsAsLongAsItDoesWhenTheClockIsSet) {
  for (const std::chrono::hours step : {std::chrono::hours(1), std::chrono::hours(-1)}) {
    CaptureBuilder capture;
    capture.process({.tid = 100, .pid = 100}).event(100, 6, {i64(0), u32(1)}).pause(step);
    capture.event(0, kClockEvent, {i64(std::chrono::nanoseconds(step).count())});
    capture.event(100, 7, {i64(1), "x"});
    EXPECT_EQ(show_as(capture, "%evt.latency", "evt.dir=<"), "2000\n");
    const std::string shown =
        step.count() > 0 ? " 0 clock step=+3600.000000000\n" : " 0 clock step=-3600.000000000\n";
    EXPECT_THAT(show(capture).lines, testing::HasSubstr(shown));
  }
}

TEST(Model, TablesMayBeRestated) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/old");
  read_each(capture, 5, {3});
  capture.process({.tid = 5, .pid = 5}).fd(5, 4, FdType::Fifo, sized("/run/fifo"));
  read_each(capture, 5, {3, 4});
  EXPECT_EQ(names_read(capture), "5 3 /old\n5 3 <NA>\n5 4 /run/fifo\n");
}

}  // namespace
}  // namespace slurper
