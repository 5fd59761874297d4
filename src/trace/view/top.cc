#include "trace/view/top.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "base/screen_text.h"
#include "base/text.h"
#include "trace/own_events.h"
#include "trace/view/failed_calls.h"
#include "trace/view/moved_bytes.h"

namespace slurper {

namespace {

constexpr std::size_t kMaxTroubles = 50;
constexpr std::size_t kMaxPipes = 1000;
constexpr std::int64_t kPageSize = 4096;  // of a slot
constexpr double kNanoseconds = 1e9;

std::string fill_of(std::int64_t part, std::int64_t whole) {
  return bar(static_cast<std::uint64_t>(std::max<std::int64_t>(part, 0)), static_cast<std::uint64_t>(whole));
}

// What a program meets in the ordinary course of things.
bool is_ordinary(const TraceEvent& exit, std::int64_t error) {
  if (error == EAGAIN) return !exit.shape->writes;
  return error == ENOTTY || error == ESPIPE || error == EBADF || error == EINPROGRESS || error == EINTR;
}

// "pipe:[24542537]" of a pipe without a name.
std::string name_of(const OpenFile& file) {
  std::string name;
  append_name(name, file.name);
  return name.empty() && file.inode != 0 ? fmt::format("pipe:[{}]", file.inode) : name;
}

}  // namespace

TraceTop::Process& TraceTop::process_of(const TraceEvent& event) {
  Process& process = processes_[event.thread->pid];
  std::string name = slurper::process_of(event);
  if (process.has_ended) process = {};  // its number was given to another
  process.name = std::move(name);
  return process;
}

TraceTop::Pipe* TraceTop::pipe_of(const OpenFilePointer& file, std::uint64_t time) {
  if (file == nullptr || file->inode == 0 || (file->type != FdType::Fifo && !file->is_pipe)) return nullptr;
  if (pipes_.size() >= kMaxPipes && !pipes_.contains(file->inode))
    pipes_.erase(std::ranges::min_element(pipes_, {}, [](const auto& one) { return one.second.used_at; }));
  Pipe& pipe = pipes_[file->inode];
  if (pipe.name.empty()) pipe.name = name_of(*file);
  pipe.used_at = time;
  return &pipe;
}

void TraceTop::take(const TraceEvent& event) {
  if (event.raw.type == kDropsEvent) lost_ += event.raw.number<std::uint64_t>(1);
  if (event.raw.type == kPipeEvent) note_state(event);
  if (event.is_own) return;
  ++events_;
  if (event.raw.type == kProcessExit) {
    const bool is_last = event.thread->fds.use_count() == 1;  // other threads would have the table, too
    const auto found = processes_.find(event.thread->pid);
    if (is_last && found != processes_.end()) found->second.has_ended = true;
    return;
  }
  Process& process = process_of(event);
  if (!event.is_exit()) return;
  ++process.now.calls;
  if (event.has_result() && is_failure(event.result())) {
    ++process.now.errors;
    note_failure(event);
  }
  count(event);
}

void TraceTop::count(const TraceEvent& exit) {
  const MovedBytes moved = moved_bytes(exit);
  if (moved.count == 0) return;
  Rates& process = processes_[exit.thread->pid].now;
  const auto count = static_cast<std::int64_t>(moved.count);
  const auto count_in_pipe = [&](std::int64_t fd, std::uint64_t Rates::* rate, bool Pipe::* was_seen,
                                 std::int64_t change) {
    process.*rate += moved.count;
    Pipe* const pipe = pipe_of(fd == exit.fd ? exit.file : exit.thread->fds->find(fd), exit.raw.time);
    if (pipe == nullptr) return;
    pipe->now.*rate += moved.count;
    pipe->*was_seen = true;
    pipe->state_is_old = true;
    pipe->bytes = std::max<std::int64_t>(pipe->bytes + change, 0);
  };
  if (moved.from != kNoFd) count_in_pipe(moved.from, &Rates::read, &Pipe::was_read, -count);
  if (moved.to != kNoFd) count_in_pipe(moved.to, &Rates::written, &Pipe::was_written, count);
}

void TraceTop::note_state(const TraceEvent& event) {
  Pipe* const pipe = pipe_of(event.file, event.raw.time);
  if (pipe == nullptr || !event.file->pipe.is_known) return;
  pipe->state = event.file->pipe;
  pipe->state_is_old = false;
  const std::int64_t most = std::int64_t{pipe->state.slots} * kPageSize;
  pipe->bytes = pipe->was_read && pipe->was_written ? std::min(pipe->bytes, most) : most;
}

void TraceTop::note_failure(const TraceEvent& exit) {
  if (exit.fd < 0 || is_ordinary(exit, -exit.result())) return;
  std::string text = fmt::format("{} {}: {}, descriptor {}", slurper::process_of(exit), event_name(exit),
                                 errno_name(-exit.result()), exit.fd);
  if (exit.file != nullptr) text.append(" ").append(name_of(*exit.file));
  note_trouble(exit.raw.time, std::move(text));
}

void TraceTop::take_finding(std::uint64_t time, std::string text) {
  note_trouble(time, std::move(text));
}

void TraceTop::note_trouble(std::uint64_t time, std::string text) {
  auto known = std::ranges::find(troubles_, text, &Trouble::text);
  Trouble trouble{.time = time, .count = 1, .text = std::move(text)};
  if (known != troubles_.end()) {
    trouble.count += known->count;
    troubles_.erase(known);
  }
  troubles_.push_front(std::move(trouble));
  if (troubles_.size() > kMaxTroubles) troubles_.pop_back();
}

void TraceTop::find_sleepers() {
  for (auto& [pid, process] : processes_) process.since = 0;
  // In order of time: the first of a process sleeps longest.
  model_.for_each_pending([this](TraceEvent& enter) {
    const auto found = processes_.find(enter.thread->pid);
    if (found == processes_.end() || found->second.since != 0) return;
    Process& process = found->second;
    process.since = enter.raw.time;
    process.began_earlier = enter.thread->pending.was_blocked;
    process.call = event_name(enter);
    process.path.clear();
    if (enter.fd < 0) return;
    process.call += ' ';
    append_number(process.call, enter.fd);
    if (enter.file == nullptr) return;
    process.path = name_of(*enter.file);
    (void)pipe_of(enter.file, enter.raw.time);  // in which nothing may move
  });
}

// Those that no process has open any more, and in which nothing has moved.
void TraceTop::forget_closed_pipes() {
  std::set<std::uint64_t> open;
  model_.for_each_thread([&open](const Thread& thread) {
    if (thread.has_ended) return;
    thread.fds->for_each([&open](std::int64_t /*fd*/, const OpenFile& file, bool /*close_on_exec*/) {
      if (file.inode != 0) open.insert(file.inode);
    });
  });
  std::erase_if(pipes_, [&open](const auto& one) {
    const Rates& now = one.second.now;
    return now.read == 0 && now.written == 0 && !open.contains(one.first);
  });
}

std::string TraceTop::heading(double seconds, std::uint64_t now) const {
  std::string text = "slurper trace --top  ";
  std::string time;
  append_clock(time, now);
  text.append(time, 0, time.find('.'));
  text += fmt::format("  {} events/s", events_ == 0 ? "0" : rate(events_, seconds));
  if (lost_ > 0) text += fmt::format("  {} lost", counted(lost_, "record"));
  return text;
}

TraceTop::Rows TraceTop::pipe_rows(std::size_t most, std::size_t columns, double seconds) const {
  constexpr std::size_t kFixed = 55;
  std::vector<const Pipe*> pipes;
  for (const auto& [inode, pipe] : pipes_) pipes.push_back(&pipe);
  std::ranges::stable_sort(pipes, std::greater(),
                           [](const Pipe* pipe) { return pipe->now.read + pipe->now.written; });
  Rows rows;
  if (pipes.empty() || most < 2) return rows;
  const std::size_t width = columns - std::min(columns, kFixed);
  constexpr std::string_view kRow = "{} {:<8} {:>8} {:>5} {:>8} {:>9} {:>4} {:>4}";
  rows.push_back(
      fmt::format(kRow, fitted("PIPE", width), "ABOUT", "", "SLOTS", "READ/s", "WRITTEN/s", "RDRS", "WTRS"));
  for (const Pipe* const pipe : pipes) {
    if (rows.size() == most) break;
    const PipeState& state = pipe->state;
    const bool is_estimable = state.is_known || (pipe->was_read && pipe->was_written);
    const std::int64_t whole = std::int64_t{state.slots_at_most} * kPageSize;
    const auto known = [&](const std::string& text) { return state.is_known ? text : "?"; };
    rows.push_back(fmt::format(
        kRow, fitted_path(pipe->name, width), is_estimable && whole > 0 ? fill_of(pipe->bytes, whole) : "",
        is_estimable ? format_rounded(ByteSize{static_cast<std::uint64_t>(pipe->bytes)}) : "?",
        state.is_known && !pipe->state_is_old ? fmt::format("{}/{}", state.slots, state.slots_at_most) : "?",
        byte_rate(pipe->now.read, seconds), byte_rate(pipe->now.written, seconds),
        known(std::to_string(state.readers)), known(std::to_string(state.writers))));
  }
  return rows;
}

TraceTop::Rows TraceTop::process_rows(std::size_t most, std::size_t columns, double seconds,
                                      std::uint64_t now) const {
  constexpr std::size_t kName = 22;
  constexpr std::size_t kFixed = kName + 37;
  std::vector<const Process*> processes;
  for (const auto& [pid, process] : processes_) processes.push_back(&process);
  // Those that sleep longest first, among those that do nothing.
  std::ranges::stable_sort(processes, [](const Process* one, const Process* other) {
    if (one->has_ended != other->has_ended) return other->has_ended;
    if (one->now.calls != other->now.calls) return one->now.calls > other->now.calls;
    constexpr auto kNever = std::numeric_limits<std::uint64_t>::max();
    return (one->since == 0 ? kNever : one->since) < (other->since == 0 ? kNever : other->since);
  });
  Rows rows;
  if (most < 2) return rows;
  rows.push_back(fmt::format("{} {:>8} {:>6} {:>9} {:>9} {}", fitted("PROCESS", kName), "CALLS/s", "ERR/s",
                             "READ/s", "WRITTEN/s", fitted("IN", columns - std::min(columns, kFixed))));
  for (const Process* const process : processes) {
    if (rows.size() == most) break;
    std::string call;
    std::string path;
    if (process->has_ended) {
      call = "(ended)";
    } else if (process->since != 0) {
      const double slept = static_cast<double>(now - std::min(now, process->since)) / kNanoseconds;
      // What is shorter than that changes with each screen.
      constexpr double kWorthSaying = 0.1;
      if (slept >= kWorthSaying) call = fmt::format("{}{:.1f}s ", process->began_earlier ? ">" : "", slept);
      call.append(process->call).append(" ");
      path = fitted_path(process->path, columns - std::min(columns, kFixed + call.size()));
    }
    rows.push_back(fmt::format("{} {:>8} {:>6} {:>9} {:>9} {}", fitted_process(process->name, kName),
                               rate(process->now.calls, seconds), rate(process->now.errors, seconds),
                               byte_rate(process->now.read, seconds),
                               byte_rate(process->now.written, seconds),
                               fitted(call + path, columns - std::min(columns, kFixed))));
  }
  return rows;
}

TraceTop::Rows TraceTop::trouble_rows(std::size_t most, std::size_t columns) const {
  Rows rows;
  if (troubles_.empty() || most < 2) return rows;
  rows.emplace_back(fitted("FAILED, the latest first", columns));
  for (const Trouble& trouble : troubles_) {
    if (rows.size() == most) break;
    std::string text;
    append_clock(text, trouble.time);
    text.resize(std::min(text.size(), text.find('.')));
    if (trouble.count > 1) text += fmt::format(" {}x", trouble.count);
    rows.push_back(fitted(text.append(" ").append(trouble.text), columns));
  }
  return rows;
}

std::string TraceTop::screen(ScreenSize size, double seconds, std::uint64_t now) {
  forget_closed_pipes();
  find_sleepers();
  constexpr std::size_t kLeastColumns = 60;  // of the tables, which a narrower screen cuts off
  const std::size_t shown_columns = std::exchange(size.columns, std::max(size.columns, kLeastColumns));
  Rows rows = {fitted(heading(seconds, now), size.columns)};
  const auto add = [&rows](Rows more) {
    if (more.empty()) return;
    rows.emplace_back();
    std::ranges::move(more, std::back_inserter(rows));
  };
  // A quarter for pipes and one for what has failed, if there are that many; the rest for processes, one at
  // least.
  constexpr std::size_t kBlank = 1;
  constexpr std::size_t kLeastForProcesses = kBlank + 2;
  const auto room = [&](std::size_t taken) { return size.rows - std::min(size.rows, rows.size() + taken); };
  add(pipe_rows(std::min(size.rows / 4, room(kBlank + kLeastForProcesses)), size.columns, seconds));
  Rows troubles = trouble_rows(std::min(size.rows / 4, room(kBlank + kLeastForProcesses)), size.columns);
  add(process_rows(room(kBlank + (troubles.empty() ? 0 : troubles.size() + kBlank)), size.columns, seconds,
                   now));
  add(std::move(troubles));
  std::string text;
  for (const std::string& row : rows) {
    std::string shown = fitted(row, shown_columns);
    shown.resize(shown.find_last_not_of(' ') + 1);
    text.append(shown).append("\n");
  }
  events_ = 0;
  std::erase_if(processes_, [](const auto& one) { return one.second.has_ended; });
  for (auto& [pid, process] : processes_) process.now = {};
  for (auto& [inode, pipe] : pipes_) pipe.now = {};
  return text;
}

}  // namespace slurper
