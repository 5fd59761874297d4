// Makes pages of captures from memory.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "trace/own_events.h"
#include "trace/page/trace_page.h"
#include "trace/trace_site.h"

namespace slurper::test {

// The page of a capture; `filter` as a user writes it.
inline std::string page_of(const CaptureBuilder& capture, const std::string& filter = {}) {
  How how{.filter = filter, .mode = ViewMode::Report};
  how.make_report = [&](const Model& model, const ViewOptions& options) {
    return std::make_unique<TracePage>(PageRequest{.capture = "x.scap", .filter = filter}, model, options);
  };
  return show(capture, how).lines;
}

// What the page shows, as its script reads it.
inline nlohmann::json data_of(const std::string& page) {
  const std::string begin = "id=\"capture\">";
  const std::size_t at = page.find(begin) + begin.size();
  return nlohmann::json::parse(page.substr(at, page.find("</script>", at) - at));
}

inline constexpr std::uint16_t kReadEnter = 6, kReadExit = 7, kWriteEnter = 8, kWriteExit = 9;

// A name that would be markup, end a line, move a terminal's cursor, and is no UTF-8.
inline constexpr std::string_view kHostile =
    "a\"</script><script>hacked=1</script><img src=x "
    "onerror=hacked=2>&lt;\xe2\x80\xa8\x1b[2J\xff'`${hacked=3}";

// app (5) writes to a FIFO that reader (6) reads from, until it is refused. reader sleeps at the end.
inline CaptureBuilder conversation() {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).process({.tid = 6, .pid = 6, .name = "reader"});
  capture.fd(5, 4, FdType::Fifo, sized("/run/x"), 99).fd(6, 3, FdType::Fifo, sized("/run/x"), 99);
  capture.file(5, 7, "/etc/hosts");
  capture.event_at_once(5, kScopeEvent, {u64(0)});
  capture.event_at_once(5, kPipeEvent, {i64(4), u64(99), u32(0), u32(16), u32(1), u32(1)});
  for (int i = 0; i < 10; ++i) {
    capture.event(5, kWriteEnter, {i64(4), u32(100)}).event(5, kWriteExit, {i64(100), "line"});
    capture.event(6, kReadEnter, {i64(3), u32(4096)}).pause(std::chrono::milliseconds(1));
    capture.event(6, kReadExit, {i64(100), "line"});
  }
  capture.event(5, kWriteEnter, {i64(4), u32(100)}).event(5, kWriteExit, {i64(-11), ""});
  capture.event_at_once(5, 0x8004, {i64(4), u64(99), u32(16), u32(16), u32(1), u32(1)});
  capture.event(5, kWriteEnter, {i64(4), u32(100)}).event(5, kWriteExit, {i64(-32), "refused"});
  capture.event(5, kReadEnter, {i64(7), u32(10)}).event(5, kReadExit, {i64(10), "127.0.0.1"});
  capture.event(6, kReadEnter, {i64(3), u32(4096)}).pause(std::chrono::milliseconds(5));
  capture.event(5, kReadEnter, {i64(7), u32(10)}).event(5, kReadExit, {i64(0), ""});
  return capture;
}

// first (5) waits for room in a pipe to second (6), which waits for room in a pipe to last (7), which sleeps.
inline CaptureBuilder chain_of_waits() {
  CaptureBuilder capture;
  const auto fifo = [&](std::int64_t pid, std::int64_t fd, const std::string& name, std::uint64_t inode) {
    capture.fd(pid, fd, FdType::Fifo, sized(name), inode);
  };
  capture.process({.tid = 5, .pid = 5, .name = "first"}).process({.tid = 6, .pid = 6, .name = "second"});
  capture.process({.tid = 7, .pid = 7, .name = "last"});
  fifo(5, 1, "/run/one", 71);
  fifo(6, 0, "/run/one", 71);
  fifo(6, 1, "/run/two", 72);
  fifo(7, 0, "/run/two", 72);
  // Who reads and who writes is known from what they did.
  for (const std::int64_t pid : {5, 6}) {
    capture.event(pid, kWriteEnter, {i64(1), u32(1)}).event(pid, kWriteExit, {i64(1), "x"});
    capture.event(pid + 1, kReadEnter, {i64(0), u32(1)}).event(pid + 1, kReadExit, {i64(1), "x"});
  }
  capture.event(7, 134, {u64(0)});  // nanosleep
  capture.event(6, kWriteEnter, {i64(1), u32(100'000)});
  capture.event(5, kWriteEnter, {i64(1), u32(100'000)}).pause(std::chrono::seconds(3));
  capture.event_at_once(7, kEndEvent, {});
  return capture;
}

// app (5) writes so many lines to reader (6), through one pipe after another. The first pipes have more of
// them.
inline CaptureBuilder busy_pipes(int pipes, int lines) {
  constexpr int kFirstFd = 10;
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "app"}).process({.tid = 6, .pid = 6, .name = "reader"});
  for (int i = 0; i < pipes; ++i) {
    const std::string name = "/run/" + std::to_string(i);
    for (const std::int64_t pid : {5, 6})
      capture.fd(pid, kFirstFd + i, FdType::Fifo, sized(name), 100U + static_cast<unsigned>(i));
  }
  capture.event_at_once(5, kScopeEvent, {u64(0)});
  for (int i = 0; i < pipes; ++i) {
    const auto inode = 100U + static_cast<unsigned>(i);
    capture.event_at_once(5, kPipeEvent, {i64(kFirstFd + i), u64(inode), u32(0), u32(16), u32(1), u32(1)});
  }
  for (int i = 0; i < lines; ++i) {
    const std::int64_t fd = kFirstFd + i % pipes % (1 + i % 7 * pipes / 6);
    capture.event(5, kWriteEnter, {i64(fd), u32(5)}).event(5, kWriteExit, {i64(5), "line\n"});
    capture.event(6, kReadEnter, {i64(fd), u32(99)}).event(6, kReadExit, {i64(5), "line\n"});
  }
  return capture;
}

}  // namespace slurper::test
