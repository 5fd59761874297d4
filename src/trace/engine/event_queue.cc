#include "trace/engine/event_queue.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

namespace slurper {

void EventQueue::add(const EventHead& event, const ScapParams& params) {
  const std::size_t offset = blocks_.size();
  append_event(blocks_, event, params);
  waiting_.push_back({event.time, next_number_++, offset, blocks_.size() - offset});
}

void EventQueue::take_until(std::uint64_t time, std::string& out) {
  const auto in_order = [](const Waiting& a, const Waiting& b) {
    return std::tie(a.time, a.number) < std::tie(b.time, b.number);
  };
  // Most of what waits is in order already.
  if (!std::ranges::is_sorted(waiting_, in_order)) std::ranges::sort(waiting_, in_order);
  const auto end = std::ranges::find_if(waiting_, [&](const Waiting& one) { return one.time >= time; });
  if (end == waiting_.begin()) return;
  for (const Waiting& one : std::span(waiting_.begin(), end)) out.append(blocks_, one.offset, one.size);
  waiting_.erase(waiting_.begin(), end);
  std::string rest;
  for (Waiting& one : waiting_) {
    const std::size_t offset = rest.size();
    rest.append(blocks_, one.offset, one.size);
    one.offset = offset;
  }
  blocks_ = std::move(rest);
}

}  // namespace slurper
