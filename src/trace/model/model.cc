#include "trace/model/model.h"

#include <algorithm>
#include <utility>

#include "trace/model/effects.h"
#include "trace/own_events.h"

namespace slurper {

namespace {

constexpr std::int64_t kAtFdCwd = -100;

}  // namespace

Model::Model() = default;

const Thread* Model::find_thread(std::int64_t tid) const {
  const auto found = threads_.find(tid);
  return found == threads_.end() || found->second->has_ended ? nullptr : found->second.get();
}

const Thread& Model::main_of(const Thread& thread) const {
  const Thread* const main = thread.pid == thread.tid ? nullptr : find_thread(thread.pid);
  return main == nullptr ? thread : *main;
}

const std::string& Model::process_name(const Thread& thread) const {
  const std::string& name = main_of(thread).name;
  return name.empty() ? thread.name : name;
}

Thread& Model::thread(std::int64_t tid) {
  Thread*& recent = recent_[static_cast<std::uint64_t>(tid) % kRecent];
  if (recent != nullptr && recent->tid == tid) return *recent;
  const auto found = threads_.find(tid);
  recent = found == threads_.end() ? &new_thread(tid) : found->second.get();
  return *recent;
}

// Replaces the one that had the id before.
Thread& Model::new_thread(std::int64_t tid) {
  auto& owner = threads_[tid];
  owner = std::make_unique<Thread>();
  owner->tid = tid;
  owner->pid = tid;
  owner->fds = std::make_shared<FdTable>();
  recent_[static_cast<std::uint64_t>(tid) % kRecent] = owner.get();
  return *owner;
}

const std::string* Model::user_name(std::uint32_t uid) const {
  const auto found = users_.find(uid);
  return found == users_.end() ? nullptr : &found->second;
}

const std::string* Model::group_name(std::uint32_t gid) const {
  const auto found = groups_.find(gid);
  return found == groups_.end() ? nullptr : &found->second;
}

std::optional<std::int64_t> Model::pid_of_peer(const OpenFile& file, std::int64_t but_not) const {
  std::optional<std::int64_t> found;
  for (const auto& [tid, one] : threads_) {
    if (!one->is_listed || one->tid != one->pid || (found && one->pid == but_not)) continue;
    one->fds->for_each([&](std::int64_t /*fd*/, const OpenFile& other, bool /*close_on_exec*/) {
      const bool is_same_pair =
          (other.unix_source == file.unix_source && other.unix_target == file.unix_target) ||
          (other.unix_source == file.unix_target && other.unix_target == file.unix_source);
      if (&other != &file && other.type == FdType::Unix && is_same_pair) found = one->pid;
    });
  }
  return found;
}

void Model::for_each_open(const std::function<void(const OpenFile&)>& visit) const {
  for (const auto& [tid, one] : threads_) {
    if (!one->is_listed) continue;
    one->fds->for_each(
        [&](std::int64_t /*fd*/, const OpenFile& file, bool /*close_on_exec*/) { visit(file); });
  }
}

void Model::for_each_pending(const std::function<void(TraceEvent&)>& visit) {
  std::vector<Thread*> threads;
  for (const auto& [tid, one] : threads_) {
    if (one->pending.is_open && one->is_listed && !one->pending.is_hidden) threads.push_back(one.get());
  }
  std::ranges::sort(threads, {}, [](const Thread* one) { return std::pair(one->pending.time, one->tid); });
  for (Thread* one : threads) {
    TraceEvent event = pending_of(*one);
    visit(event);
  }
}

TraceEvent Model::pending_of(Thread& thread) const {
  TraceEvent event;
  follow_clock(thread.pending);
  event.raw = thread.pending.event(thread.tid);
  event.shape = &shape_of(event.raw.type);
  event.model = this;
  event.thread = &thread;
  event.fd = thread.pending.fd;
  event.file = thread.fds->find(event.fd);
  event.number = thread.pending.number;
  event.first_time = first_time_;
  event.previous_time = event.raw.time;
  return event;
}

bool Model::take(const ScapEvent& raw, TraceEvent& event) {
  event.raw = raw;
  event.shape = &shape_of(raw.type);
  event.model = this;
  event.fd = kNoFd;
  event.file.reset();
  event.replaced.reset();
  event.enter = nullptr;
  event.pipe_offset.reset();
  event.is_own = raw.type >= kFirstOwnEvent;
  event.thread = &thread(raw.tid);
  if (!event.is_own) {
    if (event.thread->has_ended) event.thread = &new_thread(raw.tid);
    event.thread->is_listed = true;
  }
  if (!former_.empty()) former_.clear();
  last_time_ = std::max(last_time_, raw.time);
  if (event.is_own) {
    event.number = count_;
    if (raw.type == kClockEvent) {
      clock_step_ += raw.number<std::uint64_t>(0);
      last_time_ = raw.time;
    }
    take_own(event);
    return true;
  }
  if (event.shape->info == nullptr) return false;
  event.number = ++count_;
  if (count_ == 1) first_time_ = previous_time_ = raw.time;
  event.first_time = first_time_;
  event.previous_time = previous_time_;
  if ((raw.flags & kStateOnly) == 0) previous_time_ = raw.time;
  if (event.is_exit()) {
    take_exit(event);
  } else {
    take_enter(event);
  }
  return true;
}

// A call lasts as long as it does, whatever becomes of the clock meanwhile.
void Model::follow_clock(PendingCall& call) const {
  call.time += clock_step_ - call.clock_step;
  call.clock_step = clock_step_;
}

void Model::take_enter(TraceEvent& event) {
  const ScapEvent& raw = event.raw;
  const Shape& shape = *event.shape;
  if (shape.creates_fd) {
    event.fd = -1;
  } else if (shape.fd >= 0 && static_cast<std::size_t>(shape.fd) < raw.param_count) {
    event.fd = raw.number<std::int64_t>(static_cast<std::size_t>(shape.fd));
    event.file = event.thread->fds->find(event.fd);
  }
  if (shape.info->is_single) return;
  PendingCall& pending = event.thread->pending;
  pending.is_open = true;
  pending.is_generic_done = false;
  pending.is_hidden = (raw.flags & kStateOnly) != 0;
  pending.was_blocked = std::exchange(event.thread->comes_blocked, false);
  pending.waker_tid = 0;
  pending.type = raw.type;
  pending.time = raw.time;
  pending.clock_step = clock_step_;
  pending.number = event.number;
  pending.fd = event.fd;
  pending.file = event.file;
  pending.param_count = raw.param_count;
  pending.length_size = raw.length_size;
  // The values follow the lengths in the capture, too.
  pending.bytes.assign(raw.lengths, raw.param_count * raw.length_size + raw.values.size());
  note_enter(event);
}

void Model::take_exit(TraceEvent& event) {
  const Shape& shape = *event.shape;
  PendingCall& pending = event.thread->pending;
  const bool has_enter = pending.is_open && pending.type + 1 == event.raw.type;
  follow_clock(pending);
  if (has_enter) {
    event.enter = &pending;
    if (pending.fd >= 0) event.fd = pending.fd;
  }
  pending.is_open = false;
  pending.is_generic_done = has_enter && event.raw.type == kGenericExit;
  const bool is_appended = shape.fd >= 0 && static_cast<std::size_t>(shape.fd) < event.raw.param_count;
  if (event.fd < 0 && is_appended)
    event.fd = event.raw.number<std::int64_t>(static_cast<std::size_t>(shape.fd));
  if (has_enter && pending.fd >= 0) event.file = pending.file;
  if (event.fd >= 0 && event.file == nullptr) event.file = event.thread->fds->find(event.fd);
  apply_exit(event);
}

void Model::finish(const TraceEvent& event) {
  if (event.is_own || event.shape->info == nullptr) return;
  constexpr std::uint16_t kCloseExit = 5;
  if (event.raw.type == kCloseExit && event.result() >= 0 &&
      event.thread->fds->find(event.fd) == event.file)  // else it is another file's by now
    event.thread->fds->close(event.fd);
  if (event.raw.type == kProcessExit) end(*event.thread);
}

void Model::end(Thread& thread) {
  constexpr std::size_t kKept = 64;
  // Others go on with the descriptors.
  if (thread.fds.use_count() > 1) thread.fds = std::make_shared<FdTable>();
  thread.has_ended = true;
  thread.is_listed = false;
  ended_.push_back(thread.tid);
  if (ended_.size() <= kKept) return;
  const std::int64_t tid = ended_.front();
  ended_.pop_front();
  const auto found = threads_.find(tid);
  if (found == threads_.end() || !found->second->has_ended) return;  // another one has the id
  Thread*& recent = recent_[static_cast<std::uint64_t>(tid) % kRecent];
  if (recent == found->second.get()) recent = nullptr;
  threads_.erase(found);
}

std::string_view directory_of(const Thread& thread, std::int64_t directory_fd) {
  if (directory_fd == kAtFdCwd) return thread.directory;
  const OpenFilePointer& file = thread.fds->find(directory_fd);
  return file == nullptr ? std::string_view() : std::string_view(file->name);
}

std::string join_path(std::string_view directory, std::string_view path) {
  std::string joined;
  if (!path.starts_with('/')) joined = directory;
  std::string result;
  const auto add = [&](std::string_view part) {
    if (part.empty() || part == ".") return;
    if (part == "..") {
      result.resize(std::min(result.rfind('/'), result.size()));
    } else {
      result.append("/").append(part);
    }
  };
  const bool is_absolute = joined.empty() || joined.starts_with('/');
  joined.append("/").append(path);
  for (std::string_view rest = joined; !rest.empty();) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    add(rest.substr(0, slash));
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  if (!is_absolute && result.starts_with('/')) result.erase(0, 1);
  return result.empty() ? "/" : result;
}

std::string joined(std::string_view values) {
  if (values.ends_with('\0')) values.remove_suffix(1);
  std::string text(values);
  std::ranges::replace(text, '\0', ' ');
  return text;
}

}  // namespace slurper
