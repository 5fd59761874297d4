#include "trace/explain/long_call.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "trace/explain/deed.h"
#include "trace/scap/byte_cursor.h"
#include "trace/view/shown_event.h"

namespace slurper {

namespace {

// F_SETLKW, F_SETLKW64, F_OFD_SETLKW, as captures have them
constexpr std::array<std::uint8_t, 3> kLockCommands = {9, 19, 32};

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

std::optional<std::size_t> place_of(const ScapEvent& event, std::string_view param) {
  const auto& params = shape_of(event.type).info->params;
  const auto found = std::ranges::find(params, param, &Param::name);
  const auto place = static_cast<std::size_t>(found - params.begin());
  if (found == params.end() || place >= event.param_count) return std::nullopt;
  return place;
}

void wait_on(LongCall& call, const OpenFilePointer& file) {
  const ChannelKey key = file == nullptr ? ChannelKey{} : channel_key_of(*file);
  if (key.first == 0) return;
  call.awaited = Awaited::OtherEnd;
  call.own = file;
  call.channel = key;
  call.file = text_of_file(*file);
}

// Of one descriptor. Which end of a pipe it is says what the call waits for.
void wait_ready(LongCall& call, const OpenFilePointer& file) {
  wait_on(call, file);
  call.writes = file != nullptr && file->is_for_writing && !file->is_for_reading;
}

// poll(2) of one descriptor; of several, any may end it.
void wait_for_poll(LongCall& call, const ScapEvent& enter, const Thread& thread) {
  const auto list = place_of(enter, "fds");
  const auto time = place_of(enter, "timeout");
  if (!list) return;
  call.has_time_out = !time || enter.number<std::int64_t>(*time) >= 0;
  ByteCursor cursor(enter.param(*list));
  const auto count = cursor.take<std::uint16_t>();
  const auto fd = cursor.take<std::int64_t>();
  if (count == 1 && cursor.good()) wait_ready(call, thread.fds->find(fd));
}

void wait_to_open(LongCall& call, const TraceEvent& event, const ScapEvent& enter) {
  const auto name = place_of(enter, "name");
  const auto flags = place_of(enter, "flags");
  if (!name || !flags) return;
  const auto bits = enter.number<std::uint32_t>(*flags);
  const bool reads = (bits & kOpenForReading) != 0;
  call.writes = (bits & kOpenForWriting) != 0;
  // One that is opened for both waits for no other process, nor does one that is not to wait.
  if (reads == call.writes || (bits & kOpenNonblocking) != 0) return;
  const auto directory = place_of(enter, "dirfd");
  const std::string_view base = directory
                                    ? directory_of(*event.thread, enter.number<std::int64_t>(*directory))
                                    : std::string_view(event.thread->directory);
  const std::string_view path = text_of(enter.param(*name));
  call.awaited = Awaited::Opening;
  call.file = event.is_exit() && event.file != nullptr ? event.file->name : join_path(base, path);
}

bool locks_by_fcntl(const ScapEvent& enter, std::string_view name) {
  return name == "fcntl" && enter.param_count > 1 &&
         std::ranges::find(kLockCommands, enter.number<std::uint8_t>(1)) != kLockCommands.end();
}

void find_awaited(LongCall& call, const TraceEvent& event, const ScapEvent& enter, const EpollSets& epolls) {
  const std::string_view name = call.call;
  const Shape& shape = shape_of(static_cast<std::uint16_t>(enter.type + 1));
  if (shape.reads || shape.writes) {
    wait_on(call, event.file);
    call.writes = shape.writes;
  } else if (is_one_of(name, {"poll", "ppoll"})) {
    wait_for_poll(call, enter, *event.thread);
  } else if (is_one_of(name, {"epoll_wait", "epoll_pwait", "epoll_pwait2"})) {
    call.has_time_out = true;
    wait_ready(call, epolls.only_file(*event.thread));
  } else if (is_one_of(name, {"wait4", "waitid"})) {
    call.awaited = Awaited::Child;
  } else if (name == "flock" || locks_by_fcntl(enter, name)) {
    call.awaited = Awaited::Lock;
    call.own = event.file;
  } else if (is_one_of(name, {"open", "openat", "openat2"})) {
    wait_to_open(call, event, enter);
  } else if (name == "futex") {
    call.awaited = Awaited::Waker;
  }
}

}  // namespace

ChannelKey channel_key_of(const OpenFile& file) {
  switch (file.type) {
    case FdType::Unix:
      if (file.unix_source == 0) return {};
      return std::minmax(file.unix_source, file.unix_target);
    case FdType::IPv4:
    case FdType::IPv6:
      if (!file.has_ends || file.protocol != kTcp) return {};
      return {std::hash<std::string>()(file.name), 1};
    case FdType::Fifo:
    case FdType::File:
      if (file.inode == 0 || (file.type == FdType::File && !file.is_pipe)) return {};
      return {file.inode, std::hash<std::string>()(file.name) | 2};
    default:
      return {};
  }
}

LongCall long_call_of(const TraceEvent& event, const EpollSets& epolls, std::uint64_t now) {
  const bool is_end = event.is_exit();
  const PendingCall& pending = is_end ? *event.enter : event.thread->pending;
  LongCall call{.begin = is_end ? event.enter->time : event.raw.time,
                .end = is_end ? event.raw.time : std::max(event.raw.time, now),
                .number = is_end ? event.enter->number : event.number,
                .call = std::string(event_name(event)),
                .own = {},
                .is_under_way = !is_end,
                .began_earlier = pending.was_blocked};
  if (event.file != nullptr) call.file = text_of_file(*event.file);
  const std::int64_t result = is_end && event.has_result() ? event.result() : 0;
  if (is_failure(result)) call.failure = -result;
  call.is_interrupted = result == -EINTR || (result < 0 && !is_failure(result));
  if (is_end && pending.waker_tid != 0)
    call.waker = {.pid = pending.waker_pid, .tid = pending.waker_tid, .name = pending.waker_name};
  find_awaited(call, event, pending.event(event.raw.tid), epolls);
  return call;
}

}  // namespace slurper
