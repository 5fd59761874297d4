// The calls that begin and change processes, and slurper's own events.
#include <utility>

#include "trace/model/effects.h"
#include "trace/model/model.h"
#include "trace/own_events.h"

namespace slurper {

namespace {

constexpr std::uint16_t kExecveExit = 293;
constexpr std::uint16_t kExecveAtExit = 331;
constexpr std::uint16_t kOldExecveExit = 231;
constexpr std::uint16_t kCloseRange = 436;
constexpr std::uint64_t kOnlyAtExec = 4;  // CLOSE_RANGE_CLOEXEC
constexpr std::uint16_t kEpollCreate = 213;
constexpr std::uint16_t kEpollCreate1 = 291;

constexpr std::uint32_t kCloneFiles = 1;
constexpr std::uint32_t kCloneThread = 1U << 13;

// Descriptors that forks may copy in all: a program forks for years before it comes there.
constexpr std::size_t kMaxCopied = std::size_t{16} << 20;

// Descriptors that were sent; nothing says which of them are never received.
constexpr std::size_t kMaxSent = 4096;

std::string as_directory(std::string_view path) {
  std::string directory(path);
  if (!directory.ends_with('/')) directory += '/';
  return directory;
}

}  // namespace

void Model::apply_exit(TraceEvent& event) {
  const std::uint16_t type = event.raw.type;
  if (is_clone_exit(type)) {
    clone(event);
  } else if (type == kExecveExit || type == kExecveAtExit || type == kOldExecveExit) {
    exec(event);
  } else {
    apply_to_thread(event);
  }
}

// Both the parent's exit and the child's tell of the child; whichever comes first makes it.
void Model::clone(TraceEvent& event) {
  const ScapEvent& raw = event.raw;
  const std::int64_t result = event.result();
  if (result < 0 || raw.param_count < 20) return;
  const bool is_child = result == 0;
  const std::int64_t child_tid = is_child ? raw.tid : result;
  const auto flags = raw.number<std::uint32_t>(15);
  const bool is_thread = (flags & kCloneThread) != 0;
  const std::int64_t parent_tid = !is_child   ? raw.tid
                                  : is_thread ? raw.number<std::int64_t>(4)
                                              : raw.number<std::int64_t>(5);
  const Thread* known = find_thread(child_tid);
  // After vfork(2), the parent's exit comes when the child has executed a program.
  const bool is_made = known != nullptr && known->cloned_at != 0 &&
                       (is_child || event.enter == nullptr || known->cloned_at >= event.enter->time);
  // The tables were written between the two.
  const bool is_in_tables = known != nullptr && known->is_known && known->cloned_at == 0 && !is_child &&
                            known->parent == event.thread->pid;
  if (is_made || is_in_tables) return;
  const Thread* const parent = find_thread(parent_tid);
  const std::shared_ptr<FdTable> parent_fds = parent == nullptr ? nullptr : parent->fds;
  const std::string directory = parent == nullptr ? as_directory(text_of(raw.param(6))) : parent->directory;
  const std::string exe_path = parent == nullptr ? "" : parent->exe_path;
  const Identity identity = parent == nullptr ? Identity{} : parent->identity;
  const std::int64_t session = parent == nullptr ? -1 : parent->session;
  const std::int64_t parent_pid = parent == nullptr ? parent_tid : parent->pid;
  const std::int64_t grandparent = parent == nullptr ? -1 : parent->parent;

  Thread& child = new_thread(child_tid);
  child.is_known = true;
  child.cloned_at = raw.time;
  child.pid = is_thread ? parent_pid : is_child ? raw.number<std::int64_t>(4) : child_tid;
  child.parent = is_thread ? grandparent : parent_pid;
  child.session = session;
  child.name = text_of(raw.param(13));
  child.exe = text_of(raw.param(1));
  child.exe_path = exe_path;
  child.arguments = joined(raw.param(2));
  child.directory = directory;
  child.identity = identity;
  child.identity.euid = raw.number<std::uint32_t>(16);
  child.identity.gid = raw.number<std::uint32_t>(17);
  child.virtual_tid = is_child ? raw.number<std::int64_t>(18) : child_tid;
  child.virtual_pid = is_child ? raw.number<std::int64_t>(19) : child.pid;
  if (child_tid == raw.tid) {  // it has taken the place of what was known of the thread
    event.thread = &child;
    event.enter = nullptr;
  }
  if (parent_fds == nullptr) return;
  if ((flags & (kCloneFiles | kCloneThread)) != 0) {
    child.fds = parent_fds;
  } else if (copied_ < kMaxCopied) {
    copied_ += parent_fds->size();
    *child.fds = *parent_fds;
  }
}

void Model::exec(TraceEvent& event) {
  const ScapEvent& raw = event.raw;
  if (event.result() != 0 || raw.param_count < 14) return;
  Thread& thread = *event.thread;
  thread.is_known = true;
  thread.name = text_of(raw.param(13));
  thread.exe = text_of(raw.param(1));
  thread.arguments = joined(raw.param(2));
  thread.parent = raw.number<std::int64_t>(5);
  thread.pid = raw.number<std::int64_t>(4);
  thread.directory = as_directory(text_of(raw.param(6)));
  if (event.enter != nullptr && event.enter->param_count == 1)
    thread.exe_path = join_path(thread.directory, text_of(event.enter->event(raw.tid).param(0)));
  if (raw.param_count > 18) thread.identity.loginuid = raw.number<std::uint32_t>(18);
  if (thread.fds.use_count() > 1)
    thread.fds = std::make_shared<FdTable>(*thread.fds);  // execve(2) unshares it
  thread.fds->close_on_exec();
  // The other threads are gone, also if it was one of them that called it.
  std::erase_if(threads_,
                [&](const auto& one) { return one.second->pid == thread.pid && one.first != raw.tid; });
  recent_ = {};
}

// Both descriptors are of one open file, with its story.
void Model::receive(TraceEvent& event) {
  const ScapEvent& raw = event.raw;
  event.fd = raw.number<std::int64_t>(0);
  if (event.fd < 0) return;
  FdTable& fds = *event.thread->fds;
  (void)take_fd_entry(raw.param(5), fds);  // else the number stands for what it did
  const bool close_on_exec = (raw.number<std::uint32_t>(4) & kOpenCloseOnExec) != 0;
  fds.set_close_on_exec(event.fd, close_on_exec);
  const auto passing = raw.number<std::uint64_t>(1);
  const auto sent = sent_.find(passing);
  const Thread* const owner = passing == 0 ? find_thread(raw.number<std::int64_t>(2)) : nullptr;
  OpenFilePointer file = owner != nullptr      ? owner->fds->find(raw.number<std::int64_t>(3))
                         : sent != sent_.end() ? sent->second
                                               : nullptr;
  if (file != nullptr) fds.set(event.fd, std::move(file), close_on_exec);
  event.file = fds.find(event.fd);
}

void Model::note_pipe(TraceEvent& event) {
  const ScapEvent& raw = event.raw;
  const FdTable& fds = *event.thread->fds;
  event.fd = raw.number<std::int64_t>(0);
  event.file = fds.find(event.fd);
  if (event.file == nullptr) return;
  event.file->is_pipe = true;
  if (event.file->inode == 0) event.file->inode = raw.number<std::uint64_t>(1);
  if (raw.type != kPipeKindEvent) return;
  const auto kind = raw.number<std::uint32_t>(2);
  event.file->is_packet = (kind & kPassesPackets) != 0;
  if ((kind & kReadsPipe) != 0) event.file->is_for_reading = true;
}

// The descriptor that is being closed, or was by the end of its process.
void Model::find_unread(TraceEvent& event) {
  constexpr std::uint16_t kCloseEnter = 4;
  const Thread& thread = *event.thread;
  if (thread.pending.is_open && thread.pending.type == kCloseEnter) {
    event.fd = thread.pending.fd;
    event.file = thread.pending.file;
    return;
  }
  const auto server = event.raw.number<std::uint64_t>(2);
  const auto client = event.raw.number<std::uint64_t>(3);
  if (event.raw.param_count < 4 || server == 0) return;
  thread.fds->for_each([&](std::int64_t fd, const OpenFile& file, bool /*close_on_exec*/) {
    const bool is_it = (file.unix_source == server && file.unix_target == client) ||
                       (file.unix_source == client && file.unix_target == server);
    if (!is_it || file.type != FdType::Unix) return;
    event.fd = fd;
    event.file = thread.fds->find(fd);
  });
}

void Model::take_own(TraceEvent& event) {
  Thread& thread = *event.thread;
  const ScapEvent& raw = event.raw;
  if (raw.type == kScopeEvent) scope_ = raw.number<std::uint64_t>(0);
  if (raw.type == kBlockedEvent) {
    const bool is_end = raw.number<std::uint8_t>(0) == kStillSleeps;
    (is_end ? thread.pending.was_blocked : thread.comes_blocked) = true;
  }
  if (raw.type == kPipeEvent || raw.type == kPipeKindEvent) note_pipe(event);
  if (raw.type == kPipeEvent && event.file != nullptr) {
    event.file->pipe = {.is_known = true,
                        .slots = raw.number<std::uint32_t>(2),
                        .slots_at_most = raw.number<std::uint32_t>(3),
                        .readers = raw.number<std::uint32_t>(4),
                        .writers = raw.number<std::uint32_t>(5)};
  }
  if (raw.type == kIdentityEvent) {
    thread.identity = {.ruid = raw.number<std::uint32_t>(0),
                       .euid = raw.number<std::uint32_t>(1),
                       .suid = raw.number<std::uint32_t>(2),
                       .fsuid = raw.number<std::uint32_t>(3),
                       .gid = raw.number<std::uint32_t>(5),
                       .loginuid = raw.number<std::uint32_t>(6)};
  }
  if (raw.type == kSentEvent) {
    event.fd = raw.number<std::int64_t>(0);
    event.file = thread.fds->find(event.fd);
    if (sent_.size() >= kMaxSent) sent_.clear();
    sent_[raw.number<std::uint64_t>(1)] = event.file;
  }
  if (raw.type == kReceivedEvent) return receive(event);
  if (raw.type == kUnreadEvent) return find_unread(event);
  if (raw.type == kOpenEvent) thread.fds->keep(raw.param(0));
  if (raw.type == kWakerEvent) {
    thread.pending.waker_tid = raw.number<std::int64_t>(0);
    thread.pending.waker_pid = raw.number<std::int64_t>(1);
    thread.pending.waker_name = text_of(raw.param(2));
  }
  if (raw.type != kResultEvent || !thread.pending.is_generic_done) return;
  // What the generic exit could not tell.
  const auto number = thread.pending.event(raw.tid).number<std::uint16_t>(1);
  const auto result = raw.number<std::int64_t>(0);
  if (result == 0 && number == kCloseRange && (raw.number<std::uint64_t>(4) & kOnlyAtExec) == 0)
    thread.fds->close_range(raw.number<std::uint32_t>(2), raw.number<std::uint32_t>(3));
  if (result >= 0 && (number == kEpollCreate || number == kEpollCreate1)) {
    event.fd = result;
    event.file = std::make_shared<OpenFile>(FdType::EventPoll);
    thread.fds->set(result, event.file, false);
  }
}

}  // namespace slurper
