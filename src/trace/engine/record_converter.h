// RecordConverter: from what the kernel says to the events of a capture.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "trace/engine/event_queue.h"
#include "trace/engine/param_plan.h"
#include "trace/engine/process_book.h"
#include "trace/engine/unix_connections.h"

namespace slurper {

// Takes the records in the order in which the calls ended, and adds their events to the queue. For one
// thread.
class RecordConverter {
 public:
  RecordConverter(EventQueue& queue, ProcessBook& processes, UnixConnections& connections)
      : queue_(queue), processes_(processes), connections_(connections) {}

  // What to add to the kernel's monotonic times for the time of day. Asked for anew if the clock is set.
  void set_clock_offset(std::int64_t nanoseconds) { clock_offset_ = nanoseconds; }
  // When the programs were attached: calls that had begun before are shown as if they began then.
  void set_attached_at(std::uint64_t monotonic) { attached_at_ = monotonic; }

  void convert(std::string_view record);

  // The call in which the thread was found when the programs were attached.
  void add_blocked(const RecordView& view);
  // A call that has not ended when the capture does.
  void add_unfinished(const RecordView& view);
  void add_drops(std::uint16_t cpu, std::uint64_t lost, std::uint64_t monotonic);
  void add_end(std::uint64_t monotonic);
  // Without an event, for the tables have it.
  void set_identity(std::int64_t tid, const ThreadIdentity& identity) { identities_[tid] = identity; }

 private:
  struct Executed {
    std::string path;
    std::string exe;
    std::string args;
    std::string env;
    std::string comm;
    std::uint64_t time = 0;
    std::int64_t old_tid = 0;
  };

  void convert_call(const RecordView& view);
  void convert_fork(const RecordView& view);
  void convert_exec(const RecordView& view);
  void convert_exit(const RecordView& view);
  void convert_signal(const RecordView& view);

  void add_enter(const RecordView& view, std::uint64_t time);
  void add_exit(const RecordView& view);
  void add_generic_result(const RecordView& view);
  void add_pipe_state(const RecordView& view);
  void add_identity(const TraceRecord& record);
  void add_process(std::int64_t pid, const TraceRecord& record);
  void add_execve_exit(const TraceRecord& record, const ScapThread& process, std::uint32_t flags);
  void add_clone_exit(const TraceRecord& record, const ScapThread& process, std::int64_t tid,
                      std::int64_t result, std::uint64_t clone_flags);
  void follow(const RecordView& view);
  void add(const TraceRecord& record, std::uint64_t time, std::uint16_t type, std::uint32_t flags = 0);

  const CallPlan& plan(std::uint16_t number);
  const UnixConnection* connection_of(const RecordView& view);
  [[nodiscard]] std::uint64_t wall(std::uint64_t monotonic) const {
    return monotonic + static_cast<std::uint64_t>(clock_offset_);
  }

  EventQueue& queue_;
  ProcessBook& processes_;
  UnixConnections& connections_;
  std::int64_t clock_offset_ = 0;
  std::uint64_t attached_at_ = 0;
  ScapParams params_;
  std::vector<std::unique_ptr<CallPlan>> plans_;
  std::unordered_map<std::int64_t, ThreadIdentity> identities_;
  std::unordered_map<std::int64_t, Executed> executed_;
  // Threads whose call was shown when the programs were attached, and has not ended since.
  std::unordered_set<std::int64_t> blocked_;
  std::unordered_map<std::int64_t, std::uint64_t> clone_flags_;
};

}  // namespace slurper
