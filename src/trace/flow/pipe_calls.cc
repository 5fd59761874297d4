#include "trace/flow/pipe_calls.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "trace/own_events.h"

namespace slurper {

namespace {

constexpr std::uint16_t kRead = 6;  // the types of enter events; an exit's is one above
constexpr std::uint16_t kWrite = 8;
constexpr std::uint16_t kReadv = 116;
constexpr std::uint16_t kWritev = 118;
constexpr std::uint16_t kPreadv = 120;  // preadv2(2) reads a pipe if its offset is -1
constexpr std::uint16_t kPwritev = 122;
constexpr std::uint16_t kSplice = 166;
constexpr std::uint16_t kSendfile = 188;
constexpr std::uint16_t kTee = 276;  // numbers of calls
constexpr std::uint16_t kVmsplice = 278;

constexpr std::uint64_t kAtomic = 4096;  // PIPE_BUF

PipeSide side_of(const TraceEvent& event, bool is_write, std::int64_t fd, const OpenFilePointer& file) {
  PipeSide side{.is_write = is_write, .fd = fd, .file = file, .call = {}};
  side.call.begin = side.call.number = event.number;
  const Thread& main = event.model->main_of(*event.thread);
  side.call.user = {
      .pid = event.thread->pid, .name = main.name.empty() ? event.thread->name : main.name, .fd = fd};
  side.call.is_packet = is_write && file->is_packet;
  return side;
}

void set_end(PipeSide& side, const TraceEvent& event, std::int64_t result, std::string_view data) {
  side.call.end = event.number;
  side.call.length = result > 0 ? static_cast<std::uint64_t>(result) : 0;
  side.call.data = data.substr(0, side.call.length);
}

void add_begin(std::vector<PipeSide>& sides, const TraceEvent& event, bool is_write, std::int64_t fd) {
  const OpenFilePointer& file = event.thread->fds->find(fd);
  if (file != nullptr && is_pipe(*file)) sides.push_back(side_of(event, is_write, fd, file));
}

std::uint64_t requested(const TraceEvent& event, std::uint16_t type) {
  const bool is_in_exit = type == kReadv || type == kPreadv;
  if (is_in_exit) return event.is_exit() ? event.raw.number<std::uint32_t>(1) : 0;
  if (!event.is_exit()) return event.raw.number<std::uint32_t>(1);
  return event.enter == nullptr ? 0 : event.enter->event(event.raw.tid).number<std::uint32_t>(1);
}

// read, write, and their like.
void add_plain(std::vector<PipeSide>& sides, const TraceEvent& event, std::uint16_t type) {
  if (event.file == nullptr || !is_pipe(*event.file)) return;
  const bool is_write = type == kWrite || type == kWritev || type == kPwritev;
  PipeSide side = side_of(event, is_write, event.fd, event.file);
  side.call.requested = requested(event, type);
  side.call.takes_all = !is_write;
  side.call.may_be_divided = is_write && side.call.requested > kAtomic && !side.call.is_packet;
  if (event.is_exit()) {
    const auto data = event.shape->data < 0 ? std::string_view()
                                            : event.raw.param(static_cast<std::size_t>(event.shape->data));
    set_end(side, event, event.result(), data);
    side.call.begin = event.enter == nullptr ? 0 : event.enter->number;
    if (event.enter != nullptr) side.call.number = event.enter->number;
    side.found_empty =
        !is_write && side.call.requested > 0 && (event.result() == 0 || event.result() == -EAGAIN);
  }
  sides.push_back(std::move(side));
}

// splice(2) and sendfile(2), whose bytes are not recorded. What they have begun with tells which pipes.
void add_copy(std::vector<PipeSide>& sides, const TraceEvent& event, std::uint16_t type) {
  if (event.is_exit() && event.enter == nullptr) return;
  const ScapEvent enter = event.is_exit() ? event.enter->event(event.raw.tid) : event.raw;
  const std::size_t in = type == kSplice ? 0 : 1;
  add_begin(sides, event, false, enter.number<std::int64_t>(in));
  add_begin(sides, event, true, enter.number<std::int64_t>(1 - in));
  for (PipeSide& side : sides) {
    if (!event.is_exit()) continue;
    set_end(side, event, event.result(), {});
    side.call.begin = side.call.number = event.enter->number;
  }
}

// tee(2) and vmsplice(2), which sysdig knows by name only: the result says what they did.
void add_generic(std::vector<PipeSide>& sides, const TraceEvent& event) {
  const PendingCall& call = event.thread->pending;
  if (!call.is_generic_done) return;
  const auto number = call.event(event.raw.tid).number<std::uint16_t>(1);
  const auto result = event.raw.number<std::int64_t>(0);
  if ((number != kTee && number != kVmsplice) || result <= 0) return;
  const auto fd = static_cast<std::int32_t>(event.raw.number<std::uint64_t>(number == kTee ? 3 : 2));
  const OpenFilePointer& file = event.thread->fds->find(fd);
  const bool reads = number == kVmsplice && file != nullptr && file->is_for_reading && !file->is_for_writing;
  add_begin(sides, event, !reads, fd);
  for (PipeSide& side : sides) {
    set_end(side, event, result, {});
    side.call.begin = side.call.number = call.number;
  }
}

}  // namespace

bool is_pipe(const OpenFile& file) {
  return file.type == FdType::Fifo || file.is_pipe;
}

std::vector<PipeSide> pipe_sides(const TraceEvent& event) {
  std::vector<PipeSide> sides;
  if (event.raw.type == kResultEvent) {
    add_generic(sides, event);
    return sides;
  }
  if (event.is_own || event.shape->info->is_single || (event.is_exit() && !event.has_result())) return sides;
  const auto type = static_cast<std::uint16_t>(event.raw.type - (event.is_exit() ? 1 : 0));
  switch (type) {
    case kRead:
    case kWrite:
    case kReadv:
    case kWritev:
    case kPreadv:
    case kPwritev:
      add_plain(sides, event, type);
      break;
    case kSplice:
    case kSendfile:
      add_copy(sides, event, type);
      break;
    default:
      break;
  }
  return sides;
}

}  // namespace slurper
