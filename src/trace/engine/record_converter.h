// RecordConverter: from what the kernel says to the events of a capture.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "trace/engine/event_queue.h"
#include "trace/engine/file_table.h"
#include "trace/engine/param_plan.h"
#include "trace/engine/passed_descriptors.h"
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

  // A process that comes to be watched at that time: its calls that had begun before are shown as if they
  // began then.
  void add_newcomer(std::int64_t pid, std::uint64_t monotonic) {
    if (came_at_.try_emplace(pid, monotonic).second) newcomers_.insert(pid);
  }

  void convert(std::string_view record);

  // The call in which the thread was found when the programs were attached.
  void add_blocked(const RecordView& view);
  // The process has had the file mapped since before the programs were attached.
  void add_mapping(pid_t pid, std::string_view name);
  // An open pipe of the tables, if they do not say enough of it.
  void add_old_pipe(const TraceRecord& file, std::uint64_t monotonic);
  // A call that has not ended when the recording does, at that time.
  void add_unfinished(const RecordView& view, std::uint64_t monotonic);
  void add_drops(std::uint16_t cpu, std::uint64_t lost, std::uint64_t monotonic);
  void add_tables(std::uint64_t monotonic);
  void add_end(std::uint64_t monotonic);
  // Every process of the machine is recorded, or each one that uses the FIFO with this inode.
  void add_scope(std::uint64_t fifo_inode, std::uint64_t monotonic);
  // The clock was set by `nanoseconds`. Call it after set_clock_offset(), when all events before are out.
  void add_clock_step(std::int64_t nanoseconds, std::uint64_t monotonic);
  // Without an event, for the tables have it.
  void set_identity(std::int64_t tid, const ThreadIdentity& identity) { identities_[tid] = identity; }
  // As the tables of open files have them.
  [[nodiscard]] ListeningPorts& ports() { return ports_; }

 private:
  static constexpr std::uint16_t kExecveExit = 293;  // the type of an event

  struct Executed {
    std::string path;
    std::string exe;
    std::string args;
    std::string env;
    std::string comm;
    std::string open;  // descriptors, a bit each
    std::uint64_t time = 0;
    std::int64_t old_tid = 0;
  };

  void convert_call(RecordView view);
  void convert_fork(const RecordView& view);
  void convert_exec(const RecordView& view);
  void convert_exit(const RecordView& view);
  void convert_signal(const RecordView& view);
  void convert_move(const TraceRecord& record);
  void convert_received(RecordView view);
  void convert_unread(const TraceRecord& record);

  void add_enter(const RecordView& view, std::uint64_t time);
  void add_open(const TraceRecord& record, std::string_view bits);
  void add_waker(const RecordView& view);
  void add_exit(const RecordView& view, bool is_renamed);
  void add_generic_result(const RecordView& view);
  void add_sent(const TraceRecord& record, bool was_shown);
  void add_received(const RecordView& view, const ScapFd& fd, const SentDescriptor& sender);
  void add_pipe_kind(const RecordView& view);
  void add_pipe_kind(const TraceRecord& record, std::int64_t fd, std::uint32_t kind);
  void add_pipe_state(const RecordView& view);
  void name_pair(const RecordView& view);
  void add_identity(const TraceRecord& record);
  void introduce(const TraceRecord& record);
  void forget(std::int64_t pid);
  void add_process(std::int64_t pid, const TraceRecord& record);
  void add_execve_exit(const TraceRecord& record, const ScapThread& process, std::uint32_t flags);
  void add_thread(const TraceRecord& record);
  void add_clone_exit(const TraceRecord& record, const ScapThread& process, std::int64_t tid,
                      std::int64_t result, std::uint64_t clone_flags, std::uint32_t flags = 0);
  void follow(const RecordView& view);
  [[nodiscard]] std::uint64_t watched_since(std::int64_t pid) const;
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
  std::unordered_map<std::int64_t, std::uint64_t> came_at_;  // processes that came later
  std::unordered_set<std::int64_t> newcomers_;               // of these, those that have made no event yet
  std::unordered_map<std::int64_t, ThreadIdentity> identities_;
  std::unordered_map<std::int64_t, Executed> executed_;
  // Threads whose call was shown when the programs were attached, and has not ended since.
  std::unordered_set<std::int64_t> blocked_;
  std::unordered_map<std::int64_t, std::uint64_t> clone_flags_;
  PassedDescriptors passed_;
  ListeningPorts ports_;
};

}  // namespace slurper
