// What sysdig shows of a capture, slurper shows, line by line.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "support/temp_dir.h"
#include "trace/call_table.h"
#include "trace/trace_site.h"

namespace slurper {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr const char* kSysdig = "/usr/bin/sysdig";

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

// Standard output of a command of the shell; what it says on standard error is part of the failure.
std::string output_of(const std::string& command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "re"), pclose);
  std::string text;
  std::array<char, 65536> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    text.append(buffer.data(), count);
  return text;
}

class Sysdig : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kSysdig))
      GTEST_SKIP() << "sysdig is not installed: scripts/install-packages test";
  }
  // Both show `capture`, with these options of sysdig's.
  void compare(const CaptureBuilder& capture, const std::string& format, const std::string& filter) {
    const std::string file = folder_.path() + "/capture.scap";
    std::ofstream(file, std::ios::binary) << capture.bytes();
    std::string command = std::string(kSysdig) + " -r " + quoted(file);
    if (!format.empty()) command += " -p " + quoted(format);
    if (!filter.empty()) command += " " + quoted(filter);
    const std::string expected = output_of(command + " 2>&1");
    How how{.filter = filter, .with_own_events = false};
    if (!format.empty()) how.format = format;
    EXPECT_EQ(show(capture, how).lines, expected) << command;
  }

  TempDir folder_;
};

// A value of each type, in which `number` occurs.
std::string sample_value(const Param& param, std::int64_t number) {
  switch (param.type) {
    case ParamType::Fd:
    case ParamType::Errno:
    case ParamType::Pid:
    case ParamType::Int64:
      return i64(number);
    case ParamType::UInt64:
    case ParamType::RelTime:
      return u64(static_cast<std::uint64_t>(number));
    case ParamType::Int8:
    case ParamType::UInt8:
    case ParamType::Flags8:
    case ParamType::Signal:
      return u8(static_cast<std::uint8_t>(number));
    case ParamType::Int16:
    case ParamType::UInt16:
    case ParamType::Flags16:
    case ParamType::Syscall:
      return u16(static_cast<std::uint16_t>(number));
    case ParamType::Text:
      return text("text");
    case ParamType::Path:
      return text("/tmp/x");
    case ParamType::RelPath:
      return text("tmp/x");
    case ParamType::Bytes:
      return std::string("a\0bc", 4);
    case ParamType::SockAddr:
      return u8(1) + text("/tmp/s");
    case ParamType::Tuple:
      return unix_tuple(0xaa, 0xbb, "/tmp/s");
    case ParamType::FdList:
      return u16(2) + i64(number) + u16(1) + i64(6) + u16(4);
    case ParamType::Dynamic:
      return u8(0) + i64(number);
    case ParamType::Texts:
    case ParamType::Pairs:
      return {};
    default:
      return u32(static_cast<std::uint32_t>(number));
  }
}

// Not what sysdig takes for something else than a call, or does not show. It resolves openat2's path in the
// wrong directory, and an execveat without use kills it. What calls do to processes is in the world below.
bool is_shown_by_sysdig(const EventInfo& event) {
  constexpr std::array<std::string_view, 10> kOthers = {"container", "tracer",  "pluginevent", "clone",
                                                        "clone3",    "fork",    "vfork",       "procexit",
                                                        "openat2",   "execveat"};
  return event.type < kFirstNewEvent && event.type > kGenericExit && event.name != "execve" &&
         std::ranges::find(kOthers, event.name) == kOthers.end();
}

// Every call that sysdig knows, with a number for all that it can be. Each is of a thread of its own, so that
// it does not depend on what others have opened.
CaptureBuilder every_call(std::int64_t number) {
  CaptureBuilder capture;
  const auto tid_of = [](const EventInfo& info) { return 1000 + info.type / 2; };
  for (const bool is_table : {true, false}) {
    for (std::uint16_t type = 0; type < kFirstNewEvent; ++type) {
      const EventInfo* const info = event_info(type);
      if (info == nullptr || !is_shown_by_sysdig(*info)) continue;
      const std::int64_t tid = tid_of(*info);
      if (is_table && !info->is_exit) {
        capture.process({.tid = tid, .pid = tid, .name = "app"}).file(tid, 12, "/etc/hosts");
      } else if (!is_table) {
        std::vector<std::string> params;
        for (std::size_t i = 0; i < info->classic_params; ++i)
          params.push_back(sample_value(info->params[i], number));
        capture.event(tid, type, params);
      }
    }
  }
  return capture;
}

TEST_F(Sysdig, ShowsEveryCallTheSameWay) {
  for (const std::int64_t number : {-1, -9, 1, 2, 3, 9, 12, 64, 255, 4097, 5120, 12352})
    compare(every_call(number), "", "");
}

