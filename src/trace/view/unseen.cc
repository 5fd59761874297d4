#include "trace/view/unseen.h"

#include <utility>

#include "trace/own_events.h"
#include "trace/view/shown_event.h"

namespace slurper {

namespace {

constexpr std::uint16_t kMmapExit = 161;
constexpr std::uint32_t kProtWrite = 2;
constexpr std::uint32_t kMapShared = 1;
// System calls on x86-64, which sysdig knows by name only.
constexpr std::uint16_t kIoUringSetup = 425;
constexpr std::uint16_t kIoUringEnter = 426;

}  // namespace

void Unseen::take(const TraceEvent& event) {
  if (event.raw.type == kMmapExit) return take_mapping(event);
  if (event.raw.type == kMappingEvent) return take_name(event, text_of(event.raw.param(0)));
  if (event.raw.type != kResultEvent || event.raw.number<std::int64_t>(0) < 0) return;
  // The generic exit before it has no number.
  if (!event.thread->pending.is_generic_done) return;
  const auto call = event.thread->pending.event(event.raw.tid).number<std::uint16_t>(1);
  if (call != kIoUringSetup && call != kIoUringEnter) return;
  take_name(event, kIoUringQueues);
}

void Unseen::take_name(const TraceEvent& event, std::string_view name) {
  Process& process = by_pid_[event.thread->pid];
  bool& is_known = name == kIoUringQueues ? process.uses_io_uring : process.has_mapping;
  if (std::exchange(is_known, true)) return;
  if (name == kIoUringQueues) {
    process.notes.emplace_back(
        "unseen io_uring: what this process reads and writes through it makes no calls");
    return;
  }
  std::string note = "unseen mapping=";
  append_name(note, name);
  process.notes.push_back(note + ": what this process writes through memory makes no calls");
}

// Of memory alone, of a private copy, or to read from it: that writes nothing. The queues of an io_uring are
// of no file that the model knows.
void Unseen::take_mapping(const TraceEvent& event) {
  constexpr std::uint64_t kFirstError = static_cast<std::uint64_t>(-4095);
  if (event.enter == nullptr || event.raw.number<std::uint64_t>(0) >= kFirstError) return;
  const ScapEvent enter = event.enter->event(event.raw.tid);
  if ((enter.number<std::uint32_t>(2) & kProtWrite) == 0 ||
      (enter.number<std::uint32_t>(3) & kMapShared) == 0)
    return;
  const OpenFilePointer& file = event.thread->fds->find(enter.number<std::int64_t>(4));
  if (file == nullptr || file->type != FdType::File) return;
  take_name(event, file->name);
}

void Unseen::finish(const TraceEvent& event) {
  if (event.raw.type == kProcessExit && event.thread->tid == event.thread->pid)
    by_pid_.erase(event.thread->pid);
}

std::vector<std::string> Unseen::take_notes(const TraceEvent& event) {
  if (by_pid_.empty()) return {};
  const auto found = by_pid_.find(event.thread->pid);
  return found == by_pid_.end() ? std::vector<std::string>() : std::exchange(found->second.notes, {});
}

}  // namespace slurper
