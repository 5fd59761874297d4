#include "trace/view/unseen.h"

#include <utility>

#include "trace/own_events.h"
#include "trace/view/shown_event.h"

namespace slurper {

namespace {

constexpr std::uint16_t kProcessExit = 186;
constexpr std::uint16_t kMmapExit = 161;
constexpr std::uint32_t kProtWrite = 2;
constexpr std::uint32_t kMapShared = 1;
// System calls on x86-64, which sysdig knows by name only.
constexpr std::uint16_t kIoUringSetup = 425;
constexpr std::uint16_t kIoUringEnter = 426;

}  // namespace

void Unseen::take(const TraceEvent& event) {
  if (event.raw.type == kMmapExit) return take_mapping(event);
  if (event.raw.type != kResultEvent || event.raw.number<std::int64_t>(0) < 0) return;
  // The generic exit before it has no number.
  if (!event.thread->pending.is_generic_done) return;
  const auto call = event.thread->pending.event(event.raw.tid).number<std::uint16_t>(1);
  if (call != kIoUringSetup && call != kIoUringEnter) return;
  Process& process = by_pid_[event.thread->pid];
  if (process.uses_io_uring) return;
  process.uses_io_uring = true;
  process.note = "unseen io_uring: what this process reads and writes through it makes no calls";
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
  Process& process = by_pid_[event.thread->pid];
  if (process.has_mapping) return;
  process.has_mapping = true;
  process.note = "unseen mapping=";
  append_name(process.note, file->name);
  process.note += ": what this process writes through memory makes no calls";
}

void Unseen::finish(const TraceEvent& event) {
  if (event.raw.type == kProcessExit && event.thread->tid == event.thread->pid)
    by_pid_.erase(event.thread->pid);
}

std::string Unseen::next_note(const TraceEvent& event) {
  if (by_pid_.empty()) return {};
  const auto found = by_pid_.find(event.thread->pid);
  return found == by_pid_.end() ? std::string() : std::exchange(found->second.note, {});
}

}  // namespace slurper
