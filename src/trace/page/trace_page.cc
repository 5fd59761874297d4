#include "trace/page/trace_page.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <unordered_set>
#include <utility>

#include "trace/explain/words.h"
#include "trace/own_events.h"
#include "trace/page/page_document.h"
#include "trace/view/trace_view.h"

namespace slurper {

namespace {

// Failed calls first, then those that took longest.
std::uint64_t importance_of(const PageCall& call) {
  constexpr std::uint64_t kFirst = UINT64_C(1) << 63;
  const bool has_failed = call.has_result && is_failure(call.result);
  const bool comes_first = has_failed || call.is_unfinished || call.kind == CallKind::Note;
  return (comes_first ? kFirst : 0) | std::min(call.duration, kFirst - 1);
}

CallKind kind_of(const TraceEvent& event) {
  const Shape& shape = *event.shape;
  if (event.is_own) return CallKind::Note;
  if (shape.reads) return CallKind::Read;
  if (shape.writes) return CallKind::Write;
  const std::string_view name = event_name(event);
  const auto is = [name](auto... names) { return ((name == names) || ...); };
  if (name == "close" || name == "shutdown") return CallKind::Close;
  // Calls that only wait, whatever their category is.
  if (shape.waits || is("futex", "wait4", "waitid", "pause", "clock_nanosleep", "rt_sigsuspend", "flock"))
    return CallKind::Wait;
  if (shape.creates_fd || is("connect", "bind", "listen")) return CallKind::Open;
  if (shape.category == Category::Signal) return CallKind::Signal;
  if (shape.category == Category::Process) return CallKind::Process;
  return CallKind::Other;
}

// Whether the exit has a parameter of that name, too: it is shown once.
bool repeats(const TraceEvent* exit, std::string_view name) {
  if (exit == nullptr) return false;
  const auto& params = exit->shape->info->params;
  return std::ranges::any_of(params.begin(),
                             params.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                                  params.size(), exit->raw.param_count)),
                             [name](const Param& param) { return param.name == name; });
}

PageFinding page_finding(const TraceFinding& finding) {
  std::string heading(title_of(finding.pattern));
  heading.front() = static_cast<char>(heading.front() - 'a' + 'A');  // all begin with a small letter
  heading.append(", ").append(text_of(Value(finding.who)));
  if (!finding.file.empty()) heading.append(", ").append(finding.file);
  heading.append(", at ").append(text_of(Value(Moment{finding.time})));
  return {.text = heading + ": " + story_text(finding),
          .advice = text_of(finding.advice),
          .harm = finding.is_harm,
          .events = events_of(finding)};
}

}  // namespace

TracePage::TracePage(PageRequest request, const Model& model, const ViewOptions& options)
    : request_(std::move(request)),
      model_(model),
      options_(options),
      explainer_(model, Explainer::Notes::Kept) {
  data_.cell_width = 1000;
}

std::int64_t TracePage::on_axis(std::uint64_t time) const {
  return static_cast<std::int64_t>(time - data_.first_time) - clock_step_;
}

std::uint32_t TracePage::who(const Thread& thread) {
  PageThread one{.tid = thread.tid, .pid = thread.pid, .name = thread.name};
  const auto [place, is_new] = who_.try_emplace(std::move(one), static_cast<std::uint32_t>(data_.who.size()));
  if (is_new) data_.who.push_back(place->first);
  return place->second;
}

std::uint32_t TracePage::name(std::string_view name) {
  const auto found = names_.find(name);
  if (found != names_.end()) return found->second;
  data_.names.emplace_back(name);
  return names_.emplace(name, static_cast<std::uint32_t>(data_.names.size() - 1)).first->second;
}

void TracePage::append_params(std::string& out, const TraceEvent& event, const TraceEvent* exit) {
  if (event.raw.type <= kGenericExit) return;
  const auto& params = event.shape->info->params;
  const std::size_t count = std::min<std::size_t>(event.raw.param_count, params.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto index = static_cast<std::int8_t>(i);
    if (index == event.shape->fd || index == event.shape->result || repeats(exit, params[i].name)) continue;
    if (!out.empty()) out += ' ';
    out += params[i].name;
    out += '=';
    append_param(out, {event, options_, scratch_}, i);
  }
}

std::string TracePage::arguments_of(const TraceEvent& event) {
  std::string text;
  if (event.is_exit() && event.enter != nullptr) append_params(text, enter_of(event), &event);
  append_params(text, event, nullptr);
  return text;
}

PageCall TracePage::call_of(const TraceEvent& event) {
  PageCall call;
  call.number = event.number;
  call.enter = event.enter != nullptr ? event.enter->number : 0;
  call.duration = event.latency();
  call.start = on_axis(event.raw.time) - static_cast<std::int64_t>(call.duration);
  call.who = who(*event.thread);
  call.fd = event.fd < 0 ? -1 : event.fd;
  call.file = event.file;
  call.kind = kind_of(event);
  if (!event.is_own) {
    call.name = name(event_name(event));
    call.has_result = event.has_result();
    if (call.has_result) call.result = event.result();
  }
  return call;
}

