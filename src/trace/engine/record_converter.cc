#include "trace/engine/record_converter.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "trace/engine/flags.h"
#include "trace/own_events.h"
#include "trace/scap/format.h"

namespace slurper {

namespace {

// Types of events that are written here, and not from the table's parameters alone.
constexpr std::uint16_t kCloneExit = 223;
constexpr std::uint16_t kExecveExit = 293;
constexpr std::uint16_t kProcessExit = 186;
constexpr std::uint16_t kSignal = 232;
constexpr std::uint16_t kSetresuid = 192;

namespace number {  // of system calls on x86-64
constexpr std::uint16_t kWrite = 1;
constexpr std::uint16_t kClose = 3;
constexpr std::uint16_t kWritev = 20;
constexpr std::uint16_t kConnect = 42;
constexpr std::uint16_t kAccept = 43;
constexpr std::uint16_t kRecvfrom = 45;
constexpr std::uint16_t kRecvmsg = 47;
constexpr std::uint16_t kSocketpair = 53;
constexpr std::uint16_t kClone = 56;
constexpr std::uint16_t kFork = 57;
constexpr std::uint16_t kVfork = 58;
constexpr std::uint16_t kExecve = 59;
constexpr std::uint16_t kChdir = 80;
constexpr std::uint16_t kFchdir = 81;
constexpr std::uint16_t kSetuid = 105;
constexpr std::uint16_t kSetresuid = 117;
constexpr std::uint16_t kAccept4 = 288;
constexpr std::uint16_t kExecveat = 322;
constexpr std::uint16_t kClone3 = 435;
}  // namespace number

bool is_fork(std::uint16_t nr) {
  return nr == number::kClone || nr == number::kFork || nr == number::kVfork || nr == number::kClone3;
}

bool is_exec(std::uint16_t nr) {
  return nr == number::kExecve || nr == number::kExecveat;
}

bool is_inbound(std::uint16_t nr) {
  return nr == number::kAccept || nr == number::kAccept4 || nr == number::kRecvfrom || nr == number::kRecvmsg;
}

UnixConnections::Side side_of(std::uint16_t nr) {
  switch (nr) {
    case number::kConnect:
      return UnixConnections::Side::Client;
    case number::kAccept:
    case number::kAccept4:
      return UnixConnections::Side::Server;
    case number::kSocketpair:
      return UnixConnections::Side::First;
    default:
      return UnixConnections::Side::Unknown;
  }
}

ThreadIdentity identity_of(const TraceRecord& record) {
  return {record.ruid, record.euid, record.suid, record.fsuid, record.rgid, record.egid, record.loginuid};
}

std::string_view comm_of(const TraceRecord& record) {
  const std::string_view comm(record.comm, sizeof record.comm);
  return comm.substr(0, comm.find('\0'));
}

}  // namespace

const CallPlan& RecordConverter::plan(std::uint16_t number) {
  if (plans_.size() <= number) plans_.resize(number + std::size_t{1});
  if (!plans_[number]) plans_[number] = std::make_unique<CallPlan>(plan_of(number));
  return *plans_[number];
}

void RecordConverter::add(const TraceRecord& record, std::uint64_t time, std::uint16_t type,
                          std::uint32_t flags) {
  queue_.add({.time = wall(time), .tid = record.tid, .cpu = record.cpu, .type = type, .flags = flags},
             params_);
}

const UnixConnection* RecordConverter::connection_of(const RecordView& view) {
  if (view.record->object.kind != ObjectUnix) return nullptr;
  return connections_.find(view.record->object, side_of(view.record->nr), view.bound);
}

void RecordConverter::convert(std::string_view record) {
  const RecordView view = view_of(record);
  if (view.record == nullptr) return;
  switch (view.record->kind) {
    case RecordCall:
      return convert_call(view);
    case RecordEnter:
      if (!processes_.knows(view.record->pid)) add_process(view.record->pid, *view.record);
      return add_enter(view, view.record->begin);
    case RecordFork:
      return convert_fork(view);
    case RecordExec:
      return convert_exec(view);
    case RecordExit:
      return convert_exit(view);
    case RecordSignal:
      return convert_signal(view);
    default:
      return;
  }
}

void RecordConverter::add_enter(const RecordView& view, std::uint64_t time) {
  const TraceRecord& record = *view.record;
  if (is_fork(record.nr) || (record.flags & RecordCompat) != 0) {
    params_.clear();
    if ((record.flags & RecordCompat) != 0) {
      params_.add_u16(0);
      params_.add_u16(kNoNumber);
      return add(record, time, kGenericEnter);
    }
  }
  const CallPlan& how = plan(record.nr);
  fill_params(how.enter, view, connection_of(view), is_inbound(record.nr), params_);
  add(record, time, how.enter_type);
}

void RecordConverter::convert_call(const RecordView& view) {
  const TraceRecord& record = *view.record;
  if (!processes_.knows(record.pid)) add_process(record.pid, record);
  const bool shown = (record.flags & RecordEntered) != 0 || blocked_.erase(record.tid) != 0;
  if (!shown && (record.flags & RecordNoBegin) != 0) {
    add_blocked(view);
    blocked_.erase(record.tid);
  } else if (!shown && !(is_exec(record.nr) && record.result == 0)) {
    add_enter(view, record.begin);
  }
  add_exit(view);
  add_identity(record);
  follow(view);
}

void RecordConverter::add_exit(const RecordView& view) {
  const TraceRecord& record = *view.record;
  if (is_fork(record.nr) && (record.flags & RecordCompat) == 0) {
    const std::uint64_t flags = record.nr == number::kClone ? record.args[0] : clone_flags_[record.tid];
    clone_flags_.erase(record.tid);
    return add_clone_exit(record, processes_.find(record.pid), record.tid, record.result, flags);
  }
  if (is_exec(record.nr) && (record.flags & RecordCompat) == 0) {
    const auto found = executed_.find(record.tid);
    if (record.result == 0 && found != executed_.end()) {
      if ((record.flags & RecordEntered) == 0) {
        params_.clear();
        params_.add_text(found->second.path);
        add(record, record.begin == 0 ? found->second.time : record.begin, kExecveExit - 1);
      }
      executed_.erase(found);
    }
    return add_execve_exit(record, processes_.find(record.pid), 0);
  }
  if ((record.flags & RecordCompat) != 0) {
    params_.clear();
    params_.add_u16(0);
    add(record, record.end, kGenericExit);
    params_.clear();
    params_.add_u16(record.nr);
    add(record, record.end, kCompatEvent);
    return add_generic_result(view);
  }
  const CallPlan& how = plan(record.nr);
  fill_params(how.exit, view, connection_of(view), is_inbound(record.nr), params_);
  add(record, record.end, static_cast<std::uint16_t>(how.enter_type + 1));
  if (how.is_generic) add_generic_result(view);
  add_pipe_state(view);
}

void RecordConverter::add_generic_result(const RecordView& view) {
  const TraceRecord& record = *view.record;
  params_.clear();
  params_.add_i64(record.result);
  params_.add_u64(record.end - (record.begin == 0 ? attached_at_ : record.begin));
  for (const u64 argument : record.args) params_.add_u64(argument);
  add(record, record.end, kResultEvent);
}

// Only where it matters: who reads a capture wants to know why a write failed or a reader saw the end.
void RecordConverter::add_pipe_state(const RecordView& view) {
  const TraceRecord& record = *view.record;
  // Each pipe has slots: none means that the engine cannot see them.
  if (record.object.kind != ObjectPipe || record.object.pipe.slots_max == 0) return;
  const bool writes = record.nr == number::kWrite || record.nr == number::kWritev;
  const std::uint64_t wanted = record.nr == number::kWrite ? record.args[2] : record.requested;
  const bool is_short = writes && record.result >= 0 && static_cast<std::uint64_t>(record.result) < wanted;
  const bool ends = (record.nr == 0 && record.result == 0) || record.nr == number::kClose;
  const bool opens =
      record.nr == 2 || record.nr == 257 || record.nr == 437 || record.nr == 22 || record.nr == 293;
  if (record.result != -EAGAIN && record.result != -EPIPE && !is_short && !ends && !opens) return;
  params_.clear();
  params_.add_i64(opens ? record.result : std::int64_t{static_cast<std::int32_t>(record.args[0])});
  params_.add_u64(record.object.ino);
  params_.add_u32(record.object.pipe.slots);
  params_.add_u32(record.object.pipe.slots_max);
  params_.add_u32(record.object.pipe.readers);
  params_.add_u32(record.object.pipe.writers);
  add(record, record.end, kPipeEvent);
}

void RecordConverter::add_identity(const TraceRecord& record) {
  const ThreadIdentity now = identity_of(record);
  const auto [found, is_new] = identities_.try_emplace(record.tid, now);
  if (!is_new && found->second == now) return;
  const bool known_call = record.nr == number::kSetuid || record.nr == number::kSetresuid;
  if (!is_new && found->second.euid != now.euid && !known_call) {
    // sysdig 0.29.3 follows setuid and setresuid only.
    params_.clear();
    for (const std::uint32_t uid : {now.ruid, now.euid, now.suid}) params_.add_u32(uid);
    add(record, record.end, kSetresuid, kStateOnly);
    params_.clear();
    params_.add_i64(0);
    add(record, record.end, kSetresuid + 1, kStateOnly);
  }
  found->second = now;
  params_.clear();
  for (const std::uint32_t id : {now.ruid, now.euid, now.suid, now.fsuid, now.rgid, now.egid, now.loginuid})
    params_.add_u32(id);
  add(record, record.end, kIdentityEvent);
}

// What later events need to know of this one.
void RecordConverter::follow(const RecordView& view) {
  const TraceRecord& record = *view.record;
  if (record.result < 0) return;
  if (record.nr == number::kChdir || record.nr == number::kFchdir) processes_.read_cwd(record.pid);
}

// A process that came to be watched after the beginning, because it uses the FIFO.
void RecordConverter::add_process(std::int64_t pid, const TraceRecord& record) {
  ScapThread& process = processes_.find(pid);
  if (process.comm.empty()) process.comm = comm_of(record);
  TraceRecord at_begin = record;
  at_begin.end = record.begin == 0 ? attached_at_ : record.begin;
  at_begin.tid = static_cast<u32>(pid);
  at_begin.result = 0;
  add_execve_exit(at_begin, process, kStateOnly);
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
                                     std::int64_t result, std::uint64_t clone_flags) {
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
  add(of_thread, record.end, type);
}

void RecordConverter::convert_fork(const RecordView& view) {
  const TraceRecord& record = *view.record;
  if (!processes_.knows(record.pid)) add_process(record.pid, record);
  const auto child_pid = static_cast<std::int64_t>(record.args[0]);
  clone_flags_[record.tid] = record.args[1];
  const bool is_thread = child_pid == record.pid;
  ScapThread& child = is_thread ? processes_.find(record.pid) : processes_.fork(record.pid, child_pid);
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
  params_.clear();
  params_.add_i64(record.result);
  params_.add_i64(record.result >> 8 & 0xff);
  params_.add_u8(static_cast<std::uint8_t>(record.result & 0x7f));
  params_.add_u8((record.result & 0x80) != 0 ? 1 : 0);
  add(record, record.end, kProcessExit);
  identities_.erase(record.tid);
  executed_.erase(record.tid);
  blocked_.erase(record.tid);
  clone_flags_.erase(record.tid);
  if (record.args[0] != 0) processes_.remove(record.pid);
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

void RecordConverter::add_blocked(const RecordView& view) {
  add_enter(view, attached_at_);
  params_.clear();
  add(*view.record, attached_at_, kBlockedEvent);
  blocked_.insert(view.record->tid);
}

void RecordConverter::add_unfinished(const RecordView& view) {
  if ((view.record->flags & RecordEntered) == 0) add_enter(view, view.record->begin);
}

void RecordConverter::add_drops(std::uint16_t cpu, std::uint64_t lost, std::uint64_t monotonic) {
  params_.clear();
  params_.add_u16(cpu);
  params_.add_u64(lost);
  TraceRecord record{};
  record.cpu = cpu;
  add(record, monotonic, kDropsEvent);
}

void RecordConverter::add_end(std::uint64_t monotonic) {
  params_.clear();
  add(TraceRecord{}, monotonic, kEndEvent);
}

}  // namespace slurper
