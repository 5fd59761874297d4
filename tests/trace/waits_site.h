// What captures that are made byte by byte tell of waits, and a program with its filter.
#pragma once

#include <array>
#include <chrono>
#include <initializer_list>
#include <string>
#include <vector>

#include "trace/explain/explainer.h"
#include "trace/explain/words.h"
#include "trace/own_events.h"
#include "trace/trace_site.h"

namespace slurper::test {

// Types of events: the beginnings of calls; their ends are one above.
inline constexpr std::uint16_t kGenericType = 0;
inline constexpr std::uint16_t kCloseType = 4;
inline constexpr std::uint16_t kReadType = 6;
inline constexpr std::uint16_t kWriteType = 8;
inline constexpr std::uint16_t kSocketType = 18;
inline constexpr std::uint16_t kConnectType = 22;
inline constexpr std::uint16_t kFutexType = 64;
inline constexpr std::uint16_t kEpollWaitType = 78;
inline constexpr std::uint16_t kPollType = 80;
inline constexpr std::uint16_t kSleepType = 134;
inline constexpr std::uint16_t kFcntlType = 150;
inline constexpr std::uint16_t kProcessExitType = 186;
inline constexpr std::uint16_t kCloneExit = 223;
inline constexpr std::uint16_t kSignalType = 232;
inline constexpr std::uint16_t kFlockType = 242;
inline constexpr std::uint16_t kOpenAtType = 306;
inline constexpr std::uint16_t kPipe2Type = 392;

// Numbers of generic calls.
inline constexpr std::uint16_t kWait4 = 61;
inline constexpr std::uint16_t kWait4Code = 69;  // sysdig's
inline constexpr std::uint16_t kEpollControl = 233;
inline constexpr std::uint16_t kEpollCreate = 291;

inline constexpr std::uint32_t kExclusive = 2;
inline constexpr std::uint32_t kUnlock = 8;

struct Told {
  Explanation explanation;
  std::vector<std::string> waits;  // of the calls that have not ended, in order of their beginnings
};

inline std::string joined_texts(const std::vector<Statement>& sentences) {
  std::string text;
  for (const Statement& one : sentences) text.append(text.empty() ? "" : " ").append(text_of(one));
  return text;
}

inline Told told(const CaptureBuilder& capture) {
  Told told;
  Model model;
  Explainer explainer(model, Explainer::Notes::Kept);
  for_each_event(capture.bytes(), model, [&explainer](const TraceEvent& event) { explainer.take(event); });
  model.for_each_pending(
      [&](const TraceEvent& call) { told.waits.push_back(joined_texts(explainer.waits_of(call))); });
  told.explanation = explainer.end();
  return told;
}

inline std::vector<TraceFinding> findings_in(const CaptureBuilder& capture) {
  return told(capture).explanation.findings;
}

// What is said of the last call that has ended.
inline std::string last_ended(const CaptureBuilder& capture) {
  std::string text;
  Model model;
  Explainer explainer(model, Explainer::Notes::Kept);
  for_each_event(capture.bytes(), model, [&](const TraceEvent& event) {
    explainer.take(event);
    if (!event.is_own && event.enter != nullptr) text = joined_texts(explainer.waits_of(event));
  });
  return text;
}

inline CaptureBuilder& end_after(CaptureBuilder& capture, std::chrono::nanoseconds time) {
  return capture.pause(time).event_at_once(1, kEndEvent, {});
}

inline void close_fd(CaptureBuilder& capture, std::int64_t pid, std::int64_t fd) {
  capture.event(pid, kCloseType, {i64(fd)}).event(pid, kCloseType + 1, {i64(0)});
}

inline void make_pipe(CaptureBuilder& capture, std::int64_t pid, std::int64_t fd, std::uint64_t inode) {
  capture.event(pid, kPipe2Type)
      .event(pid, kPipe2Type + 1, {i64(0), i64(fd), i64(fd + 1), u64(inode), u32(0)});
}

// The program, 5, has made two pipes and a filter, 6, which reads its questions from 3 and writes its answers
// to
// 6. The program writes to 4 and reads from 5.
inline CaptureBuilder filter(std::initializer_list<std::int64_t> others = {}) {
  CaptureBuilder capture;
  capture.process({.tid = 5, .pid = 5, .name = "program"});
  make_pipe(capture, 5, 3, 71);
  make_pipe(capture, 5, 5, 72);
  capture.event(6, kCloneExit, child(0, 6, 6, 5, 0));
  for (const std::int64_t other : others) capture.event(other, kCloneExit, child(0, other, other, 5, 0));
  for (const std::int64_t fd : {3, 6}) close_fd(capture, 5, fd);
  for (const std::int64_t fd : {4, 5}) close_fd(capture, 6, fd);
  return capture;
}

}  // namespace slurper::test