void TracePage::take(const TraceEvent& event) {
  if (data_.events++ == 0) data_.first_time = event.raw.time;
  data_.length = std::max(data_.length, on_axis(event.raw.time));
  tid_of_last_ = -1;
  // A call is taken at its end.
  if (!event.is_exit() && !event.shape->info->is_single && event.raw.type != kProcessExit) return;
  add(event, call_of(event));
}

void TracePage::add(const TraceEvent& event, PageCall call) {
  count(call);
  if (data_.events > kMaxEvents && data_.calls.size() >= 2 * kMaxAggregatedCalls) keep_most_important();
  if (importance_of(call) < least_kept_) return;
  if (!event.is_own) {
    call.arguments = arguments_of(event);
    call.waits = waits_of(event, call);
  }
  tid_of_last_ = event.raw.tid;
  data_.calls.push_back(std::move(call));
}

std::vector<PageSentence> TracePage::waits_of(const TraceEvent& event, const PageCall& call) {
  constexpr std::uint64_t kNoticeable = 100'000'000;  // nanoseconds
  std::vector<PageSentence> sentences;
  const bool is_refused = call.has_result && (call.result == -EPIPE || call.result == -ECONNRESET);
  if (!call.is_unfinished && !is_refused && call.duration < kNoticeable) return sentences;
  for (const Statement& statement : explainer_.waits_of(event)) {
    PageSentence& sentence = sentences.emplace_back(text_of(statement));
    for (const Argument& argument : statement.arguments)
      if (const auto* const proof = std::get_if<EventNumber>(&argument.value)) sentence.event = proof->number;
  }
  return sentences;
}

// Each cell takes in the one behind it.
void TracePage::halve_cells() {
  data_.cell_width *= 2;
  for (auto& [pid, cells] : data_.cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const PageCell cell = std::exchange(cells[i], {});
      cells[i / 2].calls += cell.calls;
      cells[i / 2].failed += cell.failed;
    }
    cells.resize((cells.size() + 1) / 2);
  }
  data_.flow_cells = 0;
  for (auto& [ends, flow] : data_.flows) {
    auto last = flow.cells.begin();
    for (auto one = flow.cells.begin(); one != flow.cells.end(); ++one) {
      const auto [at, count] = *one;
      if (one != flow.cells.begin() && last->first == at / 2) {
        last->second += count;
      } else {
        last = one == flow.cells.begin() ? one : std::next(last);
        *last = {at / 2, count};
      }
    }
    if (!flow.cells.empty()) flow.cells.erase(std::next(last), flow.cells.end());
    data_.flow_cells += flow.cells.size();
  }
  auto& events = data_.cell_events;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::uint64_t number = std::exchange(events[i], 0);
    if (events[i / 2] == 0) events[i / 2] = number;
  }
  events.resize((events.size() + 1) / 2);
}

void TracePage::count(const PageCall& call) {
  ++data_.all_calls;
  const auto start = static_cast<std::uint64_t>(std::max<std::int64_t>(call.start, 0));
  while (start / data_.cell_width >= kMaxCells) halve_cells();
  const std::size_t at = start / data_.cell_width;
  auto& cells = data_.cells[data_.who[call.who].pid];
  if (cells.size() <= at) cells.resize(at + 1);
  ++cells[at].calls;
  cells[at].failed += call.has_result && is_failure(call.result) ? 1 : 0;
  if (data_.cell_events.size() <= at) data_.cell_events.resize(at + 1);
  std::uint64_t& first = data_.cell_events[at];
  const std::uint64_t number = call.enter != 0 ? call.enter : call.number;
  if (first == 0 || number < first) first = number;
}

void TracePage::keep_most_important() {
  auto& calls = data_.calls;
  if (calls.size() <= kMaxAggregatedCalls) return;
  const auto end = calls.begin() + static_cast<std::ptrdiff_t>(kMaxAggregatedCalls);
  std::ranges::nth_element(calls, end - 1, std::greater(), importance_of);
  least_kept_ = importance_of(*(end - 1));
  calls.erase(end, calls.end());
}

void TracePage::take_own(const TraceEvent& event) {
  switch (event.raw.type) {
    case kResultEvent:
      return take_result(event);
    case kPipeEvent:
      return take_pipe(event);
    case kClockEvent:
      clock_step_ += event.raw.number<std::int64_t>(0);
      return take_note(event);
    case kDropsEvent:
      data_.lost += event.raw.number<std::uint64_t>(1);
      return take_note(event);
    case kUnreadEvent:
    case kSentEvent:
    case kReceivedEvent:
      return take_note(event);
    default:
      return;  // fields tell it
  }
}

// Of a call that sysdig knows by name only.
void TracePage::take_result(const TraceEvent& event) {
  if (tid_of_last_ != event.raw.tid || data_.calls.empty()) return;
  PageCall& call = data_.calls.back();
  call.has_result = true;
  call.result = event.raw.number<std::int64_t>(0);
  append_generic_arguments(call.arguments, {event, options_, scratch_});
  if (call.arguments.starts_with(' ')) call.arguments.erase(0, 1);
}

