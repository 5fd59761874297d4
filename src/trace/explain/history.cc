#include "trace/explain/history.h"

#include <algorithm>
#include <csignal>

#include "trace/own_events.h"
#include "trace/view/shown_event.h"

namespace slurper {

namespace {

constexpr std::uint64_t kWorthKeeping = 1'000'000;  // nanoseconds of a call
constexpr std::size_t kMaxLongCalls = 8;            // of a thread
constexpr std::size_t kMaxThreads = 20'000;
constexpr std::size_t kMaxProcesses = 100'000;
constexpr std::size_t kMaxEnds = 24;
constexpr std::size_t kMaxWriters = 8;
constexpr std::size_t kMaxData = 64;

// Exits of calls, if not said otherwise.
constexpr std::uint16_t kClose = 4;  // its beginning: after it, the other end may know
constexpr std::uint16_t kShutdown = 37;
constexpr std::uint16_t kSplice = 167;
constexpr std::uint16_t kSendFile = 189;
constexpr std::uint16_t kFlock = 243;
constexpr std::uint16_t kSignal = 232;  // has no other half
constexpr std::uint16_t kExecve = 293;
constexpr std::uint16_t kExecveAt = 331;

bool is_accept(std::uint16_t exit) {
  return exit == 247 || exit == 249 || exit == 389;
}

}  // namespace

std::optional<std::uint64_t> size_asked(const TraceEvent& exit) {
  if (exit.enter == nullptr || exit.enter->param_count < 2) return std::nullopt;
  const ScapEvent enter = exit.enter->event(exit.raw.tid);
  const auto& params = shape_of(enter.type).info->params;
  if (params.size() < 2 || params[1].name != "size") return std::nullopt;
  return enter.number<std::uint32_t>(1);
}

std::string_view data_of(const TraceEvent& exit) {
  return exit.shape->data < 0 ? std::string_view()
                              : exit.raw.param(static_cast<std::size_t>(exit.shape->data));
}

ChannelEnd* Channel::end_of(const OpenFile* file) {
  const auto found = std::ranges::find(ends, file, [](const ChannelEnd& end) { return end.file.get(); });
  return found == ends.end() ? nullptr : &*found;
}

const Closing* Channel::last_closing(bool of_reader, const OpenFile* but_not) const {
  const Closing* last = nullptr;
  for (const ChannelEnd& end : ends) {
    const bool is_it = is_pipe ? (of_reader ? end.is_reader() : end.is_writer()) : end.file.get() != but_not;
    if (is_it && end.closing && (last == nullptr || end.closing.time >= last->time)) last = &end.closing;
  }
  return last;
}

bool Channel::was_written_after(const Closing& closing, const OpenFile& file) const {
  // The kernel closes the files of a process that ends a little after it says so.
  constexpr std::uint64_t kSettled = 100'000'000;  // nanoseconds
  return std::ranges::any_of(ends, [&](const ChannelEnd& end) {
    const bool is_ours = is_pipe || end.file.get() == &file;
    return is_ours && end.last_write && end.last_write_began > closing.time + kSettled;
  });
}

Channel* History::channel_of(const OpenFilePointer& file) {
  if (file == nullptr) return nullptr;
  const ChannelKey key = channel_key_of(*file);
  if (key.first == 0) return nullptr;
  const auto [found, is_new] = channels_.try_emplace(key);
  Channel& channel = found->second;
  if (!is_new && !channel.is_pipe && channel.end_of(file.get()) == nullptr && channel.ends.size() >= 2) {
    // The kernel, or the network, gives the numbers of a connection that has ended to another one.
    const bool has_ended =
        std::ranges::any_of(channel.ends, [](const ChannelEnd& end) { return bool(end.closing); });
    if (has_ended) channel = {};
  }
  if (channel.key == key) return &channel;
  channel.key = key;
  channel.is_pipe = file->type == FdType::Fifo || file->type == FdType::File;
  channel.is_named = channel.is_pipe && !file->name.empty();
  channel.is_whole = channel.is_pipe && !channel.is_named && file->was_opened_here;
  channel.name = text_of_file(*file);
  if (channels_.size() > channels_at_most_) {
    forget_old();
    return channel_of(file);
  }
  return &channel;
}

// Those that no process has open.
void History::forget_old() {
  std::erase_if(channels_, [](const auto& one) {
    const auto& ends = one.second.ends;
    return !ends.empty() &&
           std::ranges::all_of(ends, [](const ChannelEnd& end) { return end.file.use_count() == 1; });
  });
  channels_at_most_ = std::max(channels_at_most_, 2 * channels_.size());
}

Channel* History::channel_at(const ChannelKey& key) {
  const auto found = channels_.find(key);
  return found == channels_.end() ? nullptr : &found->second;
}

void History::for_each_channel(const std::function<void(Channel&)>& visit) {
  for (auto& [key, channel] : channels_) visit(channel);
}

ChannelEnd& History::end_at(Channel& channel, const OpenFilePointer& file) {
  if (ChannelEnd* const end = channel.end_of(file.get())) return *end;
  if (channel.ends.size() >= kMaxEnds) {
    // A FIFO that thousands have written to: those that have closed it are forgotten, the oldest first.
    const auto oldest = std::ranges::find_if(
        channel.ends, [](const ChannelEnd& end) { return end.file.use_count() == 1 && end.reads == 0; });
    channel.ends.erase(oldest == channel.ends.end() ? channel.ends.begin() : oldest);
  }
  channel.ends.push_back({.file = file});
  return channel.ends.back();
}

void History::take(const TraceEvent& event) {
  if (event.is_own) return take_own(event);
  if (!ended_.empty()) ended_.erase(event.thread->pid);  // the id has come again
  if (!stops_.empty()) note_continuing(event);
  switch (event.raw.type) {
    case kProcessExit:
      return take_end(event);
    case kSignal:
      return take_signal(event);
    case kExecve - 1:
    case kExecveAt - 1:
      return take_execution(event);
    case kClose:
      return note_closing(event, event.fd, event.file, false);
    default:
      if (event.is_exit()) take_exit(event);
  }
}

void History::take_own(const TraceEvent& event) {
  epolls_.take(event);
  if (event.raw.type != kPipeEvent) return;
  if (Channel* const channel = channel_of(event.file)) {
    channel->pipe = event.file->pipe;
    (void)end_at(*channel, event.file);
  }
}

void History::take_exit(const TraceEvent& event) {
  if (event.latency() >= kWorthKeeping) note_long(event);
  if (!event.has_result()) return;
  if (is_accept(event.raw.type) && event.result() >= 0 && event.file != nullptr) {
    if (accepts_.size() < kMaxThreads)
      accepts_[event.file->name.substr(event.file->name.rfind(' ') + 1)] = deed_of(event);
    if (Channel* const channel = channel_of(event.file)) end_at(*channel, event.file).was_accepted = true;
  }
  if (event.raw.type == kFlock && event.result() >= 0) return locks_.take(event);
  if (event.replaced != nullptr) return note_closing(event, event.fd, event.replaced, false);
  if (event.raw.type == kShutdown && event.result() >= 0) {
    if (Channel* const channel = channel_of(event.file))
      end_at(*channel, event.file).shutdown = deed_of(event);
    return;
  }
  if ((event.raw.type == kExecve || event.raw.type == kExecveAt) && !executions_.empty()) {
    const auto found = executions_.find(event.raw.tid);
    if (found == executions_.end()) return;
    if (event.result() == 0)
      for (const auto& [fd, file] : found->second) note_closing(event, fd, file, false);
    executions_.erase(found);
    return;
  }
  if (event.shape->reads || event.shape->writes) return take_bytes(event);
  if ((event.raw.type == kSplice || event.raw.type == kSendFile) && event.result() > 0) take_copy(event);
}

void History::take_bytes(const TraceEvent& event) {
  if (event.result() < 0) return;
  Channel* const channel = channel_of(event.file);
  if (channel == nullptr) return;
  ChannelEnd& end = end_at(*channel, event.file);
  const auto bytes = static_cast<std::uint64_t>(event.result());
  if (event.shape->reads) {
    if (end.last_read && event.raw.time >= end.last_read.time + kLongWait) end.before_pause = end.last_read;
    end.last_read = deed_of(event);
    if (bytes == 0) return;
    if (!end.first_read) end.first_read = end.last_read;
    ++end.reads;
    end.read += bytes;
    channel->read += bytes;
  } else {
    end.write_before = end.last_write.number;
    end.last_write = deed_of(event);
    end.last_write_began = event.enter != nullptr ? event.enter->time : 0;
    ++end.writes;
    end.written += bytes;
    channel->written += bytes;
    end.last_size = bytes;
    const std::string_view data = data_of(event);
    end.last_data.assign(data.substr(0, kMaxData));
    end.last_tail.assign(data.size() == bytes ? data.substr(data.size() - std::min(data.size(), kMaxData))
                                              : "");
    if (std::ranges::find(end.writers, event.thread->pid) == end.writers.end() &&
        end.writers.size() < kMaxWriters)
      end.writers.push_back(event.thread->pid);
  }
}

// Such a call reads from one descriptor and writes to another.
void History::take_copy(const TraceEvent& event) {
  if (event.enter == nullptr) return;
  const ScapEvent enter = event.enter->event(event.raw.tid);
  const auto bytes = static_cast<std::uint64_t>(event.result());
  for (const std::size_t param : {std::size_t{0}, std::size_t{1}}) {
    const bool reads = (param == 0) == (event.raw.type == kSplice);
    const OpenFilePointer& file = event.thread->fds->find(enter.number<std::int64_t>(param));
    Channel* const channel = channel_of(file);
    if (channel == nullptr) continue;
    ChannelEnd& end = end_at(*channel, file);
    channel->is_whole = false;
    Deed deed = deed_of(event);
    deed.fd = enter.number<std::int64_t>(param);
    if (reads) {
      end.last_read = deed;
      if (!end.first_read) end.first_read = deed;
      ++end.reads;
      end.read += bytes;
      channel->read += bytes;
    } else {
      end.last_write = deed;
      ++end.writes;
      end.written += bytes;
      channel->written += bytes;
    }
  }
}

void History::note_closing(const TraceEvent& event, std::int64_t fd, const OpenFilePointer& file,
                           bool by_end) {
  Channel* const channel = channel_of(file);
  if (channel == nullptr) return;
  Closing closing;
  static_cast<Deed&>(closing) = deed_of(event);
  if (event.enter != nullptr) {
    closing.time = event.enter->time;
    closing.number = event.enter->number;
  }
  closing.fd = fd;
  closing.by_end = by_end;
  if (by_end) closing.signal = event.raw.number<std::uint8_t>(2);
  closing.is_inherited = file->opener_pid != event.thread->pid;
  closing.is_orphan = has_ended(event.thread->parent);
  end_at(*channel, file).closing = std::move(closing);
}

// The kernel closes what the process has open, without an event.
void History::take_end(const TraceEvent& event) {
  long_calls_.erase(event.raw.tid);
  executions_.erase(event.raw.tid);
  if (event.thread->fds.use_count() > 1) return;  // other threads have it
  stops_.erase(event.thread->pid);
  if (ended_.size() >= kMaxProcesses) ended_.clear();
  ended_.insert(event.thread->pid);
  if (child_ends_.size() >= kMaxProcesses) child_ends_.clear();
  ChildEnds& ends = child_ends_[event.thread->parent];
  ends.time_before = ends.last.time;
  ends.last = deed_of(event);
  event.thread->fds->for_each([&](std::int64_t fd, const OpenFile& /*file*/, bool /*close_on_exec*/) {
    note_closing(event, fd, event.thread->fds->find(fd), true);
  });
}

void History::take_execution(const TraceEvent& event) {
  std::vector<std::pair<std::int64_t, OpenFilePointer>> closing;
  event.thread->fds->for_each([&](std::int64_t fd, const OpenFile& file, bool close_on_exec) {
    if (close_on_exec && channel_key_of(file).first != 0)
      closing.emplace_back(fd, event.thread->fds->find(fd));
  });
  if (!closing.empty()) executions_[event.raw.tid] = std::move(closing);
}

void History::take_signal(const TraceEvent& event) {
  const auto signal = event.raw.number<std::uint8_t>(2);
  if (signal != SIGSTOP && signal != SIGTSTP && signal != SIGTTIN && signal != SIGTTOU) return;
  Stop stop;
  static_cast<Deed&>(stop) = deed_of(event);
  stops_[event.thread->pid] = std::move(stop);
}

// SIGCONT is not delivered to a process that does not handle it. The call in which the signal came may end
// after it.
void History::note_continuing(const TraceEvent& event) {
  if (event.is_exit() || event.raw.type == kSignal) return;
  const auto found = stops_.find(event.thread->pid);
  if (found != stops_.end() && found->second.until == 0) found->second.until = event.raw.time;
}

void History::note_long(const TraceEvent& event) {
  if (long_calls_.size() > kMaxThreads) long_calls_.clear();
  std::vector<LongCall>& calls = long_calls_[event.raw.tid];
  if (calls.size() >= kMaxLongCalls) calls.erase(calls.begin());
  calls.push_back(call_of(event));
}

std::vector<Holder> History::holders(const Channel& channel) const {
  std::vector<Holder> found;
  model_.for_each_thread([&](const Thread& thread) {
    // Threads of a process share a table; of one whose main thread has ended, another has it.
    if (thread.tid != thread.pid) return;
    thread.fds->for_each([&](std::int64_t fd, const OpenFile& file, bool /*close_on_exec*/) {
      if (channel_key_of(file) == channel.key) found.push_back({&thread, fd, thread.fds->find(fd)});
    });
  });
  std::ranges::sort(found, {}, [](const Holder& one) { return std::pair(one.process->pid, one.fd); });
  return found;
}

std::optional<LongCall> History::long_call(std::int64_t tid, std::uint64_t from, std::uint64_t to) const {
  std::optional<LongCall> longest;
  std::uint64_t most = 0;
  const auto consider = [&](const LongCall& call) {
    const std::uint64_t begin = std::max(from, call.begin);
    const std::uint64_t end = std::min(to, call.end);
    if (end <= begin || end - begin <= most) return;
    most = end - begin;
    longest = call;
  };
  if (const auto found = long_calls_.find(tid); found != long_calls_.end())
    std::ranges::for_each(found->second, consider);
  const Thread* const thread = model_.find_thread(tid);
  if (thread != nullptr && thread->pending.is_open) {
    Thread copy = *thread;
    LongCall call = call_of(model_.pending_of(copy));
    call.end = std::max(to, call.end);
    consider(call);
  }
  if (most * 2 < to - from) return std::nullopt;  // it did something else most of the time
  return longest;
}

std::optional<Stop> History::stopped(std::int64_t pid, std::uint64_t from, std::uint64_t to) const {
  const auto found = stops_.find(pid);
  if (found == stops_.end()) return std::nullopt;
  const Stop& stop = found->second;
  const std::uint64_t begin = std::max(from, stop.time);
  const std::uint64_t end = stop.until == 0 ? to : std::min(to, stop.until);
  if (end <= begin || (end - begin) * 2 < to - from) return std::nullopt;
  return stop;
}

const Channel* History::fifo_at(const std::string& path) const {
  for (const auto& [key, channel] : channels_) {
    if (channel.is_named && !channel.ends.empty() && channel.ends.front().file->name == path) return &channel;
  }
  return nullptr;
}

Deed History::only_child_end(std::int64_t pid, std::uint64_t from, std::uint64_t to) const {
  const auto found = child_ends_.find(pid);
  if (found == child_ends_.end()) return {};
  const auto& [last, time_before] = found->second;
  return last.time >= from && last.time <= to && time_before < from ? last : Deed{};
}

Deed History::last_accept(const std::string& path) const {
  const auto found = accepts_.find(path);
  return found == accepts_.end() ? Deed{} : found->second;
}

}  // namespace slurper
