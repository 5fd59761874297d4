// ThreadRecords: makes the records of threads that are traced by ptrace.
#pragma once

#include <csignal>
#include <cstdint>
#include <string_view>
#include <utility>

#include "recorder/engine.h"
#include "recorder/socket_book.h"
#include "recorder/traced_descriptors.h"
#include "recorder/traced_thread.h"
#include "trace/engine/event.h"

namespace slurper {

// The thread must be stopped while this reads its memory and descriptors. For one thread.
class ThreadRecords {
 public:
  ThreadRecords(const TraceConfig& config, Engine::Receiver receiver)
      : config_(config), receiver_(std::move(receiver)) {}

  // The call begins. Its number and arguments are set.
  void begin(TracedThread& thread);
  // The call has ended. Reports it if it is wanted.
  void end(TracedThread& thread, std::int64_t result);
  // The call has been running for a while, and perhaps sleeps. The thread need not be stopped.
  void sleep(TracedThread& thread);
  void fork(const TracedThread& parent, const TracedThread& child);
  // `tid` called execve(2), and may have been another thread than the process's first.
  void exec(TracedThread& thread, pid_t tid);
  void exit(const TracedThread& thread, int wait_status, bool is_last);
  void signal(const TracedThread& receiver, const siginfo_t& signal);
  // Its state, to another receiver.
  void state(const TracedThread& thread, const Engine::Receiver& receiver);

  // Who the thread is, now.
  static void refresh(TracedThread& thread);
  [[nodiscard]] SocketBook& sockets() { return sockets_; }

 private:
  [[nodiscard]] TraceRecord record_of(const TracedThread& thread, u8 kind) const;
  [[nodiscard]] TraceRecord record_of_call(const TracedThread& thread, u8 kind) const;
  [[nodiscard]] const CallShape& shape_of(const TracedThread& thread) const;
  [[nodiscard]] TraceObject object_of(const TracedThread& thread, std::int64_t result, bool has_ended);
  [[nodiscard]] bool is_fifo(const TraceObject& object) const;
  void report_call(const TracedThread& thread, TraceRecord& record, bool has_ended);
  void report_taken(const TracedThread& thread, int fd);
  void report_passed(const TracedThread& thread, u8 kind, u64 count);

  const TraceConfig config_;
  Engine::Receiver receiver_;
  SocketBook sockets_;
  RecordBuffer buffer_;
};

[[nodiscard]] std::uint64_t monotonic_now();

}  // namespace slurper