void TracePage::take_pipe(const TraceEvent& event) {
  if (data_.events == 0 || event.file == nullptr || !event.file->pipe.is_known) return;
  if (data_.pipes.size() >= kMaxPipes) {
    // Every other one still shows the course.
    std::size_t kept = 0;
    for (std::size_t i = 0; i < data_.pipes.size(); i += 2) data_.pipes[kept++] = data_.pipes[i];
    data_.pipes.resize(kept);
  }
  data_.pipes.push_back({.time = on_axis(event.raw.time), .file = event.file, .state = event.file->pipe});
}

void TracePage::take_flow(const FlowRead& read) {
  if (read.fate != Fate::Read) return;
  for (const FlowPiece& piece : read.pieces) {
    if (piece.write == nullptr) continue;
    const PageLink link{.write = piece.write->number, .read = read.read.number, .doubt = piece.doubt};
    if (!data_.links.empty() && data_.links.back() == link) continue;
    data_.links.push_back(link);
    const PipeUser& writer = piece.write->user;
    const PipeUser& reader = read.read.user;
    count(link, {.writer = writer.pid, .write_fd = writer.fd, .reader = reader.pid, .read_fd = reader.fd});
  }
  if (data_.links.size() > 2 * kMaxEvents) keep_links_of_calls();
}

// In the cell in which the read began: the last one that had begun by then.
void TracePage::count(const PageLink& link, const PageEnds& ends) {
  const auto& events = data_.cell_events;
  std::size_t at = events.empty() ? 0 : events.size() - 1;
  while (at > 0 && (events[at] == 0 || events[at] > link.read)) --at;
  const auto found = data_.flows.find(ends);
  const bool has_cell = found != data_.flows.end() && found->second.cells.back().first >= at;
  if (!has_cell && data_.flow_cells >= kMaxFlowCells) {
    ++data_.flows_left_out;
    return;
  }
  PageFlow& flow = found != data_.flows.end() ? found->second : data_.flows[ends];
  if (!has_cell) {
    flow.cells.emplace_back(static_cast<std::uint32_t>(at), 0);
    ++data_.flow_cells;
  }
  ++flow.cells.back().second;  // what has come late counts in the cell before
  ++flow.all;
  flow.unsure += link.doubt == Doubt::None ? 0 : 1;
}

void TracePage::keep_links_of_calls() {
  std::unordered_set<std::uint64_t> numbers;
  for (const PageCall& call : data_.calls) {
    numbers.insert(call.number);
    if (call.enter != 0) numbers.insert(call.enter);
  }
  std::erase_if(data_.links, [&](const PageLink& link) {
    return !numbers.contains(link.write) || !numbers.contains(link.read);
  });
}

void TracePage::keep_strongest_flows() {
  std::vector<std::map<PageEnds, PageFlow>::iterator> flows;
  for (auto one = data_.flows.begin(); one != data_.flows.end(); ++one) flows.push_back(one);
  std::ranges::sort(flows, [](const auto& one, const auto& other) {
    return one->second.all != other->second.all ? one->second.all > other->second.all
                                                : one->first < other->first;
  });
  std::size_t cells = 0;
  for (const auto& one : flows) {
    cells += one->second.cells.size();
    if (cells <= kMaxShownFlowCells) continue;
    data_.flows_left_out += one->second.all;
    data_.flows.erase(one);
  }
}

void TracePage::take_note(const TraceEvent& event) {
  if (data_.events == 0) return;
  PageCall note = call_of(event);
  append_own_event(note.arguments, {event, options_, scratch_});
  note.name = name("#");
  add(event, std::move(note));
}

void TracePage::take_unfinished(const TraceEvent& enter) {
  if (data_.events++ == 0) data_.first_time = enter.raw.time;
  PageCall call = call_of(enter);
  call.start = on_axis(enter.raw.time);
  const std::uint64_t end = std::max(model_.last_time(), enter.raw.time);
  call.duration = end - enter.raw.time;
  call.is_unfinished = true;
  data_.length = std::max(data_.length, on_axis(end));
  add(enter, std::move(call));
}

void TracePage::take_unseen(const TraceEvent& event, std::string_view note) {
  std::string text;
  append_name(text, event.thread->name);
  text += " (";
  append_number(text, event.thread->pid);
  text += ") ";
  data_.unseen.push_back(std::move(text.append(note)));
}

void TracePage::append(std::string& out) {
  data_.is_aggregated = data_.events > kMaxEvents;
  if (data_.is_aggregated) {
    keep_most_important();
    keep_links_of_calls();
    keep_strongest_flows();
  }
  std::ranges::stable_sort(data_.calls, {}, &PageCall::number);
  std::string json;
  std::vector<PageFinding> findings;
  for (const TraceFinding& finding : explainer_.end().findings) findings.push_back(page_finding(finding));
  std::ranges::stable_partition(findings, &PageFinding::harm);
  append_page_data(json, request_, data_, findings);
  append_page(out, json);
}

}  // namespace slurper
