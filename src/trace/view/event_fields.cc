#include <array>
#include <chrono>
#include <ctime>

#include "trace/own_events.h"
#include "trace/view/fields.h"

namespace slurper {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

template <typename Append>
TextValue made(const ShownEvent& event, const Append& append) {
  event.scratch.clear();
  append(event.scratch);
  return event.scratch;
}

NumberValue number(const ShownEvent& event) {
  return static_cast<std::int64_t>(event.trace.number);
}

TextValue output_time(const ShownEvent& event) {
  const TraceEvent& trace = event.trace;
  return made(event, [&](std::string& out) {
    switch (event.options.time) {
      case TimeStyle::Clock:
        return append_clock(out, trace.raw.time);
      case TimeStyle::Epoch:
        return append_seconds(out, trace.raw.time);
      case TimeStyle::SinceStart:
        return append_seconds(out, trace.raw.time - std::min(trace.first_time, trace.raw.time));
      case TimeStyle::Latency:
        return append_seconds(out, trace.latency());
      case TimeStyle::SincePrevious:
        return append_seconds(out, trace.raw.time - std::min(trace.previous_time, trace.raw.time));
    }
  });
}

TextValue clock_time(const ShownEvent& event) {
  return made(event, [&](std::string& out) { append_clock(out, event.trace.raw.time); });
}
TextValue clock_seconds(const ShownEvent& event) {
  return made(event, [&](std::string& out) {
    append_clock(out, event.trace.raw.time);
    out.resize(out.find('.'));
  });
}
TextValue date_time(const ShownEvent& event) {
  return made(event, [&](std::string& out) {
    const auto seconds = static_cast<std::time_t>(event.trace.raw.time / kSecond);
    std::tm local{};
    localtime_r(&seconds, &local);
    std::array<char, 16> date{};
    out.append(date.data(), std::strftime(date.data(), date.size(), "%Y-%m-%d ", &local));
    append_clock(out, event.trace.raw.time);
  });
}
NumberValue raw_time(const ShownEvent& event) {
  return static_cast<std::int64_t>(event.trace.raw.time);
}
NumberValue raw_time_s(const ShownEvent& event) {
  return static_cast<std::int64_t>(event.trace.raw.time / kSecond);
}
TextValue raw_time_ns(const ShownEvent& event) {
  return made(event, [&](std::string& out) {
    append_seconds(out, event.trace.raw.time);
    out.erase(0, out.find('.') + 1);
  });
}
NumberValue relative_time(const ShownEvent& event) {
  return static_cast<std::int64_t>(event.trace.raw.time - event.trace.first_time);
}
NumberValue delta_time(const ShownEvent& event) {
  return static_cast<std::int64_t>(event.trace.raw.time - event.trace.previous_time);
}
NumberValue latency(const ShownEvent& event) {
  return static_cast<std::int64_t>(event.trace.latency());
}
NumberValue latency_s(const ShownEvent& event) {
  return static_cast<std::int64_t>(event.trace.latency() / kSecond);
}
TextValue direction(const ShownEvent& event) {
  return event.trace.is_exit() ? "<" : ">";
}
TextValue type(const ShownEvent& event) {
  return event_name(event.trace);
}
NumberValue cpu(const ShownEvent& event) {
  return event.trace.raw.cpu;
}

TextValue arguments(const ShownEvent& event) {
  return made(event, [&](std::string& out) { append_arguments(out, event); });
}
TextValue argument(const ShownEvent& event, std::string_view name) {
  const auto index = find_param(event.trace, name);
  if (!index) return std::nullopt;
  return made(event, [&](std::string& out) { append_argument(out, event, *index); });
}
NumberValue raw_argument(const ShownEvent& event, std::string_view name) {
  const auto index = find_param(event.trace, name);
  return index ? number_in(event.trace, *index) : std::nullopt;
}

TextValue result(const ShownEvent& event) {
  if (!event.trace.has_result()) return std::nullopt;
  const std::int64_t value = event.trace.result();
  if (value >= 0) return "SUCCESS";
  const std::string_view name = errno_name(-value);
  if (!name.empty()) return name;
  return made(event, [&](std::string& out) { append_number(out, value); });
}
NumberValue raw_result(const ShownEvent& event) {
  if (!event.trace.has_result()) return std::nullopt;
  return event.trace.result();
}
NumberValue failed(const ShownEvent& event) {
  return event.trace.has_result() && is_failure(event.trace.result()) ? 1 : 0;
}

TextValue buffer(const ShownEvent& event) {
  const std::int8_t data = event.trace.shape->data;
  if (data < 0 || static_cast<std::uint32_t>(data) >= event.trace.raw.param_count) return std::nullopt;
  return event.trace.raw.param(static_cast<std::size_t>(data));
}
NumberValue buffer_length(const ShownEvent& event) {
  const TraceEvent& trace = event.trace;
  const bool transfers = trace.shape->reads || buffer(event) || trace.shape->category == Category::Io;
  if (!trace.has_result() || trace.file == nullptr || !transfers || trace.result() < 0) return std::nullopt;
  return trace.result();
}

NumberValue is_io(const ShownEvent& event) {
  return event.trace.shape->reads || event.trace.shape->writes ? 1 : 0;
}
NumberValue is_io_read(const ShownEvent& event) {
  return event.trace.shape->reads ? 1 : 0;
}
NumberValue is_io_write(const ShownEvent& event) {
  return event.trace.shape->writes ? 1 : 0;
}
NumberValue is_wait(const ShownEvent& event) {
  return event.trace.shape->waits ? 1 : 0;
}
TextValue io_direction(const ShownEvent& event) {
  if (event.trace.shape->reads) return "read";
  if (event.trace.shape->writes) return "write";
  return std::nullopt;
}
NumberValue count(const ShownEvent& /*event*/) {
  return 1;
}

std::string_view category_of_file(const OpenFilePointer& file) {
  if (file == nullptr) return "unknown";
  switch (file->type) {
    case FdType::IPv4:
    case FdType::IPv6:
    case FdType::IPv4Server:
    case FdType::IPv6Server:
      return "net";
    case FdType::Fifo:
    case FdType::Unix:
    case FdType::Event:
    case FdType::SignalFd:
    case FdType::Inotify:
      return "ipc";
    case FdType::EventPoll:
    case FdType::TimerFd:
    case FdType::Netlink:
    case FdType::Unsupported:
    case FdType::Unknown:
      return "unknown";
    default:
      return "file";
  }
}

TextValue category(const ShownEvent& event) {
  constexpr std::array<std::string_view, 14> kNames = {"other",  "file",  "net",    "IPC",     "wait",
                                                       "signal", "sleep", "time",   "process", "scheduler",
                                                       "memory", "user",  "system", "unknown"};
  const Category category = event.trace.shape->category;
  if (event.trace.raw.type <= kGenericExit) return "unknown";
  if (category == Category::Io) return category_of_file(event.trace.file);
  return kNames.at(static_cast<std::size_t>(category));
}

NumberValue blocked(const ShownEvent& event) {
  const PendingCall& pending = event.trace.thread->pending;
  const bool is_enter = pending.is_open && pending.type == event.trace.raw.type;
  const PendingCall* const call = is_enter ? &pending : event.trace.enter;
  return call != nullptr && call->was_blocked ? 1 : 0;
}

// Of an exit: whoever has woken the thread in the call.
const PendingCall* woken_call(const ShownEvent& event) {
  const PendingCall* const call = event.trace.enter;
  return call == nullptr || call->waker_tid == 0 ? nullptr : call;
}
NumberValue waker_tid(const ShownEvent& event) {
  const PendingCall* const call = woken_call(event);
  return call == nullptr ? std::nullopt : NumberValue(call->waker_tid);
}
NumberValue waker_pid(const ShownEvent& event) {
  const PendingCall* const call = woken_call(event);
  return call == nullptr ? std::nullopt : NumberValue(call->waker_pid);
}
TextValue waker_name(const ShownEvent& event) {
  const PendingCall* const call = woken_call(event);
  if (call == nullptr) return std::nullopt;
  event.scratch.clear();
  append_name(event.scratch, call->waker_name);
  return event.scratch;
}

constexpr Field boolean(std::string_view name, std::string_view help) {
  return {.name = name, .type = FieldType::Name, .help = help, .names = kBooleans};
}
constexpr Field text(std::string_view name, std::string_view help) {
  return {.name = name, .type = FieldType::Text, .help = help};
}
constexpr Field a_number(std::string_view name, std::string_view help) {
  return {.name = name, .type = FieldType::Number, .help = help};
}

template <auto kAccessor>
constexpr Field with(Field field) {
  return with_accessor<ShownEvent, kAccessor>(field);
}

constexpr std::array kFields = {
    with<number>(a_number("evt.num", "the event's number, from 1 on")),
    with<output_time>(text("evt.outputtime", "the time as -t has it")),
    with<clock_time>(text("evt.time", "the local time of day, with nanoseconds")),
    with<clock_seconds>(text("evt.time.s", "the local time of day")),
    with<date_time>(text("evt.datetime", "the local date and time")),
    with<raw_time>(a_number("evt.rawtime", "nanoseconds since 1970")),
    with<raw_time_s>(a_number("evt.rawtime.s", "seconds since 1970")),
    with<raw_time_ns>(text("evt.rawtime.ns", "the nanoseconds of the second")),
    with<relative_time>(a_number("evt.reltime", "nanoseconds since the first event")),
    with<delta_time>(a_number("evt.deltatime", "nanoseconds since the event before")),
    with<latency>(a_number("evt.latency", "nanoseconds that the call took, of an exit; else 0")),
    with<latency_s>(a_number("evt.latency.s", "its whole seconds")),
    with<direction>(text("evt.dir", "> at the beginning of a call, < at its end")),
    with<type>(text("evt.type", "the call, or what else happened: read, openat, signaldeliver")),
    with<category>(text("evt.category", "file, net, ipc, process, …")),
    with<cpu>(a_number("evt.cpu", "the processor")),
    with<arguments>(text("evt.args", "all arguments")),
    with<arguments>(text("evt.info", "the same")),
    with<argument>({.name = "evt.arg",
                    .type = FieldType::Text,
                    .help = "one argument, by its name or its number from 0 on: evt.arg.name, evt.arg[0]",
                    .argument = "NAME",
                    .dotted = true}),
    with<raw_argument>({.name = "evt.rawarg",
                        .type = FieldType::Number,
                        .help = "one argument that is a number: evt.rawarg.size > 4096",
                        .argument = "NAME",
                        .dotted = true}),
    with<result>(text("evt.res", "of an exit: SUCCESS, or the error's name: EPIPE")),
    with<raw_result>(a_number("evt.rawres", "of an exit: the result; an error is negative")),
    with<failed>(boolean("evt.failed", "whether the call has failed")),
    with<buffer>(text("evt.buffer", "the data that was read or written, as far as it was recorded")),
    with<buffer_length>(a_number("evt.buflen", "the number of bytes that were read or written")),
    with<is_io>(boolean("evt.is_io", "whether the call reads or writes")),
    with<is_io_read>(boolean("evt.is_io_read", "whether it reads")),
    with<is_io_write>(boolean("evt.is_io_write", "whether it writes")),
    with<io_direction>(text("evt.io_dir", "read or write")),
    with<is_wait>(boolean("evt.is_wait", "whether the call waits, as poll does")),
    with<count>(a_number("evt.count", "1")),
    with<waker_pid>(a_number("waker.pid", "of an exit: the process that woke the thread last in this call")),
    with<waker_tid>(a_number("waker.tid", "the thread that did so")),
    with<waker_name>(text("waker.name", "its name")),
    with<blocked>(
        boolean("blocked", "whether the call was under way before the recording, or still slept at its end")),
};

}  // namespace

std::span<const Field> event_fields() {
  return kFields;
}

}  // namespace slurper
