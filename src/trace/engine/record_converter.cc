#include "trace/engine/record_converter.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "trace/engine/call_numbers.h"
#include "trace/engine/flags.h"
#include "trace/engine/socket_values.h"
#include "trace/own_events.h"
#include "trace/scap/format.h"

namespace slurper {

namespace {

// Types of events.
constexpr std::uint16_t kConnect = 22;
constexpr std::uint16_t kSetresuid = 192;

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
      introduce(*view.record);
      return add_enter(view, view.record->begin);
    case RecordFork:
      return convert_fork(view);
    case RecordExec:
      return convert_exec(view);
    case RecordExit:
      return convert_exit(view);
    case RecordMove:
      return convert_move(*view.record);
    case RecordSignal:
      return convert_signal(view);
    case RecordSent:
      return passed_.note(*view.record);
    case RecordReceived:
      return convert_received(view);
    case RecordUnread:
      return convert_unread(*view.record);
    default:
      return;
  }
}

std::uint64_t RecordConverter::watched_since(std::int64_t pid) const {
  const auto came = came_at_.find(pid);
  return came == came_at_.end() ? attached_at_ : std::max(attached_at_, came->second);
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

// What was opened has the kernel's name in both events: sysdig takes that of the first.
void RecordConverter::convert_call(RecordView view) {
  const TraceRecord& record = *view.record;
  const bool names_file =
      record.result >= 0 && (record.flags & RecordCompat) == 0 && plan(record.nr).names_file;
  std::string name = names_file ? path_of_parts(view.path2) : std::string();
  const bool is_renamed = !name.empty() && name != view.path.substr(0, view.path.find('\0'));
  if (!name.empty()) view.path = name.append(1, '\0');
  introduce(record);
  const bool shown = (record.flags & RecordEntered) != 0 || blocked_.erase(record.tid) != 0;
  if (!shown && (record.flags & RecordNoBegin) != 0) {
    add_blocked(view);
    blocked_.erase(record.tid);
  } else if (!shown && !(is_exec(record.nr) && record.result == 0)) {
    add_enter(view, record.begin);
  }
  add_sent(record, shown);
  add_waker(view);
  add_exit(view, shown && is_renamed);
  add_identity(record);
  follow(view);
}

void RecordConverter::add_exit(const RecordView& view, bool is_renamed) {
  const TraceRecord& record = *view.record;
  if (is_fork(record.nr) && (record.flags & RecordCompat) == 0) {
    const std::uint64_t flags = record.nr == number::kClone ? record.args[0] : clone_flags_[record.tid];
    clone_flags_.erase(record.tid);
    return add_clone_exit(record, processes_.find(record.pid), record.tid, record.result, flags);
  }
  if (is_exec(record.nr) && (record.flags & RecordCompat) == 0) {
    const auto found = executed_.find(record.tid);
    std::string open;
    if (record.result == 0 && found != executed_.end()) {
      if ((record.flags & RecordEntered) == 0) {
        params_.clear();
        params_.add_text(found->second.path);
        add(record, record.begin == 0 ? found->second.time : record.begin, kExecveExit - 1);
      }
      open = std::move(found->second.open);
      executed_.erase(found);
    }
    add_execve_exit(record, processes_.find(record.pid), 0);
    return add_open(record, open);
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
  const auto exit_type = static_cast<std::uint16_t>(how.enter_type + 1);
  add(record, record.end, exit_type);
  if (is_renamed) {
    // The call was slow, and its beginning was shown with the name as it was given, which sysdig keeps.
    const ScapParams exit = params_;
    fill_params(how.enter, view, connection_of(view), is_inbound(record.nr), params_);
    add(record, record.end, how.enter_type, kStateOnly);
    params_ = exit;
    add(record, record.end, exit_type, kStateOnly);
  }
  if (how.is_generic) add_generic_result(view);
  if (record.nr == number::kSocketpair) name_pair(view);
  add_pipe_kind(view);
  add_pipe_state(view);
}

// sysdig takes both ends from the event of the call, but gives the descriptors no name. That of a connection
// is the tuple with which it was made.
void RecordConverter::name_pair(const RecordView& view) {
  const TraceRecord& record = *view.record;
  const UnixConnection* const connection = connection_of(view);
  std::array<std::int32_t, 2> pair{};
  if (record.result != 0 || connection == nullptr || view.data.size() < sizeof pair) return;
  std::memcpy(pair.data(), view.data.data(), sizeof pair);
  const std::string tuple = tuple_value(record.object, connection, {}, false);
  for (const std::int32_t fd : pair) {
    params_.clear();
    params_.add_i64(fd);
    params_.add("");
    add(record, record.end, kConnect, kStateOnly);
    params_.clear();
    params_.add_i64(0);
    params_.add(tuple);
    add(record, record.end, kConnect + 1, kStateOnly);
  }
}

void RecordConverter::add_generic_result(const RecordView& view) {
  const TraceRecord& record = *view.record;
  params_.clear();
  params_.add_i64(record.result);
  params_.add_u64(record.end - (record.begin == 0 ? watched_since(record.pid) : record.begin));
  for (const u64 argument : record.args) params_.add_u64(argument);
  add(record, record.end, kResultEvent);
}

// An open event does not tell a FIFO from a file, and no event tells packets from a stream.
void RecordConverter::add_pipe_kind(const RecordView& view) {
  const TraceRecord& record = *view.record;
  if (record.object.kind != ObjectPipe || record.result < 0) return;
  std::vector<std::int32_t> fds{static_cast<std::int32_t>(record.result)};
  u64 flags = 0;
  if (record.nr == number::kOpen || record.nr == number::kOpenAt) {
    flags = record.args[record.nr == number::kOpen ? 1 : 2];
  } else if (record.nr == number::kFcntl && record.args[1] == F_SETFL) {
    fds.front() = static_cast<std::int32_t>(record.args[0]);
    flags = record.args[2];
  } else if ((record.nr == number::kPipe || record.nr == number::kPipe2) &&
             view.data.size() >= 2 * sizeof fds.front()) {
    fds.resize(2);
    std::memcpy(fds.data(), view.data.data(), 2 * sizeof fds.front());
    flags = record.nr == number::kPipe2 ? record.args[1] : 0;
  } else if (record.nr != number::kOpenAt2) {
    return;
  }
  for (const std::int32_t fd : fds) add_pipe_kind(record, fd, (flags & O_DIRECT) != 0 ? kPassesPackets : 0);
}

void RecordConverter::add_pipe_kind(const TraceRecord& record, std::int64_t fd, std::uint32_t kind) {
  params_.clear();
  params_.add_i64(fd);
  params_.add_u64(record.object.ino);
  params_.add_u32(kind);
  add(record, record.end, kPipeKindEvent);
}

// The tables say only that it is a pipe. Most descriptors can be written to and pass no packets.
void RecordConverter::add_old_pipe(const TraceRecord& file, std::uint64_t monotonic) {
  std::uint32_t kind = (file.args[1] & O_DIRECT) != 0 ? kPassesPackets : 0;
  if ((file.args[1] & O_ACCMODE) == O_RDONLY) kind |= kReadsPipe;
  if (kind == 0) return;
  TraceRecord record{};
  record.tid = record.pid = file.pid;
  record.object = file.object;
  record.end = monotonic;
  add_pipe_kind(record, static_cast<std::int64_t>(file.args[0]), kind | kWasPipeBefore);
}

void RecordConverter::add_scope(std::uint64_t fifo_inode, std::uint64_t monotonic) {
  params_.clear();
  params_.add_u64(fifo_inode);
  add(TraceRecord{}, monotonic, kScopeEvent);
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
  const bool makes_pair = record.nr == number::kPipe || record.nr == number::kPipe2;
  const bool opens = makes_pair || record.nr == number::kOpen || record.nr == number::kOpenAt ||
                     record.nr == number::kOpenAt2;
  if (record.result != -EAGAIN && record.result != -EPIPE && !is_short && !ends && !opens) return;
  auto fd = static_cast<std::int32_t>(opens ? static_cast<u64>(record.result) : record.args[0]);
  if (makes_pair && view.data.size() >= sizeof fd) std::memcpy(&fd, view.data.data(), sizeof fd);
  params_.clear();
  params_.add_i64(fd);
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

// With the beginning of the call, for its receiver may be quicker than its end.
void RecordConverter::add_sent(const TraceRecord& record, bool was_shown) {
  for (const SentDescriptor& one : passed_.take(record.tid)) {
    if (record.result < 0) continue;
    params_.clear();
    params_.add_i64(one.fd);
    params_.add_u64(one.passing);
    add(record, was_shown || record.begin == 0 ? record.end : record.begin, kSentEvent);
  }
}

void RecordConverter::convert_received(RecordView view) {
  const TraceRecord& record = *view.record;
  const auto fd = static_cast<std::int64_t>(record.args[0]);
  introduce(record);
  if (fd < 0) {
    params_.clear();
    params_.add_i64(-1);
    return add(record, record.end, kReceivedEvent);
  }
  std::string name = view.path.empty() ? path_of_parts(view.path2) : std::string(view.path);
  if (name.empty()) name = name_in_proc(record.tid, fd, record.object);
  view.path = name;
  add_received(view, fd_entry(view, connections_, ports_), passed_.sender_of(record));
}

void RecordConverter::add_received(const RecordView& view, const ScapFd& fd, const SentDescriptor& sender) {
  const TraceRecord& record = *view.record;
  const UnixConnection* const connection =
      connections_.find(record.object, UnixConnections::Side::Unknown, view.bound);
  const bool is_inbound = ports_.contains(record.object.inet.local_port);
  const OpeningEvents opening = opening_of(fd, tuple_value(record.object, connection, {}, is_inbound));
  if (opening.enter_type != 0) {
    params_ = opening.enter;
    add(record, record.end, opening.enter_type, kStateOnly);
    params_ = opening.exit;
    add(record, record.end, static_cast<std::uint16_t>(opening.enter_type + 1), kStateOnly);
  }
  params_.clear();
  params_.add_i64(fd.fd);
  params_.add_u64(sender.passing);
  params_.add_i64(sender.pid);
  params_.add_i64(sender.fd);
  params_.add_u32(scap_open_flags(record.args[1]));
  params_.add(fd_entry_value(fd));
  add(record, record.end, kReceivedEvent);
}

void RecordConverter::convert_unread(const TraceRecord& record) {
  const UnixConnection* const connection =
      connections_.find(record.object, UnixConnections::Side::Unknown, {});
  params_.clear();
  params_.add_u64(record.args[0] != 0 ? record.object.ino : 0);
  params_.add_u64(record.requested);
  params_.add_u64(connection == nullptr ? 0 : as_hexadecimal_digits(connection->server));
  params_.add_u64(connection == nullptr ? 0 : as_hexadecimal_digits(connection->client));
  add(record, record.end, kUnreadEvent);
}

void RecordConverter::add_open(const TraceRecord& record, std::string_view bits) {
  if (bits.empty()) return;
  params_.clear();
  params_.add(bits);
  add(record, record.end, kOpenEvent);
}

void RecordConverter::add_waker(const RecordView& view) {
  Waker waker{};
  if (view.waker.size() != sizeof waker) return;
  std::memcpy(&waker, view.waker.data(), sizeof waker);
  const std::string_view name(waker.comm, sizeof waker.comm);
  params_.clear();
  params_.add_i64(waker.tid);
  params_.add_i64(waker.pid);
  params_.add_text(name.substr(0, name.find('\0')));
  add(*view.record, view.record->end, kWakerEvent);
}

void RecordConverter::add_blocked(const RecordView& view) {
  const std::uint64_t since = watched_since(view.record->pid);
  params_.clear();
  params_.add_u8(kWasUnderWay);
  add(*view.record, since, kBlockedEvent);
  add_enter(view, since);
  blocked_.insert(view.record->tid);
}

void RecordConverter::add_mapping(pid_t pid, std::string_view name) {
  TraceRecord record{};
  record.tid = record.pid = static_cast<u32>(pid);
  params_.clear();
  params_.add_text(name);
  add(record, attached_at_, kMappingEvent);
}

void RecordConverter::add_unfinished(const RecordView& view, std::uint64_t monotonic) {
  // What has slept was reported when it fell asleep.
  if ((view.record->flags & RecordEntered) == 0) return add_enter(view, view.record->begin);
  params_.clear();
  params_.add_u8(kStillSleeps);
  add(*view.record, monotonic, kBlockedEvent);
}

void RecordConverter::add_drops(std::uint16_t cpu, std::uint64_t lost, std::uint64_t monotonic) {
  params_.clear();
  params_.add_u16(cpu);
  params_.add_u64(lost);
  TraceRecord record{};
  record.cpu = cpu;
  add(record, monotonic, kDropsEvent);
}

void RecordConverter::add_tables(std::uint64_t monotonic) {
  params_.clear();
  add(TraceRecord{}, monotonic, kTablesEvent);
}

void RecordConverter::add_end(std::uint64_t monotonic) {
  params_.clear();
  add(TraceRecord{}, monotonic, kEndEvent);
}

void RecordConverter::add_clock_step(std::int64_t nanoseconds, std::uint64_t monotonic) {
  params_.clear();
  params_.add_i64(nanoseconds);
  add(TraceRecord{}, monotonic, kClockEvent);
}

}  // namespace slurper
