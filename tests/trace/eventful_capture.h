// A capture in which much happens, and what can be seen of it.
#pragma once

#include <sys/socket.h>

#include <initializer_list>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "trace/own_events.h"
#include "trace/trace_site.h"

namespace slurper::test {

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Whatever changes what is known: files, links, pipes, connections, threads, programs, identities, and calls
// that take their time.
inline CaptureBuilder eventful() {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5}).file(5, 3, "/etc/hosts").process({.tid = 50, .pid = 50});
  capture.fd(50, 7, FdType::Fifo, sized("/run/fifo"));
  capture.fd(50, 8, FdType::IPv4,
             "\x01\x02\x03\x04" + std::string("\x05\x06\x07\x08") + u16(80) + u16(90) + u8(kTcp));
  capture.fd(50, 9, FdType::IPv4Server, std::string("\x7f\0\0\x01", 4) + u16(514) + u8(kUdp));
  capture.event(50, 6, {i64(7), u32(100)});  // a read that lasts to the end
  const auto reads = [&](std::int64_t tid, std::initializer_list<std::int64_t> fds) {
    for (const std::int64_t fd : fds) capture.event(tid, 6, {i64(fd), u32(1)}).event(tid, 7, {i64(1), "x"});
  };
  reads(5, {3});
  capture.event(5, 2, {text("/tmp/a"), u32(1), u32(0)});
  capture.event(5, 3, {i64(4), text("/tmp/a"), u32(1), u32(0), u32(0x801)});
  capture.event(5, 124, {i64(4)}).event(5, 125, {i64(6)});
  reads(5, {4, 6});
  capture.event(5, 8, {i64(3), u32(1)}).event(5, 9, {i64(-11), "y"});
  capture.event_at_once(5, kPipeEvent, {i64(3), u64(77), u32(16), u32(16), u32(1), u32(2)});
  capture.event(5, 222).event(5, 223, child(6, 5, 5, 1, 0)).event(6, 223, child(0, 6, 6, 5, 0));
  capture.event(5, 222)
      .event(5, 223, child(7, 5, 5, 1, 1 | 1U << 13))
      .event(7, 223, child(0, 7, 5, 1, 1 | 1U << 13));
  reads(6, {3, 4, 6});
  reads(7, {3, 4, 6});
  capture.event(5, 4, {i64(4)}).event(5, 5, {i64(0)});
  reads(5, {4, 6});
  reads(6, {4});
  reads(7, {4});
  capture.event_at_once(6, kIdentityEvent, {u32(1), u32(33), u32(2), u32(33), u32(3), u32(3), u32(1000)});
  reads(6, {3});
  capture.event(5, 94).event(5, 95, {i64(0), text("/var")});
  capture.event(5, 2, {text("b"), u32(1), u32(0)});
  capture.event(5, 3, {i64(8), text("b"), u32(1), u32(0), u32(0x801)});
  reads(5, {8});
  // The parent of a vfork(2) sleeps until its child executes a program.
  capture.event(5, 226).event(9, 227, child(0, 9, 9, 5, 0));
  capture.event(9, 292, {text("/bin/cat")}).event(9, 293, executed(9, 9, "cat", 5));
  reads(9, {3, 8});
  capture.event(5, 227, child(9, 5, 5, 1, 0));
  reads(9, {3, 8});
  capture.event(6, 186, {i64(0)});
  reads(50, {8, 9});
  return capture;
}

// What a line can show of an event, but its number, and what depends on the first event of a capture.
inline constexpr std::string_view kEverything =
    "*%evt.rawtime %thread.tid %proc.pid %proc.ppid %proc.name %proc.exe %proc.args %proc.cwd %evt.dir "
    "%evt.type %evt.info %fd.num %fd.type %fd.name %fd.ino %fd.cip %fd.sport %user.uid %proc.ruid %proc.suid "
    "%user.loginuid %evt.latency %pipe.slots %pipe.writers";

}  // namespace slurper::test
