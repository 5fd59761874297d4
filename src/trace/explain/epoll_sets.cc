#include "trace/explain/epoll_sets.h"

#include <algorithm>

#include "trace/own_events.h"

namespace slurper {

namespace {

constexpr std::size_t kMaxSets = 4096;
constexpr std::size_t kMaxWatched = 16;  // one is of interest

// The calls that sysdig has no event for, by their numbers on x86-64; and the operations of epoll_ctl(2).
constexpr std::uint16_t kEpollControl = 233;
constexpr std::uint64_t kAdd = 1;
constexpr std::uint64_t kDelete = 2;

}  // namespace

void EpollSets::take(const TraceEvent& event) {
  const PendingCall& call = event.thread->pending;
  if (event.raw.type != kResultEvent || !call.is_generic_done) return;
  const auto result = event.raw.number<std::int64_t>(0);
  if (result < 0) return;
  if (event.file != nullptr && event.file->type == FdType::EventPoll) {  // it has just been made
    if (sets_.size() >= kMaxSets)
      std::erase_if(sets_, [](const auto& one) { return one.second.instance.use_count() == 1; });
    if (sets_.size() < kMaxSets) sets_[event.file.get()] = {.instance = event.file, .watched = {}};
    return;
  }
  if (call.event(event.raw.tid).number<std::uint16_t>(1) != kEpollControl || event.raw.param_count < 5)
    return;
  const FdTable& fds = *event.thread->fds;
  const auto found = sets_.find(fds.find(event.raw.number<std::int64_t>(2)).get());
  if (found == sets_.end()) return;
  const auto operation = event.raw.number<std::uint64_t>(3);
  const auto fd = event.raw.number<std::int64_t>(4);
  Set& set = found->second;
  if (operation == kDelete) set.watched.erase(fd);
  if (operation != kAdd) return;
  set.is_large = set.is_large || set.watched.size() >= kMaxWatched;
  if (!set.is_large) set.watched[fd] = fds.find(fd);
}

OpenFilePointer EpollSets::only_file(const Thread& thread) const {
  const OpenFile* instance = nullptr;
  std::size_t instances = 0;
  thread.fds->for_each([&](std::int64_t /*fd*/, const OpenFile& file, bool /*close_on_exec*/) {
    if (file.type != FdType::EventPoll) return;
    ++instances;
    instance = &file;
  });
  const auto found = instances == 1 ? sets_.find(instance) : sets_.end();
  if (found == sets_.end() || found->second.is_large) return nullptr;
  OpenFilePointer only;
  for (const auto& [fd, watched] : found->second.watched) {
    // What has been closed is watched no more. A descriptor that the model does not know may be anything.
    OpenFilePointer file = watched.lock();
    const bool is_unknown = file == nullptr && thread.fds->find(fd) != nullptr;
    if (is_unknown || (only != nullptr && file != nullptr)) return nullptr;
    if (file != nullptr) only = std::move(file);
  }
  return only;
}

}  // namespace slurper
