#include "trace/flow/pipe_order.h"

#include <algorithm>
#include <ranges>
#include <string_view>

namespace slurper {

namespace {

constexpr std::size_t kMostUndecided = 256;    // reads that wait for a later one to tell the orders apart
constexpr std::uint64_t kMostEffort = 10'000;  // steps that are tried for one read
constexpr std::size_t kPatience = 16;          // reads that wait for the only write under way to end

bool is_same(const std::vector<FlowPiece>& one, const std::vector<FlowPiece>& other) {
  return std::ranges::equal(one, other, [](const FlowPiece& a, const FlowPiece& b) {
    return a.write == b.write && a.from == b.from && a.length == b.length && a.discarded == b.discarded;
  });
}

// Where the orders disagree on the place in the pipe alone, the names are sure.
std::vector<FlowPiece> without_differing_offsets(const std::vector<FlowPiece>& one,
                                                 const std::vector<FlowPiece>& other) {
  std::vector<FlowPiece> pieces = one;
  for (std::size_t i = 0; i < pieces.size(); ++i)
    if (pieces[i].offset != other[i].offset) pieces[i].offset.reset();
  return pieces;
}

bool is_whole_known(const PipeTransfer& read) {
  return read.data.size() >= read.length;
}

}  // namespace

void PipeOrder::start(std::uint64_t unknown, Doubt reason) {
  orders_.assign(1, Order{});
  orders_.front().unknown = unknown;
  orders_.front().base = first_rank_ + ended_.size();
  first_rank_ = orders_.front().base;
  ended_.clear();
  for (const Write& write : pending_writes_) write->is_old = true;
  for (PendingRead& read : pending_reads_) read.is_old = true;
  forget_reads();
  unknown_reason_ = reason;
  written_ = 0;
  has_too_many_ = is_forced_ = false;
  awaited_.reset();
}

void PipeOrder::begin_write(Write write) {
  pending_writes_.push_back(std::move(write));
}

void PipeOrder::end_write(const Write& write) {
  std::erase(pending_writes_, write);
  std::erase_if(orders_, [&](const Order& order) { return taken_of(order, write) > write->length; });
  if (write->length == 0) return;
  if (write->is_old) {  // it was read already, or it was not
    std::vector<Order> without = orders_;
    for (Order& order : without) {
      std::erase_if(order.taken, [&](const auto& one) { return one.first == write; });
      order.taken.emplace_back(write, write->length);
    }
    orders_.insert(orders_.end(), without.begin(), without.end());
    has_too_many_ = orders_.size() > kMost || write->may_be_divided;
  }
  written_ += write->length;
  // They stand in order of their ends: those that it overlaps are the last.
  for (std::size_t i = ended_.size(); i-- > 0 && ended_[i].write->end > write->begin;)
    ended_[i].later.push_back(write);
  ended_.push_back({write, {}});
}

void PipeOrder::begin_read(std::uint64_t key, std::uint64_t begin) {
  end_read(key, std::nullopt);
  pending_reads_.push_back({key, begin});
}

void PipeOrder::end_read(std::uint64_t key, std::optional<PipeTransfer> read) {
  const auto found = std::ranges::find(pending_reads_, key, &PendingRead::key);
  if (found != pending_reads_.end()) {
    if (read) read->is_old = read->is_old || found->is_old;
    pending_reads_.erase(found);
  }
  if (awaited_ == key) awaited_.reset();
  if (read) {
    const std::uint64_t id = next_read_++;
    for (std::size_t i = reads_.size(); i-- > 0 && reads_[i].call.end > read->begin;)
      reads_[i].later.push_back(id);
    held_bytes_ += read->length;
    held_data_ += read->data.size();
    reads_.push_back({.id = id, .call = std::move(*read), .later = {}});
  }
  find_drained();
}

// If all that was written was read, those who still wait have read nothing so far.
void PipeOrder::find_drained() {
  if (reads_.empty() || pending_reads_.empty() || !pending_writes_.empty() || balance() != 0) return;
  if (std::ranges::any_of(orders_, [](const Order& order) { return order.unknown > 0; })) return;
  const std::uint64_t now = reads_.back().call.end;
  for (PendingRead& pending : pending_reads_)
    if (!pending.is_old) pending.begin = std::max(pending.begin, now);
  awaited_.reset();
}

std::uint64_t PipeOrder::taken_of(const Order& order, const Write& write) const {
  const auto found = std::ranges::find(order.taken, write, &std::pair<Write, std::uint64_t>::first);
  return found == order.taken.end() ? 0 : found->second;
}

bool PipeOrder::has_placed(const Order& order, const HeldRead& read) {
  return std::ranges::binary_search(order.placed, read.id, {}, &Placed::read);
}

const PipeOrder::HeldRead* PipeOrder::first_unplaced(const Order& order) const {
  std::size_t first = 0;
  while (first < order.placed.size() && order.placed[first].read == reads_[first].id) ++first;
  return first < reads_.size() ? &reads_[first] : nullptr;
}

// The write that ended first of those that are not in the reads as a whole.
const PipeOrder::Ended* PipeOrder::first_left(const Order& order) const {
  for (std::uint64_t rank = order.base; rank < first_rank_ + ended_.size(); ++rank) {
    const Ended& one = ended_[rank - first_rank_];
    if (taken_of(order, one.write) < one.write->length) return &one;
  }
  return nullptr;
}

// The writes that the next byte may be of, those first that ended first.
std::vector<PipeOrder::Write> PipeOrder::candidates(const Order& order) const {
  for (const auto& [write, taken] : order.taken)
    if (taken > 0 && taken < size_at_most(*write) && !write->may_be_divided) return {write};
  std::vector<Write> found;
  const Ended* const first = first_left(order);
  const std::uint64_t end = first == nullptr ? kStillUnderWay : first->write->end;
  if (first != nullptr) {
    found.push_back(first->write);
    for (const Write& write : first->later)
      if (taken_of(order, write) < write->length) found.push_back(write);
  }
  for (const Write& write : pending_writes_)
    if (write->begin < end && taken_of(order, write) < size_at_most(*write)) found.push_back(write);
  return found;
}

// Whether a read that has not ended may have taken bytes before `first` did.
bool PipeOrder::may_precede(const Order& order, const HeldRead& first, std::uint64_t end) const {
  if (order.unknown > 0) return true;
  std::uint64_t left = 0;
  for (const Write& write : pending_writes_)
    if (write->begin < end) return true;
  for (std::uint64_t rank = order.base; rank < first_rank_ + ended_.size(); ++rank) {
    const Write& write = ended_[rank - first_rank_].write;
    if (write->begin >= end) continue;
    left += write->length - taken_of(order, write);
    if (left > first.call.length) return true;
  }
  return left != first.call.length;
}

bool PipeOrder::is_ready(bool is_patient) {
  for (const Order& order : orders_) {
    const HeldRead* const first = first_unplaced(order);
    if (first == nullptr) return false;
    // Each read that may come next begins before this one ends.
    std::uint64_t last_end = first->call.end;
    if (!first->later.empty()) last_end = reads_[first->later.back() - reads_.front().id].call.end;
    for (const PendingRead& pending : pending_reads_) {
      if (pending.begin >= first->call.end || !may_precede(order, *first, last_end)) continue;
      awaited_ = pending.key;
      return false;
    }
    for (const Write& pending : pending_writes_) {
      if (pending->begin >= last_end) continue;
      const bool is_alone = pending_writes_.size() == 1 && !pending->is_old &&
                            (ended_.empty() || ended_.back().write->end < pending->begin);
      if (!is_alone || (is_patient && reads_.size() < kPatience)) return false;
    }
  }
  return true;
}

bool PipeOrder::advance(bool force) {
  while (!orders_.empty() && !has_too_many_) {
    if (first_unplaced(orders_.front()) == nullptr) return true;
    if (awaited_ && !force) return true;
    const bool ready = is_ready(!force);
    if (!ready && !force) return true;
    is_forced_ = is_forced_ || !ready;
    std::vector<Order> next;
    effort_ = kMostEffort;
    for (const Order& order : orders_) {
      const HeldRead* const first = first_unplaced(order);
      std::vector<std::uint64_t> ids = first->later;
      ids.insert(ids.begin(), first->id);
      for (const std::uint64_t id : ids) {
        HeldRead& read = reads_[id - reads_.front().id];
        if (has_placed(order, read)) continue;
        if (is_forced_) read.doubt = Doubt::UnderWay;
        place(order, read, next);
      }
      if (next.size() > kMost) break;
    }
    has_too_many_ = next.size() > kMost || effort_ == 0;
    if (has_too_many_ || next.empty()) return false;
    merge(next);
    orders_ = std::move(next);
    forget_taken();
  }
  return false;
}

std::uint64_t PipeOrder::left(const Order& order) const {
  std::uint64_t left = written_;
  for (std::uint64_t rank = first_rank_; rank < order.base; ++rank)
    left -= ended_[rank - first_rank_].write->length;
  for (const auto& [write, taken] : order.taken)
    if (write->end != kStillUnderWay) left -= taken;
  return left;
}

std::int64_t PipeOrder::balance() const {
  if (orders_.empty()) return 0;
  const Order& order = orders_.front();
  std::uint64_t held = held_bytes_;
  for (const Placed& one : order.placed) held -= reads_[one.read - reads_.front().id].call.length;
  return static_cast<std::int64_t>(left(order)) - static_cast<std::int64_t>(held);
}

std::vector<FlowPiece> PipeOrder::unread_pieces() const {
  std::vector<FlowPiece> pieces;
  if (orders_.empty() || !reads_.empty()) return pieces;
  const bool is_sure = !is_forced_ && pending_reads_.empty();
  std::optional<std::uint64_t> offset = orders_.front().offset;
  if (orders_.size() > 1 || orders_.front().unknown > 0) offset.reset();
  for (std::uint64_t rank = first_rank_; rank < first_rank_ + ended_.size(); ++rank) {
    const auto& [write, later] = ended_[rank - first_rank_];
    const auto taken = [&](const Order& order) {
      return rank < order.base ? write->length : taken_of(order, write);
    };
    const std::uint64_t most = std::ranges::max(orders_ | std::views::transform(taken));
    const bool is_agreed = std::ranges::all_of(orders_, [&](const Order& one) { return taken(one) == most; });
    if (most >= write->length || !is_agreed) continue;
    if (!later.empty()) offset.reset();  // either may be in front of the other
    const std::uint64_t left = write->length - most;
    pieces.push_back({.offset = offset,
                      .length = left,
                      .from = most,
                      .write = write,
                      .doubt = is_sure ? Doubt::None : Doubt::UnderWay});
    if (offset) *offset += left;
  }
  return pieces;
}

std::optional<std::uint64_t> PipeOrder::end() const {
  const bool is_known =
      !orders_.empty() && std::ranges::all_of(orders_, [](const Order& order) { return order.unknown == 0; });
  if (!is_known) return std::nullopt;
  return orders_.front().offset + left(orders_.front());
}

void PipeOrder::set_empty() {
  for (Order& order : orders_) {
    order.offset += left(order);
    order.unknown = 0;
    order.taken.clear();
    order.base = first_rank_ + ended_.size();
  }
  forget_taken();
}

void PipeOrder::merge(std::vector<Order>& orders) const {
  std::vector<Order> merged;
  for (Order& order : orders) {
    const auto same = std::ranges::find_if(merged, [&](const Order& other) {
      return order.base == other.base && order.unknown == other.unknown &&
             std::ranges::is_permutation(order.taken, other.taken) &&
             std::ranges::equal(order.placed, other.placed, {}, &Placed::read, &Placed::read);
    });
    if (same == merged.end()) {
      merged.push_back(std::move(order));
      continue;
    }
    for (std::size_t i = 0; i < order.placed.size(); ++i) {
      Placed& kept = same->placed[i];
      const Placed& other = order.placed[i];
      kept.is_ambiguous = kept.is_ambiguous || other.is_ambiguous;
      if (kept.answer == other.answer) continue;
      if (is_same(*kept.answer, *other.answer)) {
        kept.answer =
            std::make_shared<std::vector<FlowPiece>>(without_differing_offsets(*kept.answer, *other.answer));
      } else {
        kept.is_ambiguous = true;
      }
    }
  }
  orders = std::move(merged);
}

void PipeOrder::forget_taken() {
  std::uint64_t least = first_rank_ + ended_.size();
  for (const Order& order : orders_) least = std::min(least, order.base);
  while (first_rank_ < least) {
    written_ -= ended_.front().write->length;
    ended_.pop_front();
    ++first_rank_;
  }
}

std::optional<FlowRead> PipeOrder::next(bool waits) {
  if (reads_.empty() || orders_.empty()) return std::nullopt;
  const HeldRead& read = reads_.front();
  std::vector<const Placed*> all;
  for (const Order& order : orders_) {
    if (order.placed.empty() || order.placed.front().read != read.id) return std::nullopt;
    all.push_back(&order.placed.front());
  }
  bool is_ambiguous = false;
  std::vector<FlowPiece> pieces = *all.front()->answer;
  Doubt other = Doubt::None;
  for (const Placed* const one : all) {
    is_ambiguous = is_ambiguous || one->is_ambiguous;
    if (is_same(pieces, *one->answer)) {
      pieces = without_differing_offsets(pieces, *one->answer);
      continue;
    }
    is_ambiguous = true;
    if (waits && reads_.size() < kMostUndecided) return std::nullopt;
  }
  for (const Placed* const one : all)
    for (const FlowPiece& piece : *one->answer)
      if (!piece.write) other = unknown_reason_;
  for (FlowPiece& piece : pieces) {
    if (!is_ambiguous || piece.doubt != Doubt::None) continue;
    piece.doubt = other != Doubt::None        ? other
                  : is_whole_known(read.call) ? Doubt::Identical
                                              : Doubt::Snaplen;
  }
  held_bytes_ -= read.call.length;
  held_data_ -= read.call.data.size();
  FlowRead result{.read = std::move(reads_.front().call), .pieces = std::move(pieces)};
  for (Order& order : orders_) order.placed.erase(order.placed.begin());
  reads_.pop_front();
  return result;
}

void PipeOrder::forget_reads() {
  reads_.clear();
  held_bytes_ = held_data_ = 0;
}

std::vector<FlowRead> PipeOrder::give_up(Doubt reason) {
  std::vector<FlowRead> all;
  for (const HeldRead& read : reads_) {
    FlowRead one{.read = read.call, .pieces = {}};
    static const std::vector<Placed> none;
    const std::vector<Placed>& placed = orders_.empty() ? none : orders_.front().placed;
    const auto found = std::ranges::find(placed, read.id, &Placed::read);
    if (found != placed.end()) {
      one.pieces = *found->answer;
      for (FlowPiece& piece : one.pieces) {
        piece.offset.reset();
        if (piece.doubt == Doubt::None) piece.doubt = reason;
      }
    } else if (read.call.length > 0) {
      one.pieces.push_back({.offset = {}, .length = read.call.length, .write = {}, .doubt = reason});
    }
    all.push_back(std::move(one));
  }
  forget_reads();
  return all;
}

}  // namespace slurper
