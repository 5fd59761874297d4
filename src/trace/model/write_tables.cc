// What the model knows, as the tables of a capture that begins at this moment.
#include <algorithm>
#include <vector>

#include "trace/model/model.h"
#include "trace/own_events.h"
#include "trace/scap/scap_writer.h"

namespace slurper {

namespace {

std::uint32_t flags_of(const Thread& thread) {
  if (thread.tid == thread.pid) return 0;
  return kScapThread | (thread.shares_files ? kScapSharesFiles : 0);
}

ScapThread entry_of(const Thread& thread) {
  return {.tid = thread.tid,
          .pid = thread.pid,
          .parent = thread.parent,
          .session = thread.session,
          .group = thread.pid,
          .comm = thread.name,
          .exe = thread.exe,
          .exe_path = thread.exe_path,
          .args = thread.arguments.empty() ? std::string() : thread.arguments + '\0',
          .cwd = thread.directory,
          .fd_limit = 0,
          .flags = flags_of(thread),
          .uid = thread.identity.euid,
          .gid = thread.identity.gid,
          .env = {},
          .virtual_tid = thread.virtual_tid,
          .virtual_pid = thread.virtual_pid,
          .login_uid = static_cast<std::int32_t>(thread.identity.loginuid)};
}

// A socket that is not connected yet has one end at most.
FdType table_type(const OpenFile& file) {
  if (!is_ip(file.type) || file.has_ends) return file.type;
  return file.type == FdType::IPv6 || file.type == FdType::IPv6Server ? FdType::IPv6Server
                                                                      : FdType::IPv4Server;
}

ScapFd entry_of(std::int64_t fd, const OpenFile& file, bool close_on_exec) {
  ScapFd entry{.fd = fd, .ino = file.inode, .type = table_type(file), .name = file.name};
  entry.flags = close_on_exec ? kOpenCloseOnExec : 0;
  entry.dev = file.device;
  entry.server = file.unix_source;
  entry.client = file.unix_target;
  const bool has_two_ends = is_ip(entry.type) && !is_server(entry.type);
  const IpEnd& source = has_two_ends ? file.client : file.server;
  entry.source_ip = source.address;
  entry.source_port = source.port;
  entry.destination_ip = file.server.address;
  entry.destination_port = file.server.port;
  entry.protocol = file.protocol;
  return entry;
}

void append_files(std::string& out, const Thread& thread) {
  std::vector<ScapFd> fds;
  thread.fds->for_each([&](std::int64_t fd, const OpenFile& file, bool close_on_exec) {
    fds.push_back(entry_of(fd, file, close_on_exec));
  });
  std::ranges::sort(fds, {}, &ScapFd::fd);
  append_fds(out, thread.tid, fds);
}

EventHead head_of(const Thread& thread, std::uint16_t type, std::uint64_t time) {
  return {.time = time, .tid = static_cast<std::uint64_t>(thread.tid), .cpu = 0, .type = type, .flags = 0};
}

// The table has the effective ids alone.
void append_identity(std::string& out, const Thread& thread, std::uint64_t time) {
  const Identity& who = thread.identity;
  if (who.ruid == who.euid && who.suid == who.euid && who.fsuid == who.euid) return;
  ScapParams params;
  for (const std::uint32_t id : {who.ruid, who.euid, who.suid, who.fsuid, who.gid, who.gid, who.loginuid})
    params.add_u32(id);
  append_event(out, head_of(thread, kIdentityEvent, time), params);
}

void append_pipes(std::string& out, const Thread& thread, std::uint64_t time) {
  thread.fds->for_each([&](std::int64_t fd, const OpenFile& file, bool /*close_on_exec*/) {
    ScapParams params;
    params.add_i64(fd);
    if (file.is_pipe) {
      params.add_u64(file.inode);
      params.add_u32(kWasPipeBefore | (file.is_packet ? kPassesPackets : 0) |
                     (file.is_for_reading && !file.is_for_writing ? kReadsPipe : 0));
      append_event(out, head_of(thread, kPipeKindEvent, time), params);
    }
    if (!file.pipe.is_known) return;
    params.clear();
    params.add_i64(fd);
    params.add_u64(file.inode);
    for (const std::uint32_t number :
         {file.pipe.slots, file.pipe.slots_at_most, file.pipe.readers, file.pipe.writers})
      params.add_u32(number);
    append_event(out, head_of(thread, kPipeEvent, time), params);
  });
}

void append_waker(std::string& out, const Thread& thread, std::uint64_t time) {
  const PendingCall& call = thread.pending;
  if (call.waker_tid == 0) return;
  ScapParams params;
  params.add_i64(call.waker_tid);
  params.add_i64(call.waker_pid);
  params.add_text(call.waker_name);
  append_event(out, head_of(thread, kWakerEvent, time), params);
}

}  // namespace

void Model::append_blocked(std::string& out, const Thread& thread) const {
  const PendingCall& call = thread.pending;
  append_event(out, head_of(thread, kBlockedEvent, call.time + clock_step_ - call.clock_step), {});
}

void Model::append_begin(std::string& out, const Thread& thread) const {
  const PendingCall& call = thread.pending;
  const std::uint64_t time = call.time + clock_step_ - call.clock_step;
  if (call.was_blocked) append_blocked(out, thread);
  std::string body;
  const auto put = [&body](auto number) {
    body.append(reinterpret_cast<const char*>(&number), sizeof number);
  };
  put(std::uint16_t{0});  // the processor
  if (call.is_hidden) put(kStateOnly);
  put(time);
  put(thread.tid);
  put(static_cast<std::uint32_t>(kEventHead + call.bytes.size()));
  put(call.type);
  put(call.param_count);
  const bool is_large = call.length_size != 2;
  const std::uint32_t shown = is_large ? kLargeEventBlock : kEventBlock;
  const std::uint32_t hidden = is_large ? kLargeFlaggedEventBlock : kFlaggedEventBlock;
  append_block(out, call.is_hidden ? hidden : shown, body + call.bytes);
  append_waker(out, thread, time);
}

void Model::append_tables(std::string& out, std::uint64_t time, bool all_follow) const {
  std::vector<const Thread*> known;
  std::vector<const Thread*> waiting;
  for (const auto& [tid, thread] : threads_) {
    if (!thread->is_listed) continue;
    if (thread->is_known) known.push_back(thread.get());
    if (thread->pending.is_open) waiting.push_back(thread.get());
  }
  std::ranges::sort(known, {}, &Thread::tid);
  std::vector<ScapThread> entries;
  for (const Thread* const thread : known) entries.push_back(entry_of(*thread));
  append_threads(out, entries);
  for (const Thread* const thread : known) {
    const bool is_main = thread->tid == thread->pid;
    if (!is_main && thread->fds == main_of(*thread).fds) continue;
    append_files(out, *thread);
  }
  std::ranges::sort(waiting, {}, [](const Thread* one) { return std::pair(one->pending.time, one->tid); });
  // Before any event of the thread: so a view applies them, and shows no line of them.
  const std::uint64_t begin = waiting.empty() ? time : std::min(time, waiting.front()->pending.time);
  if (scope_ && all_follow) {
    ScapParams params;
    params.add_u64(*scope_);
    append_event(out, {.time = begin, .tid = 0, .cpu = 0, .type = kScopeEvent, .flags = 0}, params);
  }
  for (const Thread* const thread : known) {
    append_identity(out, *thread, begin);
    if (thread->tid == thread->pid) append_pipes(out, *thread, begin);
  }
  for (const Thread* const thread : waiting) append_begin(out, *thread);
  for (const auto& [tid, thread] : threads_)
    if (thread->comes_blocked) append_event(out, head_of(*thread, kBlockedEvent, time), {});
}

}  // namespace slurper
