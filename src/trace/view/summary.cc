#include "trace/view/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "trace/own_events.h"
#include "trace/view/moved_bytes.h"
#include "trace/view/trace_view.h"

namespace slurper {

namespace {

constexpr std::size_t kSlowest = 10;
constexpr std::size_t kMaxRows = 20;

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

}  // namespace

TraceSummary::TraceSummary(const Model& model, const ViewOptions& options)
    : model_(model), options_(options), failed_(model, options) {}

void TraceSummary::take(const TraceEvent& event) {
  if (++events_ == 1) first_time_ = event.raw.time;
  last_time_ = std::max(last_time_, event.raw.time);
  if (event.raw.type == kProcessExit) {
    failed_.take_end(event);
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
  if (failed) failed_.take(event);
  failed_.take_close(event);
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
  if (event.raw.type == kPipeEvent) failed_.take_pipe(event);
  if (event.raw.type != kResultEvent || !is_failure(event.raw.number<std::int64_t>(0))) return;
  // A call that sysdig knows by name only: its exit was counted already.
  ++processes_[process_of(event)].errors;
  failed_.take_result(event);
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
  const MovedBytes moved = moved_bytes(event);
  if (moved.count == 0) return;
  // splice(2) and its like move from one descriptor to another, and the event names one of them at most.
  const bool has_both = moved.from != kNoFd && moved.to != kNoFd;
  const auto totals = [&](std::int64_t number) -> Totals& {
    return has_both ? totals_of(process_of(event), number, event.thread->fds->find(number).get()) : fd;
  };
  if (moved.from != kNoFd) {
    process.read += moved.count;
    totals(moved.from).read += moved.count;
  }
  if (moved.to != kNoFd) {
    process.written += moved.count;
    totals(moved.to).written += moved.count;
  }
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

void TraceSummary::append(std::string& out) {
  fmt::format_to(std::back_inserter(out), "{} in {} s\n", counted(events_, "event"),
                 seconds(last_time_ - first_time_));
  if (lost_ > 0)
    fmt::format_to(std::back_inserter(out), "{} {} lost: all numbers are too small by that\n",
                   counted(lost_, "record"), lost_ == 1 ? "was" : "were");
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
  failed_.append(out);
}

}  // namespace slurper
