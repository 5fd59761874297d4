#include "recorder/thread_records.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "proc/proc_files.h"
#include "recorder/control_messages.h"
#include "trace/engine/call_numbers.h"
#include "trace/engine/passed_descriptors.h"

namespace slurper {

namespace {

constexpr std::uint16_t kNoCall = 0xffff;

bool is_exec(const TracedThread& thread) {
  return !thread.is_compat && slurper::is_exec(thread.nr);
}

SocketBook::Made made_by(const TracedThread& thread, std::int64_t result) {
  if (thread.nr == number::kConnect && result == 0) return SocketBook::Made::ByConnect;
  const bool accepts = thread.nr == number::kAccept || thread.nr == number::kAccept4;
  return accepts ? SocketBook::Made::ByAccept : SocketBook::Made::Nothing;
}

std::string most_of(std::string text) {
  text.resize(std::min<std::size_t>(text.size(), TraceMaxPiece - 1));
  return text;
}

}  // namespace

std::uint64_t monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

void ThreadRecords::refresh(TracedThread& thread) {
  if (const auto identity = read_identity(thread.tid)) thread.identity = *identity;
  thread.comm = read_small(AT_FDCWD, fmt::format("/proc/{}/comm", thread.tid).c_str());
  if (thread.comm.ends_with('\n')) thread.comm.pop_back();
}

TraceRecord ThreadRecords::record_of(const TracedThread& thread, u8 kind) const {
  TraceRecord record{};
  record.kind = kind;
  record.tid = static_cast<u32>(thread.tid);
  record.pid = static_cast<u32>(thread.pid);
  const ThreadIdentity& id = thread.identity;
  record.ruid = id.ruid;
  record.euid = id.euid;
  record.suid = id.suid;
  record.fsuid = id.fsuid;
  record.rgid = id.rgid;
  record.egid = id.egid;
  record.loginuid = id.loginuid;
  record.nr = kNoCall;
  std::memcpy(record.comm, thread.comm.data(), std::min(thread.comm.size(), sizeof record.comm));
  record.begin = record.end = monotonic_now();
  return record;
}

TraceRecord ThreadRecords::record_of_call(const TracedThread& thread, u8 kind) const {
  TraceRecord record = record_of(thread, kind);
  record.begin = thread.begin;
  record.nr = thread.nr;
  record.flags =
      static_cast<u8>((thread.begin == 0 ? RecordNoBegin : 0) | (thread.entered ? RecordEntered : 0) |
                      (thread.is_compat ? RecordCompat : 0));
  std::ranges::copy(thread.args, record.args);
  return record;
}

// Calls of the 32-bit kind have other numbers.
const CallShape& ThreadRecords::shape_of(const TracedThread& thread) const {
  static constexpr CallShape kNone{};
  return thread.is_compat || thread.nr >= TraceMaxCalls ? kNone : config_.shapes[thread.nr];
}

TraceObject ThreadRecords::object_of(const TracedThread& thread, std::int64_t result, bool has_ended) {
  if (thread.closed) return *thread.closed;
  const CallShape& shape = shape_of(thread);
  int fd = -1;
  if ((shape.flags & ShapeFdPair) != 0) {
    if (has_ended && result == 0)
      (void)TracedMemory(thread.tid).read_value(thread.args[shape.buffer - 1], fd);
  } else if ((shape.flags & ShapeFdResult) != 0) {
    if (has_ended) fd = static_cast<int>(result);
  } else if (shape.fd != 0) {
    fd = static_cast<int>(thread.args[shape.fd - 1]);
  }
  const auto made = has_ended ? made_by(thread, result) : SocketBook::Made::Nothing;
  return describe_descriptor(thread.pid, thread.tid, fd, made, sockets_);
}

bool ThreadRecords::is_fifo(const TraceObject& object) const {
  return object.kind == ObjectPipe && object.ino == config_.fifo_ino && object.dev == config_.fifo_dev;
}

void ThreadRecords::report_call(const TracedThread& thread, TraceRecord& record, bool has_ended) {
  CallPieces pieces =
      read_pieces(TracedMemory(thread.tid), shape_of(thread), record, has_ended, config_.snaplen);
  // A thread that has slept in execve(2) may have the new program's memory by now.
  if (!thread.program.empty()) pieces.path = thread.program;
  if (has_ended && record.result >= 0 && (shape_of(thread).flags & ShapeNamed) != 0)
    pieces.path2 = name_in_proc(record.tid, record.result, record.object);
  if ((shape_of(thread).flags & ShapeBound) != 0 && record.object.kind == ObjectUnix)
    pieces.bound = sockets_.bound(record.object);
  receiver_(buffer_.join(record, pieces));
}

// Descriptors in the messages of the call, each when it is sent and when it has been received.
void ThreadRecords::report_passed(const TracedThread& thread, u8 kind, u64 count) {
  const bool wants_all = config_.by_fifo == 0 || config_.all_calls != 0;
  // The call itself would not be reported, and what it sends would wait for that.
  if (kind == RecordSent && !wants_all) return;
  const bool is_array = (shape_of(thread).flags & ShapeMany) != 0;
  const ControlMessages messages =
      read_control_messages(TracedMemory(thread.tid), thread.args[1], is_array ? count : 1, is_array);
  for (const int fd : messages.descriptors) {
    TraceRecord record = record_of(thread, kind);
    const CallPieces pieces = fill_descriptor(thread.pid, thread.tid, fd, sockets_, record);
    if (record.object.kind != ObjectNone && (wants_all || is_fifo(record.object)))
      receiver_(buffer_.join(record, pieces));
  }
  if (!messages.is_cut || kind != RecordReceived || !wants_all) return;
  TraceRecord record = record_of(thread, kind);
  record.args[0] = ~u64{0};
  receiver_(buffer_.join(record, {}));
}

// A descriptor of another process, of which pidfd_getfd(2) has made a copy.
void ThreadRecords::report_taken(const TracedThread& thread, int fd) {
  TraceRecord record = record_of(thread, RecordReceived);
  const CallPieces pieces = fill_descriptor(thread.pid, thread.tid, fd, sockets_, record);
  if (config_.by_fifo != 0 && config_.all_calls == 0 && !is_fifo(record.object)) return;
  record.args[3] = process_of_pidfd(thread.tid, static_cast<int>(thread.args[0]));
  record.args[4] = u64{static_cast<u32>(thread.args[1])} + 1;
  if (record.object.kind != ObjectNone) receiver_(buffer_.join(record, pieces));
}

void ThreadRecords::begin(TracedThread& thread) {
  thread.in_call = true;
  thread.entered = false;
  thread.begin = monotonic_now();
  thread.closed.reset();
  const CallShape& shape = shape_of(thread);
  if ((shape.flags & ShapeCloses) != 0) thread.closed = object_of(thread, 0, false);
  if ((shape.flags & ShapePasses) != 0 && (shape.flags & ShapeInput) == 0)
    report_passed(thread, RecordSent, thread.args[2]);
  thread.program.clear();
  if (is_exec(thread)) thread.program = TracedMemory(thread.tid).text(thread.args[shape.path - 1]);
}

void ThreadRecords::end(TracedThread& thread, std::int64_t result) {
  const u32 flags = shape_of(thread).flags;
  const bool renames = !thread.is_compat && thread.nr == number::kPrctl;
  if ((flags & ShapeLife) != 0 || renames) refresh(thread);
  TraceRecord record = record_of_call(thread, RecordCall);
  record.result = result;
  record.object = object_of(thread, result, true);
  bool is_wanted = true;
  if (config_.by_fifo != 0) {
    if (is_fifo(record.object)) record.flags |= RecordOnFifo;
    is_wanted = is_fifo(record.object) || thread.entered || thread.begin == 0 || config_.all_calls != 0 ||
                (flags & ShapeLife) != 0;
  }
  if (is_wanted) report_call(thread, record, true);
  if ((flags & ShapePasses) != 0 && (flags & ShapeInput) != 0 && result >= 0)
    report_passed(thread, RecordReceived, static_cast<u64>(result));
  if ((flags & ShapeTakes) != 0 && result >= 0) report_taken(thread, static_cast<int>(result));
  thread.in_call = false;
  thread.closed.reset();
}

void ThreadRecords::sleep(TracedThread& thread) {
  TraceRecord record = record_of_call(thread, RecordEnter);
  record.object = object_of(thread, 0, false);
  if (config_.by_fifo != 0 && is_fifo(record.object)) record.flags |= RecordOnFifo;
  report_call(thread, record, false);
  thread.entered = true;
}

void ThreadRecords::fork(const TracedThread& parent, const TracedThread& child) {
  TraceRecord record = record_of(parent, RecordFork);
  record.nr = parent.in_call ? parent.nr : kNoCall;
  record.result = child.tid;
  record.args[0] = static_cast<u64>(child.pid);
  if (record.nr == number::kClone) record.args[1] = parent.args[0];
  if (record.nr == number::kClone3) (void)TracedMemory(parent.tid).read_value(parent.args[0], record.args[1]);
  receiver_(buffer_.join(record, {}));
}

void ThreadRecords::exec(TracedThread& thread, pid_t tid) {
  refresh(thread);
  TraceRecord record = record_of(thread, RecordExec);
  record.args[0] = static_cast<u64>(tid);
  CallPieces pieces;
  pieces.path = thread.program;
  const std::string folder = fmt::format("/proc/{}/", thread.pid);
  if (pieces.path.empty()) pieces.path = most_of(read_link(AT_FDCWD, (folder + "exe").c_str()));
  if (config_.with_environment != 0)
    pieces.path2 = most_of(read_small(AT_FDCWD, (folder + "environ").c_str()));
  pieces.data = most_of(read_small(AT_FDCWD, (folder + "cmdline").c_str()));
  pieces.bound = open_bits(thread.tid);
  receiver_(buffer_.join(record, pieces));
}

void ThreadRecords::exit(const TracedThread& thread, int wait_status, bool is_last) {
  TraceRecord record = record_of(thread, RecordExit);
  // Of a call that was under way before, only what is shown already is known.
  const bool in_call = thread.in_call && thread.begin != 0;
  record.nr = in_call ? thread.nr : kNoCall;
  record.begin = in_call ? thread.begin : 0;
  record.flags = in_call && thread.entered ? RecordEntered : 0;
  record.result = wait_status;
  record.args[0] = is_last ? 1 : 0;
  CallPieces pieces;
  if (is_last) pieces.bound = open_bits(thread.tid);
  receiver_(buffer_.join(record, pieces));
}

void ThreadRecords::signal(const TracedThread& receiver, const siginfo_t& signal) {
  TraceRecord record = record_of(receiver, RecordSignal);
  // Faults come from the thread itself.
  const bool is_sent = signal.si_code == SI_USER || signal.si_code == SI_QUEUE || signal.si_code == SI_TKILL;
  const bool has_sender = is_sent || signal.si_signo == SIGCHLD;
  if (has_sender) record.pid = static_cast<u32>(signal.si_pid);
  record.args[0] = static_cast<u64>(signal.si_signo);
  record.args[1] = static_cast<u64>(receiver.pid);
  record.args[2] = static_cast<u64>(receiver.tid);
  receiver_(buffer_.join(record, {}));
}

void ThreadRecords::state(const TracedThread& thread, const Engine::Receiver& receiver) {
  const bool has_begun = thread.in_call && thread.begin != 0;
  TraceRecord record = record_of_call(thread, RecordState);
  record.end = monotonic_now();
  record.flags =
      static_cast<u8>((has_begun ? RecordInCall : 0) | (has_begun && thread.entered ? RecordEntered : 0));
  const bool is_cut_short = thread.will_restart || thread.first_result.has_value();
  if (thread.had_first_stop && !is_cut_short) record.flags |= RecordSeen;
  receiver(buffer_.join(record, {}));
}

}  // namespace slurper
