#include "trace/view/failed_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <iterator>
#include <utility>

#include "base/text.h"
#include "trace/view/trace_view.h"

namespace slurper {

namespace {

constexpr std::size_t kMaxFailures = 10'000;
constexpr std::size_t kMaxStories = 50;
constexpr std::size_t kMaxClosed = 100'000;  // pipes, and connections

std::string clock_of(std::uint64_t time) {
  std::string text;
  append_clock(text, time);
  return text;
}

// Of the call's name, its paths, its descriptor and its result: calls of one kind have failed alike.
std::string kind_of(const TraceEvent& event, std::string_view call, std::int64_t result) {
  std::string kind = fmt::format("{} {} {} {}", event.thread->pid, call, result, event.fd);
  if (event.file != nullptr) append_file(kind, *event.file);
  if (event.shape->info == nullptr) return kind;  // of slurper's own
  const auto& params = event.shape->info->params;
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (params[i].type != ParamType::Path && params[i].type != ParamType::RelPath) continue;
    kind += ' ';
    kind += text_of(event.raw.param(i));
  }
  return kind;
}

}  // namespace

std::string process_of(const TraceEvent& event) {
  std::string process;
  const std::string& name = event.model->process_name(*event.thread);
  append_name(process, name.empty() ? "<NA>" : name);
  return fmt::format("{} ({})", process, event.thread->pid);
}

FailedCalls::Connection FailedCalls::connection_of(const OpenFile* file) {
  if (file == nullptr || file->type != FdType::Unix || file->unix_source == 0) return {};
  return std::minmax(file->unix_source, file->unix_target);
}

std::string FailedCalls::story_of(const TraceEvent& event) const {
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
void FailedCalls::take_pipe(const TraceEvent& event) {
  if (last_ >= failures_.size() || event.file == nullptr) return;
  Failure& last = failures_[last_];
  if (last.tid != event.raw.tid || last.last_time != event.raw.time || last.fd != event.fd) return;
  if (std::exchange(last.has_pipe, true)) return;
  const auto& pipe = event.file->pipe;
  last.story += fmt::format("; the pipe had {} of {} slots in use, {}, {}", pipe.slots, pipe.slots_at_most,
                            counted(pipe.readers, "reader"), counted(pipe.writers, "writer"));
}

bool FailedCalls::is_known(const std::string& kind, const TraceEvent& event) {
  const auto place = places_.find(kind);
  if (place != places_.end()) {
    Failure& failure = failures_[place->second];
    ++failure.count;
    failure.last_time = event.raw.time;
    failure.tid = event.raw.tid;
    last_ = place->second;
    return true;
  }
  if (failures_.size() >= kMaxFailures) {
    ++left_out_;
    last_ = failures_.size();
    return true;
  }
  places_[kind] = last_ = failures_.size();
  return false;
}

void FailedCalls::add(const TraceEvent& event, std::int64_t result, std::string text) {
  failures_.push_back({.text = std::move(text),
                       .story = event.fd < 0 ? std::string() : story_of(event),
                       .peer = connection_of(event.file.get()),
                       .is_missing = result == -ENOENT,
                       .is_broken = result == -EPIPE || result == -ECONNRESET,
                       .time = event.raw.time,
                       .tid = event.raw.tid,
                       .pid = event.thread->pid,
                       .fd = event.fd,
                       .last_time = event.raw.time});
}

void FailedCalls::take(const TraceEvent& exit) {
  if (is_known(kind_of(exit, event_name(exit), exit.result()), exit)) return;
  std::string text;
  append_call(text, {exit, options_, scratch_});
  add(exit, exit.result(), std::move(text));
}

void FailedCalls::take_result(const TraceEvent& result) {
  TraceEvent event = result;
  event.fd = generic_descriptor(result);
  event.file = event.thread->fds->find(event.fd);
  const auto value = result.raw.number<std::int64_t>(0);
  if (is_known(kind_of(event, generic_call_name(result), value), event)) return;
  std::string text;
  append_generic_call(text, {event, options_, scratch_});
  add(event, value, std::move(text));
}

void FailedCalls::take_close(const TraceEvent& event) {
  constexpr std::uint16_t kCloseExit = 5;
  if (event.raw.type != kCloseExit || event.result() < 0) return;
  if (event.file != nullptr) note_closed(event, event.fd, *event.file, "");
}

// The kernel closes what the process has open, without an event.
void FailedCalls::take_end(const TraceEvent& event) {
  if (event.thread->fds.use_count() > 1) return;  // other threads have it
  event.thread->fds->for_each([&](std::int64_t fd, const OpenFile& file, bool /*close_on_exec*/) {
    note_closed(event, fd, file, ", by its end");
  });
}

void FailedCalls::note_closed(const TraceEvent& event, std::int64_t fd, const OpenFile& file,
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

// A program that starts looks for files in many places: what is not there gives way to other failures, and
// what has failed rarely to what has failed often.
std::vector<const FailedCalls::Failure*> FailedCalls::most_telling() const {
  std::vector<const Failure*> chosen;
  for (const Failure& one : failures_) chosen.push_back(&one);
  if (chosen.size() <= kMaxStories) return chosen;
  std::ranges::stable_sort(chosen, std::less(),
                           [](const Failure* one) { return std::pair(one->is_missing, ~one->count); });
  chosen.resize(kMaxStories);
  std::ranges::sort(chosen);
  return chosen;
}

void FailedCalls::append(std::string& out) const {
  if (!failures_.empty()) out += "\nThe failed calls:\n";
  std::uint64_t more = left_out_;
  for (const Failure& one : failures_) more += one.count;
  for (const Failure* const chosen : most_telling()) {
    const Failure& one = *chosen;
    more -= one.count;
    out.append(one.text).append("\n");
    if (one.count > 1)
      fmt::format_to(std::back_inserter(out), "    the first of {} such calls; the last ended at {}\n",
                     one.count, clock_of(one.last_time));
    if (!one.story.empty()) out.append("    ").append(one.story).append("\n");
    if (one.peer.first != 0) append_closed(out, one);
  }
  if (more > 0) fmt::format_to(std::back_inserter(out), "and {}\n", counted(more, "more failed call"));
}

void FailedCalls::append_closed(std::string& out, const Failure& failure) const {
  const auto found = closed_.find(failure.peer);
  const auto ends = found == closed_.end() ? std::vector<Closed>() : found->second;
  const bool is_explained = std::ranges::any_of(
      ends, [&](const Closed& end) { return end.pid != failure.pid || end.time <= failure.time; });
  if (failure.is_broken && !is_explained)
    out += "    who closed the other end was not recorded (see --peers)\n";
  for (const Closed& end : ends)
    fmt::format_to(std::back_inserter(out), "    closed at {} by {}\n", clock_of(end.time), end.by);
}

}  // namespace slurper
