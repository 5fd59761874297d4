#include "trace/view/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "trace/own_events.h"
#include "trace/view/trace_view.h"

namespace slurper {

namespace {

constexpr std::size_t kSlowest = 10;
constexpr std::size_t kMaxFailures = 50;
constexpr std::size_t kMaxRows = 20;
constexpr std::size_t kMaxClosed = 100'000;  // pipes, and connections

// The calls that move bytes from one descriptor to another: enter types.
constexpr std::uint16_t kSplice = 166;
constexpr std::uint16_t kSendFile = 188;
constexpr std::uint16_t kCopyFileRange = 332;
constexpr std::uint16_t kProcessExit = 186;

std::string process_of(const TraceEvent& event) {
  std::string process;
  append_name(process, event.thread->name.empty() ? "<NA>" : event.thread->name);
  return fmt::format("{} ({})", process, event.thread->pid);
}

std::string seconds(std::uint64_t nanoseconds) {
  std::string text;
  append_seconds(text, nanoseconds);
  return text;
}

// The rows that took the most time, and how many were left out.
template <typename Map, typename NameOf>
void append_table(std::string& out, std::string_view title, const Map& map, const NameOf& name_of) {
  std::vector<typename Map::const_iterator> rows;
  for (auto row = map.begin(); row != map.end(); ++row) rows.push_back(row);
  std::ranges::stable_sort(rows, std::greater(), [](const auto& row) { return row->second.time; });
  fmt::format_to(std::back_inserter(out), "\n{:>9} {:>7} {:>12} {:>12} {:>14}  {}\n", "calls", "errors",
                 "read", "written", "time", title);
  for (std::size_t i = 0; i < std::min(rows.size(), kMaxRows); ++i) {
    const auto& one = rows[i]->second;
    fmt::format_to(std::back_inserter(out), "{:>9} {:>7} {:>12} {:>12} {:>14}  {}\n", one.calls, one.errors,
                   one.read, one.written, seconds(one.time), name_of(rows[i]->first));
  }
  if (rows.size() > kMaxRows)
    fmt::format_to(std::back_inserter(out), "and {} more that took less time\n", rows.size() - kMaxRows);
}

// A child's first event is the end of the call that made it: its parent's.
bool is_begin_of_child(const TraceEvent& event) {
  return is_clone_exit(event.raw.type) && event.enter == nullptr && event.result() == 0;
}

std::pair<std::uint64_t, std::uint64_t> connection_of(const OpenFile* file) {
  if (file == nullptr || file->type != FdType::Unix || file->unix_source == 0) return {};
  return std::minmax(file->unix_source, file->unix_target);
}

std::string clock_of(std::uint64_t time) {
  std::string text;
  append_clock(text, time);
  return text;
}

}  // namespace

TraceSummary::TraceSummary(const Model& model, const ViewOptions& options)
    : model_(model), options_(options) {}

void TraceSummary::take(const TraceEvent& event) {
  if (++events_ == 1) first_time_ = event.raw.time;
  last_time_ = std::max(last_time_, event.raw.time);
  if (event.raw.type == kProcessExit) {
    note_end(event);
    return take_end(event);
  }
  if (!event.is_exit() || is_begin_of_child(event)) return;
  const std::string process = process_of(event);
  Totals& of_process = processes_[process];
  Totals& of_call = calls_[std::string(event_name(event))];
  Totals nothing;
  Totals& of_fd = event.fd < 0 ? nothing : totals_of(process, event.fd, event.file.get());
  const bool failed = event.has_result() && is_failure(event.result());
  for (Totals* totals : {&of_process, &of_call, &of_fd}) {
    ++totals->calls;
    totals->errors += failed ? 1 : 0;
    totals->time += event.latency();
  }
  count_bytes(event, of_process, of_fd);
  note_slow(event);
  if (failed) note_failure(event);
  note_close(event);
}

void TraceSummary::count_unfinished(const TraceEvent& enter, std::uint64_t time) {
  const std::string process = process_of(enter);
  Totals nothing;
  Totals& of_fd = enter.fd < 0 ? nothing : totals_of(process, enter.fd, enter.file.get());
  for (Totals* totals : {&processes_[process], &calls_[std::string(event_name(enter))], &of_fd}) {
    ++totals->calls;
    totals->time += time;
  }
}

void TraceSummary::take_unfinished(const TraceEvent& enter) {
  const std::uint64_t time = model_.last_time() - std::min(model_.last_time(), enter.raw.time);
  count_unfinished(enter, time);
  if (++unfinished_count_ > kMaxRows) return;
  std::string text;
  append_unfinished(text, {enter, options_, scratch_});
  unfinished_.push_back(fmt::format("{} for {} s", text, seconds(time)));
}

// exit(2) does not return, nor does the call in which a signal kills a process.
void TraceSummary::take_end(const TraceEvent& event) {
  if (!event.thread->pending.is_open || event.thread->pending.is_hidden) return;
  const TraceEvent last = model_.pending_of(*event.thread);
  count_unfinished(last, event.raw.time - std::min(event.raw.time, last.raw.time));
}

void TraceSummary::take_unseen(const TraceEvent& event, std::string_view note) {
  unseen_.push_back(fmt::format("{} {}", process_of(event), note));
}

void TraceSummary::take_own(const TraceEvent& event) {
  if (event.raw.type == kDropsEvent) lost_ += event.raw.number<std::uint64_t>(1);
  if (event.raw.type == kPipeEvent) note_pipe(event);
  if (event.raw.type != kResultEvent || !is_failure(event.raw.number<std::int64_t>(0))) return;
  // A call that sysdig knows by name only: its exit was counted already.
  ++processes_[process_of(event)].errors;
  if (++failure_count_ > kMaxFailures) return;
  std::string text = clock_of(event.raw.time) + ' ' + process_of(event) + ' ';
  append_own_event(text, {event, options_, scratch_});
  failures_.push_back({.text = std::move(text), .story = {}, .peer = {}, .time = event.raw.time});
}

TraceSummary::Totals& TraceSummary::totals_of(const std::string& process, std::int64_t fd,
                                              const OpenFile* file) {
  std::string text = std::to_string(fd);
  if (file != nullptr) {
    text += ' ';
    append_file(text, *file);
  }
  return fds_[{process, std::move(text)}];
}

void TraceSummary::count_bytes(const TraceEvent& event, Totals& process, Totals& fd) {
  if (!event.has_result() || event.result() <= 0) return;
  const auto bytes = static_cast<std::uint64_t>(event.result());
  const auto call = static_cast<std::uint16_t>(event.raw.type - 1);
  if (call == kSplice || call == kSendFile || call == kCopyFileRange) {
    count_copy(event, bytes, process);
  } else if (event.shape->reads) {
    process.read += bytes;
    fd.read += bytes;
  } else if (event.shape->writes) {
    process.written += bytes;
    fd.written += bytes;
  }
}

// Such a call reads from one descriptor and writes to another.
void TraceSummary::count_copy(const TraceEvent& event, std::uint64_t bytes, Totals& process) {
  if (event.enter == nullptr) return;
  const ScapEvent enter = event.enter->event(event.raw.tid);
  std::int64_t from = enter.number<std::int64_t>(0);
  std::int64_t to = enter.number<std::int64_t>(1);
  if (enter.type == kSendFile) {
    std::swap(from, to);
  } else if (enter.type == kCopyFileRange) {
    to = event.raw.number<std::int64_t>(1);
  } else if (enter.type != kSplice) {
    return;
  }
  const std::string name = process_of(event);
  process.read += bytes;
  process.written += bytes;
  totals_of(name, from, event.thread->fds->find(from).get()).read += bytes;
  totals_of(name, to, event.thread->fds->find(to).get()).written += bytes;
}

std::string TraceSummary::line_of(const TraceEvent& event) {
  std::string text;
  append_call(text, {event, options_, scratch_});
  return text;
}

void TraceSummary::note_slow(const TraceEvent& event) {
  const std::uint64_t latency = event.latency();
  const bool has_room = slowest_.size() < kSlowest;
  if (latency == 0 || (!has_room && latency <= slowest_.back().latency)) return;
  if (!has_room) slowest_.pop_back();
  const auto place = std::ranges::upper_bound(slowest_, latency, std::greater(), &Slow::latency);
  slowest_.insert(place, {.latency = latency, .text = line_of(event)});
}

std::string TraceSummary::story_of(const TraceEvent& event) const {
  const OpenFile* const file = event.file.get();
  if (file == nullptr) return "nothing is known of the descriptor";
  std::string story = "opened before the recording began";
  if (file->was_opened_here) {
    std::string opener;
    append_name(opener, file->opener);
    story = fmt::format("opened at {} by {} ({}), uid {}", clock_of(file->opened_at), opener,
                        file->opener_pid, static_cast<std::int32_t>(file->opener_uid));
  }
  const auto closed = pipes_closed_.find(file->inode);
  if (file->inode != 0 && closed != pipes_closed_.end())
    story += fmt::format("; a descriptor of the pipe was closed last at {} by {}",
                         clock_of(closed->second.time), closed->second.by);
  if (file->type == FdType::Unix && file->unix_source != 0) {
    const auto pid = model_.pid_of_peer(*file, event.thread->pid);
    const Thread* const peer = pid ? model_.find_thread(*pid) : nullptr;
    if (peer == nullptr) {
      story += "; the capture does not know who is at the other end";
    } else {
      story += "; at the other end: ";
      append_name(story, peer->name);
      story += fmt::format(" ({})", peer->pid);
    }
  }
  return story;
}

// The recorder writes the state of a pipe behind the call that failed on it.
void TraceSummary::note_pipe(const TraceEvent& event) {
  if (failures_.empty() || event.file == nullptr) return;
  Failure& last = failures_.back();
  if (last.tid != event.raw.tid || last.time != event.raw.time || last.fd != event.fd) return;
  const auto& pipe = event.file->pipe;
  last.story += fmt::format("; the pipe had {} of {} slots in use, {} readers, {} writers", pipe.slots,
                            pipe.slots_at_most, pipe.readers, pipe.writers);
}

void TraceSummary::note_failure(const TraceEvent& event) {
  if (++failure_count_ > kMaxFailures) return;
  failures_.push_back({.text = line_of(event),
                       .story = event.fd < 0 ? std::string() : story_of(event),
                       .peer = connection_of(event.file.get()),
                       .is_broken = event.result() == -EPIPE || event.result() == -ECONNRESET,
                       .time = event.raw.time,
                       .tid = event.raw.tid,
                       .pid = event.thread->pid,
                       .fd = event.fd});
}

void TraceSummary::note_close(const TraceEvent& event) {
  constexpr std::uint16_t kCloseExit = 5;
  if (event.raw.type != kCloseExit || event.result() < 0) return;
  if (event.file != nullptr) note_closed(event, event.fd, *event.file, "");
}

// The kernel closes what the process has open, without an event.
void TraceSummary::note_end(const TraceEvent& event) {
  if (event.thread->fds.use_count() > 1) return;  // other threads have it
  event.thread->fds->for_each([&](std::int64_t fd, const OpenFile& file, bool /*close_on_exec*/) {
    note_closed(event, fd, file, ", by its end");
  });
}

void TraceSummary::note_closed(const TraceEvent& event, std::int64_t fd, const OpenFile& file,
                               std::string_view how) {
  const auto connection = connection_of(&file);
  const bool is_pipe = file.inode != 0 && (file.type == FdType::Fifo || file.pipe.is_known);
  if (connection.first == 0 && !is_pipe) return;
  Closed closed{.time = event.raw.time,
                .pid = event.thread->pid,
                .by = fmt::format("{} fd {}{}", process_of(event), fd, how)};
  // What was closed long ago has made the calls fail that it makes fail.
  if (pipes_closed_.size() >= kMaxClosed) pipes_closed_.clear();
  if (closed_.size() >= kMaxClosed)
    std::erase_if(closed_, [this](const auto& end) {
      return std::ranges::find(failures_, end.first, &Failure::peer) == failures_.end();
    });
  if (is_pipe) {
    pipes_closed_[file.inode] = std::move(closed);
  } else {
    closed_[connection].push_back(std::move(closed));
  }
}

void TraceSummary::append(std::string& out) const {
  fmt::format_to(std::back_inserter(out), "{} events in {} s\n", events_, seconds(last_time_ - first_time_));
  if (lost_ > 0)
    fmt::format_to(std::back_inserter(out), "{} records were lost: all numbers are too small by them\n",
                   lost_);
  for (const std::string& one : unseen_) out.append(one).append("\n");
  append_table(out, "process", processes_, [](const std::string& name) { return name; });
  append_table(out, "call", calls_, [](const std::string& name) { return name; });
  append_table(out, "process and descriptor", fds_,
               [](const Key& key) { return key.first + ' ' + key.second; });
  if (!slowest_.empty()) out += "\nThe slowest calls:\n";
  for (const Slow& one : slowest_) out.append(one.text).append("\n");
  if (!unfinished_.empty()) out += "\nThe calls that had not ended:\n";
  for (const std::string& one : unfinished_) out.append(one).append("\n");
  if (unfinished_count_ > unfinished_.size())
    fmt::format_to(std::back_inserter(out), "and {} more\n", unfinished_count_ - unfinished_.size());
  if (failure_count_ > 0) out += "\nThe failed calls:\n";
  for (const Failure& one : failures_) {
    out.append(one.text).append("\n");
    if (!one.story.empty()) out.append("    ").append(one.story).append("\n");
    if (one.peer.first == 0) continue;
    const auto found = closed_.find(one.peer);
    const auto ends = found == closed_.end() ? std::vector<Closed>() : found->second;
    const bool is_explained = std::ranges::any_of(
        ends, [&](const Closed& end) { return end.pid != one.pid || end.time <= one.time; });
    if (one.is_broken && !is_explained)
      out += "    who closed the other end was not recorded (see --peers)\n";
    for (const Closed& end : ends)
      fmt::format_to(std::back_inserter(out), "    closed at {} by {}\n", clock_of(end.time), end.by);
  }
  if (failure_count_ > kMaxFailures)
    fmt::format_to(std::back_inserter(out), "and {} more\n", failure_count_ - kMaxFailures);
}

}  // namespace slurper