// sysdig has no names for the errors from 126 on.
TEST_F(Sysdig, ShowsEveryErrorTheSameWay) {
  CaptureBuilder capture;
  capture.process({.tid = 100, .pid = 100});
  for (std::int64_t number = 1; number < 126; ++number) {
    if (number == 41 || number == 58) continue;  // no error has these numbers
    capture.event(100, 6, {i64(0), u32(1)}).event(100, 7, {i64(-number), ""});
  }
  compare(capture, "", "");
  compare(capture, "%evt.num %evt.res %evt.rawres %evt.failed", "");
}

std::string ipv4(std::uint8_t last) {
  return {'\x0a', '\0', '\0', static_cast<char>(last)};
}

// A small world: files, pipes, sockets of each kind, a fork and an exec.
CaptureBuilder world() {
  CaptureBuilder capture;
  capture.process({.tid = 1, .pid = 1, .parent = 0, .name = "init"});
  capture.process({.tid = 100, .pid = 100, .name = "app"});
  capture.process({.tid = 101, .pid = 100, .name = "worker", .flags = 1 | 1U << 13});
  capture.process({.tid = 200, .pid = 200, .parent = 100, .name = "server", .uid = 33});
  capture.file(100, 0, "/etc/hosts").fd(100, 1, FdType::Fifo, sized("pipe:[12]"));
  capture.fd(100, 2, FdType::Unix, u64(0x11) + u64(0x22) + sized("/run/x"));
  capture.fd(100, 3, FdType::IPv4, ipv4(1) + ipv4(2) + u16(4000) + u16(80) + u8(2));
  capture.fd(100, 4, FdType::IPv4Server, std::string(4, '\0') + u16(8080) + u8(2));
  capture.fd(100, 5, FdType::EventPoll, sized("[eventpoll]")).fd(100, 7, FdType::Directory, sized("/tmp"));
  const auto call = [&](std::int64_t tid, std::uint16_t type, const std::vector<std::string>& enter,
                        const std::vector<std::string>& exit) {
    capture.event(tid, type, enter).event(tid, static_cast<std::uint16_t>(type + 1), exit);
  };
  for (std::int64_t fd = 0; fd < 8; ++fd) call(100, 6, {i64(fd), u32(10)}, {i64(3), "a\nb"});
  call(101, 8, {i64(0), u32(300)}, {i64(300), std::string(300, 'x')});
  call(100, 8, {i64(1), u32(8)}, {i64(-32), std::string("\1\5\0\1\0\0\0\0", 8)});
  call(100, 306, {i64(-100), text("a/../b"), u32(6), u32(0644)},
       {i64(8), i64(-100), text("a/../b"), u32(6), u32(0644), u32(0x801)});
  call(100, 306, {i64(7), text("c"), u32(1), u32(0)},
       {i64(9), i64(7), text("c"), u32(1), u32(0), u32(0x801)});
  call(100, 2, {text("/nope"), u32(1), u32(0)}, {i64(-2), text("/nope"), u32(1), u32(0), u32(0)});
  call(100, 18, {u32(1), u32(1), u32(0)}, {i64(10)});
  call(100, 22, {i64(10), u8(1) + text("/tmp/s")}, {i64(0), unix_tuple(0xaa, 0xbb, "/tmp/s")});
  call(200, 246, {}, {i64(5), unix_tuple(0xaa, 0xbb, "/tmp/s"), u8(0), u32(0), u32(5)});
  call(200, 6, {i64(5), u32(10)}, {i64(3), "abc"});
  call(100, 18, {u32(2), u32(2), u32(17)}, {i64(11)});
  call(100, 30, {i64(11), u32(3), ipv4_tuple(ipv4(1), 5000, ipv4(9), 53)}, {i64(3), "abc"});
  call(100, 34, {i64(11), u32(99)}, {i64(3), "abc", ipv4_tuple(ipv4(9), 53, ipv4(1), 5000)});
  call(200, 18, {u32(2), u32(1), u32(0)}, {i64(6)});
  call(200, 20, {i64(6)}, {i64(0), u8(2) + std::string(4, '\0') + u16(80)});
  call(200, 24, {i64(6), u32(5)}, {i64(0)});
  call(200, 60, {}, {i64(0), i64(7), i64(8), u64(777)});
  call(200, 124, {i64(8)}, {i64(9)});
  call(200, 150, {i64(8), u8(1)}, {i64(12)});
  call(200, 80, {u16(2) + i64(7) + u16(1) + i64(99) + u16(0x39), i64(-1)},
       {i64(1), u16(1) + i64(7) + u16(1)});
  call(200, 4, {i64(12)}, {i64(0)});
  call(200, 8, {i64(12), u32(1)}, {i64(-9), ""});
  call(200, 192, {u32(0), u32(0xffffffff), u32(33)}, {i64(0)});
  call(200, 198, {u32(0)}, {i64(0)});
  call(200, 200, {u32(33)}, {i64(0)});
  call(200, 0, {u16(72), u16(74)}, {u16(72)});
  call(200, 128, {i64(100), u8(15)}, {i64(0)});
  capture.event(100, 232, {i64(200), i64(100), u8(15)});
  capture.event(999, 6, {i64(3), u32(1)}).event(200, 0x8000, {i64(0), u64(5)});
  capture.flagged(200, 6, {i64(7), u32(1)}, kStateOnly);
  call(200, 94, {}, {i64(0), text("/var")});
  call(200, 174, {}, {i64(0), text("a"), text("/b")});
  const auto child = [&](std::int64_t result, std::int64_t tid, std::int64_t parent) {
    return std::vector<std::string>{i64(result),
                                    text("/bin/server"),
                                    std::string("-a\0b\0", 5),
                                    i64(tid),
                                    i64(tid),
                                    i64(parent),
                                    text("/var"),
                                    i64(1024),
                                    u64(1),
                                    u64(2),
                                    u32(3),
                                    u32(4),
                                    u32(5),
                                    text("server"),
                                    std::string("cpu=/\0", 6),
                                    u32(0),
                                    u32(33),
                                    u32(33),
                                    i64(tid),
                                    i64(tid)};
  };
  call(200, 222, {}, child(300, 200, 100));
  capture.event(300, 223, child(0, 300, 200));
  call(300, 8, {i64(8), u32(1)}, {i64(1), "0"});
  call(300, 292, {text("/bin/cat")},
       {i64(0),
        text("cat"),
        std::string("x\0y\0", 4),
        i64(300),
        i64(300),
        i64(200),
        text("/var"),
        u64(1024),
        u64(0),
        u64(0),
        u32(1),
        u32(2),
        u32(3),
        text("cat"),
        "",
        std::string("A=1\0", 4),
        u32(34816),
        i64(300),
        u32(1000),
        u32(0)});
  call(300, 8, {i64(8), u32(1)}, {i64(1), "0"});
  capture.event(300, 186, {i64(0), i64(0), u8(0), u8(0)}).event(300, 6, {i64(8), u32(1)});
  call(200, 188, {i64(8), i64(7), u64(0), u64(100)}, {i64(100), u64(100)});
  call(200, 254, {u16(1) + i64(7) + u16(1), u64(1'500'000'000), u32(0x10000)},
       {i64(1), u16(1) + i64(7) + u16(1)});
  return capture;
}

TEST_F(Sysdig, ShowsAWorldTheSameWay) {
  compare(world(), "", "");
}

TEST_F(Sysdig, GivesFormatsTheSameValues) {
  for (const char* format : {
           "*%evt.num %evt.time %evt.rawtime %evt.datetime %evt.latency %evt.deltatime %evt.dir %evt.type "
           "%evt.cpu",
           "*%evt.num "
           "%evt.args|%evt.res|%evt.rawres|%evt.failed|%evt.buffer|%evt.buflen|%evt.arg[1]|%evt.arg.res",
           "*%evt.num %proc.pid %proc.ppid %proc.name %proc.cmdline %proc.exe %proc.exepath %proc.cwd "
           "%thread.tid",
           "*%evt.num %user.uid %user.name %user.loginuid %group.name %proc.pname %proc.args %thread.ismain",
           "*%evt.num %fd.num %fd.type %fd.name %fd.filename %fd.sockfamily %evt.is_io %evt.io_dir "
           "%evt.category",
           "%evt.num %fd.name %evt.res",
           "%evt.num %fd.l4proto %fd.cip %fd.sip %fd.sport",
       })
    compare(world(), format,
            format[0] == '%' && std::string_view(format).contains("cip") ? "fd.num != 4" : "");
}

TEST_F(Sysdig, GivesFiltersTheSameAnswers) {
  for (const char* filter : {
           "(proc.pid=100 or proc.pid=200) and fd.type=unix",
           "proc.pid=200",
           "proc.pid in (100, 300)",
           "evt.res=EPIPE",
           "evt.failed=true",
           "evt.rawres<0",
           "evt.dir=< and evt.type=write",
           "evt.dir=>",
           "evt.type in (open, openat)",
           "evt.type=fsync",
           "fd.name contains host",
           "fd.name icontains HOST",
           "fd.name startswith /tmp",
           "fd.name endswith hosts",
           "fd.name glob /etc/*",
           "fd.name pmatch (/etc, /tmp)",
           "fd.name exists",
           "not fd.name exists",
           "fd.num=-1",
           "fd.num>7",
           "fd.type=pipe",
           "fd.port=53",
           "fd.sockfamily=ip",
           "evt.buffer contains bc",
           "evt.rawarg.size=10",
           "evt.arg.name=/nope",
           "evt.arg[0]=3",
           "evt.latency>500",
           "thread.tid=101",
           "user.uid=0 and proc.pid=200",
           "user.name=www-data",
           "proc.cmdline startswith cat",
           "evt.num<5",
           "evt.info contains AT_FDCWD",
           "evt.type!=read and not proc.name=app",
           "evt.is_io=true and fd.type=file",
       })
    compare(world(), "", filter);
}

}  // namespace
}  // namespace slurper
