// Calls in one line, and slurper's own events.
#include <algorithm>

#include "trace/compat_calls.h"
#include "trace/generic_calls.h"
#include "trace/own_events.h"
#include "trace/view/trace_view.h"

namespace slurper {

TraceEvent enter_of(const TraceEvent& exit) {
  TraceEvent enter = exit;
  enter.raw = exit.enter->event(exit.raw.tid);
  enter.shape = &shape_of(exit.enter->type);
  enter.number = exit.enter->number;
  enter.enter = nullptr;
  return enter;
}

namespace {

void append_head(std::string& out, const ShownEvent& event, std::uint64_t number, std::uint64_t time) {
  append_number(out, number);
  out += ' ';
  append_clock(out, time);
  out += ' ';
  append_number(out, event.trace.raw.cpu);
  out += ' ';
  append_name(out, event.trace.thread->name.empty() ? "<NA>" : event.trace.thread->name);
  out += " (";
  append_number(out, event.trace.thread->tid);
  out += ") ";
}

void append_params(std::string& out, const ShownEvent& event, std::size_t first) {
  if (event.trace.raw.type <= kGenericExit) return;
  const auto& params = event.trace.shape->info->params;
  const std::size_t count = std::min<std::size_t>(event.trace.raw.param_count, params.size());
  for (std::size_t i = first; i < count; ++i) {
    if (out.back() != '(') out += ' ';
    out += params[i].name;
    out += '=';
    append_param(out, event, i);
  }
}

// The arguments that the exit repeats are shown once.
bool repeats_arguments(const ShownEvent& exit, const ShownEvent& enter) {
  const auto& before = enter.trace.shape->info->params;
  const auto& after = exit.trace.shape->info->params;
  const std::size_t count = std::min<std::size_t>(exit.trace.raw.param_count, after.size());
  return !before.empty() && count > before.size() && after[1].name == before[0].name;
}

void append_ids(std::string& out, const ShownEvent& event) {
  constexpr std::array<std::string_view, 7> kNames = {"ruid", "euid", "suid",    "fsuid",
                                                      "rgid", "egid", "loginuid"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const auto id = event.trace.raw.number<std::uint32_t>(i);
    out += ' ';
    out += kNames[i];
    out += '=';
    append_number(out, static_cast<std::int32_t>(id));
    const bool is_group = kNames[i].ends_with("gid");
    const std::string* const name =
        is_group ? event.trace.model->group_name(id) : event.trace.model->user_name(id);
    if (name == nullptr) continue;
    out += '(';
    append_name(out, *name);
    out += ')';
  }
}

void append_descriptor(std::string& out, const ShownEvent& event) {
  out += "fd=";
  append_number(out, event.trace.fd);
  if (event.trace.file == nullptr) return;
  out += '(';
  append_file(out, *event.trace.file);
  out += ')';
}

void append_received(std::string& out, const ShownEvent& event) {
  if (event.trace.fd < 0) {
    out +=
        "received cut: the control buffer was too small, and the kernel closed the descriptors that did not "
        "fit";
    return;
  }
  const ScapEvent& raw = event.trace.raw;
  out += "received ";
  append_descriptor(out, event);
  const auto sender = raw.number<std::int64_t>(2);
  if (sender < 0) return;
  out += " sender=";
  append_number(out, sender);
  const Thread* const thread = event.trace.model->find_thread(sender);
  if (thread != nullptr && !thread->name.empty()) {
    out += '(';
    append_name(out, thread->name);
    out += ')';
  }
  if (raw.number<std::int64_t>(3) < 0) return;
  out += " sender_fd=";
  append_number(out, raw.number<std::int64_t>(3));
}

void append_unread(std::string& out, const ShownEvent& event) {
  const ScapEvent& raw = event.trace.raw;
  out += "unread ";
  append_number(out, raw.number<std::uint64_t>(1));
  out += " bytes thrown away: ";
  if (event.trace.file != nullptr) {
    append_descriptor(out, event);
  } else if (raw.number<std::uint64_t>(0) != 0) {
    out += "socket ";
    append_number(out, raw.number<std::uint64_t>(0));
  } else {
    out += "a socket";
  }
  out += " was closed";
}

void append_pipe(std::string& out, const ShownEvent& event) {
  const ScapEvent& raw = event.trace.raw;
  out += "pipe ";
  append_descriptor(out, event);
  out += " slots=";
  append_number(out, raw.number<std::uint32_t>(2));
  out += '/';
  append_number(out, raw.number<std::uint32_t>(3));
  out += " readers=";
  append_number(out, raw.number<std::uint32_t>(4));
  out += " writers=";
  append_number(out, raw.number<std::uint32_t>(5));
}

// Calls `visit(name, value, is_descriptor)` with each argument of a generic call.
template <typename Visit>
void for_each_generic_argument(const TraceEvent& result, const Visit& visit) {
  constexpr std::size_t kFirst = 2;  // behind the result and the duration
  const auto number = result.thread->pending.event(result.raw.tid).number<std::uint16_t>(1);
  std::string_view names = generic_arguments(number);
  for (std::size_t i = kFirst; !names.empty() && i < result.raw.param_count; ++i) {
    const std::string_view name = names.substr(0, names.find(' '));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    const auto value = result.raw.number<std::int64_t>(i);
    const bool is_fd = name.starts_with("fd") || name == "epfd";
    // A descriptor is an int: the kernel looks at the lower half of the register.
    visit(name, is_fd ? static_cast<std::int32_t>(value) : value, is_fd);
  }
}

}  // namespace

void append_result(std::string& out, std::int64_t result) {
  append_number(out, result);
  if (result >= 0) return;
  out += '(';
  out += errno_name(-result);
  out += ')';
}

void append_generic_arguments(std::string& out, const ShownEvent& event) {
  for_each_generic_argument(event.trace, [&](std::string_view name, std::int64_t value, bool is_fd) {
    out += ' ';
    out += name;
    out += '=';
    append_number(out, value);
    const OpenFilePointer& file = event.trace.thread->fds->find(is_fd ? value : -1);
    if (file == nullptr) return;
    out += '(';
    append_file(out, *file);
    out += ')';
  });
}

std::string_view generic_call_name(const TraceEvent& result) {
  TraceEvent call = result;
  const PendingCall& pending = result.thread->pending;
  call.raw = pending.event(result.raw.tid);
  call.shape = &shape_of(pending.type);
  return call.shape->info == nullptr ? std::string_view("<unknown>") : event_name(call);
}

std::int64_t generic_descriptor(const TraceEvent& result) {
  std::int64_t first = -1;
  for_each_generic_argument(result, [&](std::string_view /*name*/, std::int64_t value, bool is_fd) {
    if (is_fd && first < 0) first = value;
  });
  return first;
}

void append_generic_call(std::string& out, const ShownEvent& result) {
  const PendingCall& call = result.trace.thread->pending;
  append_head(out, result, call.number, call.time);
  out += generic_call_name(result.trace);
  std::string arguments;
  append_generic_arguments(arguments, result);
  out.append("(").append(arguments, std::min<std::size_t>(1, arguments.size())).append(") = ");
  append_result(out, result.trace.raw.number<std::int64_t>(0));
  out += " <";
  append_seconds(out, result.trace.raw.number<std::uint64_t>(1));
  out += '>';
}

void append_call(std::string& out, const ShownEvent& exit) {
  const TraceEvent& trace = exit.trace;
  const bool has_enter = trace.enter != nullptr;
  append_head(out, exit, has_enter ? trace.enter->number : trace.number,
              has_enter ? trace.enter->time : trace.raw.time);
  out += event_name(trace);
  out += '(';
  bool repeats = false;
  if (has_enter) {
    const TraceEvent enter = enter_of(trace);
    const ShownEvent shown{enter, exit.options, exit.scratch};
    repeats = repeats_arguments(exit, shown);
    if (!repeats) append_params(out, shown, 0);
  }
  append_params(out, exit, trace.shape->result >= 0 ? 1 : 0);
  out += ')';
  if (trace.has_result()) {
    out += " = ";
    append_param(out, exit, static_cast<std::size_t>(trace.shape->result));
  }
  if (!has_enter) return;
  out += " <";
  append_seconds(out, trace.latency());
  out += '>';
}

void append_unfinished(std::string& out, const ShownEvent& enter) {
  append_head(out, enter, enter.trace.number, enter.trace.raw.time);
  out += event_name(enter.trace);
  out += '(';
  append_params(out, enter, 0);
  out += " <unfinished ...>";
}

namespace {

void append_compat(std::string& out, std::uint16_t number) {
  out += "compat number=";
  append_number(out, number);
  const std::string_view name = compat_call_name(number);
  if (name.empty()) return;
  out += " call=";
  out += name;
}

}  // namespace

namespace {

// "-3600.000000000", in seconds.
void append_step(std::string& out, std::int64_t nanoseconds) {
  const auto step = static_cast<std::uint64_t>(nanoseconds);
  out += nanoseconds < 0 ? '-' : '+';
  append_seconds(out, nanoseconds < 0 ? 0 - step : step);
}

}  // namespace

void append_own_event(std::string& out, const ShownEvent& event) {
  const ScapEvent& raw = event.trace.raw;
  switch (raw.type) {
    case kResultEvent:
      out += "result call=";
      out += generic_call_name(event.trace);
      append_generic_arguments(out, event);
      out += " res=";
      append_result(out, raw.number<std::int64_t>(0));
      out += " latency=";
      return append_number(out, raw.number<std::uint64_t>(1));
    case kDropsEvent:
      out += "drops cpu=";
      append_number(out, raw.number<std::uint16_t>(0));
      out += " lost=";
      append_number(out, raw.number<std::uint64_t>(1));
      out += ": names may be wrong until the tables are read anew";
      return;
    case kTablesEvent:
      out += "tables read anew: from here on, names are right";
      return;
    case kClockEvent:
      out += "clock step=";
      return append_step(out, raw.number<std::int64_t>(0));
    case kPipeEvent:
      return append_pipe(out, event);
    case kUnreadEvent:
      return append_unread(out, event);
    case kCompatEvent:
      return append_compat(out, raw.number<std::uint16_t>(0));
    case kSentEvent:
      out += "sent ";
      return append_descriptor(out, event);
    case kReceivedEvent:
      return append_received(out, event);
    case kIdentityEvent:
      out += "identity";
      return append_ids(out, event);
    default:
      out += "unknown type=";
      append_number(out, raw.type);
  }
}

}  // namespace slurper
