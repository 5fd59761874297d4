// The records of processes: how they begin, what they execute, how they end, and signals.
#include <sched.h>

#include <utility>

#include "trace/engine/call_numbers.h"
#include "trace/engine/flags.h"
#include "trace/engine/record_converter.h"
#include "trace/own_events.h"
#include "trace/scap/format.h"

namespace slurper {

namespace {

// Types of events.
constexpr std::uint16_t kCloneExit = 223;
constexpr std::uint16_t kProcessExit = 186;
constexpr std::uint16_t kSignal = 232;

std::string_view comm_of(const TraceRecord& record) {
  const std::string_view comm(record.comm, sizeof record.comm);
  return comm.substr(0, comm.find('\0'));
}

}  // namespace

// It may have ended before /proc is read.
void RecordConverter::convert_move(const TraceRecord& record) {
  if (record.args[0] == 0) return forget(record.pid);
  ScapThread& process = processes_.find(record.pid);
  if (process.comm.empty()) process.comm = comm_of(record);
  if (process.parent <= 0) process.parent = static_cast<std::int64_t>(record.args[1]);
  add_newcomer(record.pid, record.begin);
}

// Its id, or it itself, may come again.
void RecordConverter::forget(std::int64_t pid) {
  came_at_.erase(pid);
  newcomers_.erase(pid);
}

// In front of the first event of a process, or of a thread, that came later: sysdig takes them from no table
// but the first.
void RecordConverter::introduce(const TraceRecord& record) {
  if (newcomers_.erase(record.pid) != 0 || !processes_.knows(record.pid)) add_process(record.pid, record);
  if (record.tid != record.pid && processes_.add_thread(record.pid, record.tid)) add_thread(record);
}

void RecordConverter::add_process(std::int64_t pid, const TraceRecord& record) {
  ScapThread& process = processes_.find(pid);
  if (process.comm.empty()) process.comm = comm_of(record);
  TraceRecord at_begin = record;
  at_begin.end = record.begin == 0 ? watched_since(pid) : record.begin;
  at_begin.tid = static_cast<u32>(pid);
  at_begin.result = 0;
  add_execve_exit(at_begin, process, kStateOnly);
  processes_.remove_threads_of(pid);  // as execve(2) does
}

// It began before its process was watched.
void RecordConverter::add_thread(const TraceRecord& record) {
  ScapThread thread = processes_.find(record.pid);
  thread.comm = comm_of(record);
  TraceRecord at_begin = record;
  at_begin.end = record.begin == 0 ? watched_since(record.pid) : record.begin;
  at_begin.nr = number::kClone;
  constexpr std::uint64_t kFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
  add_clone_exit(at_begin, thread, record.tid, 0, kFlags, kStateOnly);
}

void RecordConverter::add_execve_exit(const TraceRecord& record, const ScapThread& process,
                                      std::uint32_t flags) {
  params_.clear();
  params_.add_i64(record.result);
  params_.add_text(process.exe);
  params_.add(process.args);
  params_.add_i64(record.tid);
  params_.add_i64(record.pid);
  params_.add_i64(process.parent);
  params_.add_text(process.cwd);
  params_.add_u64(process.fd_limit);
  for (int i = 0; i < 2; ++i) params_.add_u64(0);  // page faults
  for (int i = 0; i < 3; ++i) params_.add_u32(0);  // memory
  params_.add_text(process.comm);
  params_.add("");  // cgroups
  params_.add(process.env);
  params_.add_u32(0);  // terminal
  params_.add_i64(process.group);
  params_.add_u32(record.loginuid);
  params_.add_u32(0);
  add(record, record.end, kExecveExit, flags);
}

void RecordConverter::add_clone_exit(const TraceRecord& record, const ScapThread& process, std::int64_t tid,
                                     std::int64_t result, std::uint64_t clone_flags, std::uint32_t flags) {
  params_.clear();
  params_.add_i64(result);
  params_.add_text(process.exe);
  params_.add(process.args);
  params_.add_i64(tid);
  params_.add_i64(process.pid);
  params_.add_i64(process.parent);
  params_.add_text(process.cwd);
  params_.add_u64(process.fd_limit);
  for (int i = 0; i < 2; ++i) params_.add_u64(0);
  for (int i = 0; i < 3; ++i) params_.add_u32(0);
  params_.add_text(process.comm);
  params_.add("");
  params_.add_u32(scap_clone_flags(clone_flags));
  params_.add_u32(record.euid);
  params_.add_u32(record.egid);
  params_.add_i64(tid);
  params_.add_i64(process.pid);
  TraceRecord of_thread = record;
  of_thread.tid = static_cast<u32>(tid);
  const std::uint16_t type = record.nr == number::kFork     ? std::uint16_t{225}
                             : record.nr == number::kVfork  ? std::uint16_t{227}
                             : record.nr == number::kClone3 ? std::uint16_t{335}
                                                            : kCloneExit;
  add(of_thread, record.end, type, flags);
}

void RecordConverter::convert_fork(const RecordView& view) {
  const TraceRecord& record = *view.record;
  introduce(record);
  const auto child_pid = static_cast<std::int64_t>(record.args[0]);
  clone_flags_[record.tid] = record.args[1];
  const bool is_thread = child_pid == record.pid;
  ScapThread& child = is_thread ? processes_.find(record.pid) : processes_.fork(record.pid, child_pid);
  processes_.add_thread(child.pid, record.result);
  add_clone_exit(record, child, record.result, 0, record.args[1]);
  identities_[record.result] = identity_of(record);
}

void RecordConverter::convert_exec(const RecordView& view) {
  const TraceRecord& record = *view.record;
  Executed executed{.path = std::string(view.path.substr(0, view.path.find('\0'))),
                    .exe = {},
                    .args = {},
                    .env = std::string(view.path2),
                    .comm = std::string(comm_of(record)),
                    .open = std::string(view.bound),
                    .time = record.begin,
                    .old_tid = static_cast<std::int64_t>(record.args[0])};
  const std::size_t end = view.data.find('\0');
  executed.exe = view.data.substr(0, end);
  if (end != std::string_view::npos) executed.args = view.data.substr(end + 1);
  ScapThread& process = processes_.find(record.pid);
  process.exe = executed.exe.empty() ? executed.path : executed.exe;
  process.exe_path = executed.path;
  process.args = executed.args;
  process.env = executed.env;
  process.comm = executed.comm;
  processes_.read_cwd(record.pid);
  executed_[record.tid] = std::move(executed);
}

void RecordConverter::convert_exit(const RecordView& view) {
  const TraceRecord& record = *view.record;
  // It ends in exit(2) or exit_group(2), which do not return.
  if (record.nr != kNoNumber && (record.flags & RecordEntered) == 0) add_enter(view, record.begin);
  add_open(record, view.bound);
  params_.clear();
  params_.add_i64(record.result);
  params_.add_i64(record.result >> 8 & 0xff);
  params_.add_u8(static_cast<std::uint8_t>(record.result & 0x7f));
  params_.add_u8((record.result & 0x80) != 0 ? 1 : 0);
  add(record, record.end, kProcessExit);
  identities_.erase(record.tid);
  processes_.remove_thread(record.tid);
  executed_.erase(record.tid);
  blocked_.erase(record.tid);
  clone_flags_.erase(record.tid);
  (void)passed_.take(record.tid);  // it was killed while it sent
  if (record.args[0] == 0) return;
  processes_.remove(record.pid);
  forget(record.pid);
}

void RecordConverter::convert_signal(const RecordView& view) {
  const TraceRecord& record = *view.record;
  params_.clear();
  params_.add_i64(record.pid);
  params_.add_i64(static_cast<std::int64_t>(record.args[1]));
  params_.add_u8(static_cast<std::uint8_t>(record.args[0]));
  // sysdig shows it as an event of the receiver.
  TraceRecord of_receiver = record;
  of_receiver.tid = static_cast<u32>(record.args[2]);
  add(of_receiver, record.end, kSignal);
}

}  // namespace slurper
