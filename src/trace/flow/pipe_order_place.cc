// Where a read may have its bytes from.
#include <algorithm>
#include <string_view>

#include "trace/flow/pipe_order.h"

namespace slurper {

namespace {

constexpr std::uint64_t kPage = 4096;   // also PIPE_BUF
constexpr std::size_t kDeepest = 4096;  // pieces of a read behind which no other order is tried

// Whether what was recorded of both contradicts that these `count` bytes are the same.
bool differs(const PipeTransfer& read, std::uint64_t position, const PipeTransfer& write, std::uint64_t from,
             std::uint64_t count) {
  if (position >= read.data.size() || from >= write.data.size()) return false;
  const auto most = std::min({count, read.data.size() - position, write.data.size() - from});
  return std::string_view(read.data).substr(position, most) !=
         std::string_view(write.data).substr(from, most);
}

}  // namespace

std::uint64_t PipeOrder::size_at_most(const PipeTransfer& write) {
  if (write.end != kStillUnderWay) return write.length;
  return write.requested == 0 ? UINT64_MAX : write.requested;
}

void PipeOrder::place(const Order& order, const HeldRead& read, std::vector<Order>& found) {
  std::vector<FlowPiece> pieces;
  const std::size_t before = found.size();
  states_.clear();
  has_met_ = false;
  if (read.call.is_old) {
    Order after = order;
    std::vector<FlowPiece> all;
    if (read.call.length > 0)
      all.push_back({.offset = {}, .length = read.call.length, .write = {}, .doubt = unknown_reason_});
    add_answer(after, read, std::move(all));
    found.push_back(std::move(after));
  }
  if (order.unknown > 0) fill_unknown(order, read, found);
  fill(order, read, pieces, 0, nullptr, found);
  for (std::size_t i = before; has_met_ && i < found.size(); ++i)
    std::ranges::find(found[i].placed, read.id, &Placed::read)->is_ambiguous = true;
}

void PipeOrder::add_answer(Order& order, const HeldRead& read, std::vector<FlowPiece> pieces) {
  for (FlowPiece& piece : pieces)
    if (read.doubt != Doubt::None) piece.doubt = read.doubt;
  const Placed placed{.read = read.id, .answer = std::make_shared<std::vector<FlowPiece>>(std::move(pieces))};
  order.placed.insert(std::ranges::upper_bound(order.placed, read.id, {}, &Placed::read), placed);
}

// The read begins with bytes of which nothing is known: any number of them.
void PipeOrder::fill_unknown(const Order& order, const HeldRead& read, std::vector<Order>& found) {
  const std::uint64_t length = read.call.length;
  if (length == 0) return;
  // As many at most can come from known writes, and at least.
  std::uint64_t most = 0;
  std::uint64_t least = 0;
  const bool takes_all = read.call.takes_all && read.call.requested > length;
  for (const Ended& one : ended_) {
    if (one.write->begin >= read.call.end) continue;
    const std::uint64_t left = one.write->length - taken_of(order, one.write);
    most += left;
    if (takes_all && one.write->end < read.call.begin) least += left;
  }
  for (const Write& write : pending_writes_)
    if (write->begin < read.call.end) most += std::min(size_at_most(*write), length);
  const std::uint64_t begin = most >= length ? 1 : length - most;
  const std::uint64_t end = least >= length ? 0 : std::min(length - least, order.unknown);
  for (std::uint64_t count = begin; count <= end && found.size() <= kMost && effort_ > 0; ++count) {
    --effort_;
    Order after = order;
    after.unknown -= count;
    after.offset += count;
    std::vector<FlowPiece> pieces(1);
    pieces.front() = {.offset = order.offset, .length = count, .write = {}, .doubt = unknown_reason_};
    if (count < length) after.unknown = 0;
    fill(after, read, pieces, count, nullptr, found);
  }
}

bool PipeOrder::leaves_enough_empty(const Order& order, const PipeTransfer& read,
                                    const std::vector<FlowPiece>& pieces) const {
  const bool ends_with_packet = !pieces.empty() && pieces.back().write && pieces.back().write->is_packet;
  if (!read.takes_all || read.requested <= read.length || ends_with_packet) return true;
  const Ended* const first = first_left(order);
  if (first != nullptr && first->write->end < read.begin) return false;
  return std::ranges::none_of(order.taken, [](const auto& one) {
    return one.second > 0 && one.first->end != kStillUnderWay && one.second < one.first->length &&
           !one.first->may_be_divided;
  });
}

void PipeOrder::take(Order& order, const Write& write, std::uint64_t count) const {
  auto found = std::ranges::find(order.taken, write, &std::pair<Write, std::uint64_t>::first);
  if (found == order.taken.end()) found = order.taken.insert(order.taken.end(), {write, 0});
  found->second += count;
  order.unknown = 0;
  while (order.base < first_rank_ + ended_.size()) {
    const Write& first = ended_[order.base - first_rank_].write;
    const auto one = std::ranges::find(order.taken, first, &std::pair<Write, std::uint64_t>::first);
    if (one == order.taken.end() || one->second < first->length) break;
    order.taken.erase(one);
    ++order.base;
  }
}

// What the bytes from `position` on may be: the next ones of these writes.
std::vector<PipeOrder::Step> PipeOrder::next_steps(const Order& order, const HeldRead& read,
                                                   std::uint64_t position, const PipeTransfer* interrupted) {
  std::vector<Step> steps;
  const std::uint64_t left = read.call.length - position;
  const std::vector<Write> all = candidates(order);
  for (const Write& write : all) {
    if (write.get() == interrupted || write->begin >= read.call.end) continue;
    const std::uint64_t taken = taken_of(order, write);
    const std::uint64_t count = std::min(left, size_at_most(*write) - taken);
    if (differs(read.call, position, *write, taken, count)) continue;
    if (write->is_packet) {
      const std::uint64_t packet = std::min(kPage - taken % kPage, size_at_most(*write) - taken);
      const std::uint64_t part = std::min(left, packet);
      const bool is_cut = part < packet;
      // A read ends with a packet, and with a part of one if it asked for no more.
      if (part == left && (!is_cut || read.call.requested == read.call.length))
        steps.push_back({.write = write, .count = part, .gone = packet});
      continue;
    }
    // It may be interrupted behind each page, and behind what filled up the page before it.
    if (write->may_be_divided && all.size() > 1) {
      const std::uint64_t filled_up = (write->requested == 0 ? write->length : write->requested) % kPage;
      for (std::uint64_t part = 1; part < count && steps.size() <= kMost; ++part) {
        const std::uint64_t behind = (taken + part) % kPage;
        if (behind == 0 || behind == filled_up)
          steps.push_back({.write = write, .count = part, .gone = part, .divides = true});
      }
    }
    steps.push_back({.write = write, .count = count, .gone = count});
  }
  return steps;
}

// Whether other bytes in front of this place have led to the same state: what follows is the same, too.
bool PipeOrder::is_known(const Order& order, std::uint64_t position, const PipeTransfer* interrupted) {
  State state{position, order.base, order.offset, interrupted, {}};
  for (const auto& [write, taken] : order.taken) state.taken.emplace_back(write.get(), taken);
  std::ranges::sort(state.taken);
  const bool is_new = states_.insert(std::move(state)).second;
  has_met_ = has_met_ || !is_new;
  return !is_new;
}

void PipeOrder::go(const Step& step, Order& order, std::vector<FlowPiece>& pieces) const {
  pieces.push_back({.offset = order.offset,
                    .length = step.count,
                    .discarded = step.gone - step.count,
                    .from = taken_of(order, step.write),
                    .write = step.write});
  order.offset += step.gone;
  take(order, step.write, step.gone);
}

// `interrupted`: the write that another one has to follow. Leaves `pieces` as they are.
void PipeOrder::fill(Order order, const HeldRead& read, std::vector<FlowPiece>& pieces,
                     std::uint64_t position, const PipeTransfer* interrupted, std::vector<Order>& found) {
  const std::size_t before = pieces.size();
  while (position < read.call.length && found.size() <= kMost) {
    if (effort_ == 0) break;
    --effort_;
    const std::vector<Step> steps = next_steps(order, read, position, interrupted);
    if (steps.size() > 1 && pieces.size() > kDeepest) effort_ = 0;
    if (steps.size() != 1) {
      if (steps.size() > 1 && is_known(order, position, interrupted)) {
        pieces.resize(before);
        return;
      }
      for (const Step& step : steps) {
        Order after = order;
        go(step, after, pieces);
        const PipeTransfer* const divided = step.divides ? step.write.get() : nullptr;
        fill(std::move(after), read, pieces, position + step.count, divided, found);
        pieces.pop_back();
      }
      break;
    }
    go(steps.front(), order, pieces);
    position += steps.front().count;
    interrupted = steps.front().divides ? steps.front().write.get() : nullptr;
  }
  if (position == read.call.length && leaves_enough_empty(order, read.call, pieces)) {
    if (read.call.takes_all && read.call.requested > read.call.length) order.unknown = 0;
    add_answer(order, read, pieces);
    found.push_back(std::move(order));
  }
  pieces.resize(before);
}

}  // namespace slurper
