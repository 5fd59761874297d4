#include "trace/flow/pipe_flow.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace slurper {

namespace {

// What a pipe holds at most if nothing is known of it: /proc/sys/fs/pipe-max-size, unless that was raised.
constexpr std::uint64_t kMostCapacity = std::uint64_t{1} << 20;
// Reads that wait for the end of other calls: a reader may sleep in a call while others read on.
constexpr std::size_t kMostHeld = 65536;
constexpr std::uint64_t kMostHeldData = std::uint64_t{8} << 20;  // bytes
constexpr int kMostContradictions = 3;                           // that a loss may explain

}  // namespace

PipeFlow::PipeFlow(std::uint64_t id, std::string name, bool is_new, bool sees_all, Report report)
    : id_(id),
      name_(std::move(name)),
      sees_all_(sees_all),
      report_(std::move(report)),
      capacity_(kMostCapacity) {
  order_.start(is_new ? 0 : capacity_, reason_);
}

void PipeFlow::begin_write(std::int64_t tid, PipeTransfer call) {
  now_ = call.begin;
  has_packets_ = has_packets_ || call.is_packet;
  const auto write = std::make_shared<PipeTransfer>(std::move(call));
  writing_[tid] = write;
  if (!is_shared_) order_.begin_write(write);
}

void PipeFlow::end_write(std::int64_t tid, PipeTransfer call) {
  last_offset_.reset();
  now_ = call.end;
  has_packets_ = has_packets_ || call.is_packet;
  const auto found = writing_.find(tid);
  PipeOrder::Write write;
  if (found == writing_.end()) {
    // What it wrote may be anywhere among the bytes since the loss.
    if (call.begin <= lost_at_ && !is_shared_ && call.length > 0) return lose(reason_);
    const std::uint64_t end = call.end;
    write = std::make_shared<PipeTransfer>(std::move(call));
    write->end = kStillUnderWay;
    if (!is_shared_) order_.begin_write(write);
    write->end = end;
  } else {
    write = std::move(found->second);
    writing_.erase(found);
    write->end = call.end;
    write->length = call.length;
    write->data = std::move(call.data);
    write->is_wanted = write->is_wanted || call.is_wanted;
  }
  const bool is_alone = writing_.empty() && write->begin > last_write_end_;
  last_write_end_ = write->end;
  if (is_shared_) return keep_for_search(write);
  order_.end_write(write);
  if (is_alone && !has_lost_ && write->length > 0) {
    last_offset_ = order_.end();
    if (last_offset_) *last_offset_ -= write->length;
  }
  advance(false);
}

void PipeFlow::begin_read(std::int64_t tid, std::uint64_t begin) {
  now_ = begin;
  order_.begin_read(static_cast<std::uint64_t>(tid), begin);
}

void PipeFlow::end_read(std::int64_t tid, std::optional<PipeTransfer> call) {
  last_offset_.reset();
  const bool is_alone = call && order_.reads_under_way() <= 1 && call->begin > last_read_end_;
  if (call) {
    call->is_old = call->begin <= lost_at_;
    now_ = call->end;
    last_read_end_ = call->end;
    const bool counts = !has_lost_ && !is_shared_ && !has_packets_;
    if (is_alone && counts && call->length > 0) last_offset_ = read_;
    read_ += call->length;
  }
  if (is_shared_) {
    order_.end_read(static_cast<std::uint64_t>(tid), std::nullopt);
    if (call && call->length > 0) find_by_data(std::move(*call));
    return;
  }
  order_.end_read(static_cast<std::uint64_t>(tid), std::move(call));
  advance(false);
}

// More was written than the pipe holds, and what is being read.
bool PipeFlow::is_crowded() const {
  return order_.unread() > capacity_ * (1 + order_.reads_under_way());
}

void PipeFlow::advance(bool force) {
  const bool is_consistent = order_.advance(force);
  report_known(!force);
  const bool is_large = order_.held() > kMostHeld || order_.held_data() > kMostHeldData;
  if (is_consistent && is_large) return lose(Doubt::UnderWay);
  if (is_consistent && !is_crowded()) return;
  if (order_.has_too_many()) return lose(Doubt::Snaplen);
  const bool was_lost = reason_ != Doubt::BeforeTrace;
  if (was_lost && (sees_all_ || ++contradictions_ <= kMostContradictions)) return lose(reason_);
  give_up();
}

void PipeFlow::report_known(bool waits) {
  while (std::optional<FlowRead> read = order_.next(waits)) report(std::move(*read));
}

void PipeFlow::report(FlowRead read) {
  for (FlowPiece& piece : read.pieces) {
    if (has_lost_) piece.offset.reset();
    if (piece.doubt != Doubt::None) continue;
    if (is_losing_) piece.doubt = Doubt::Dropped;
    // Others may have written the same data.
    if (!sees_all_) piece.doubt = Doubt::NotWatched;
  }
  if (has_packets_ && read.read.end == now_ && !read.pieces.empty())
    last_offset_ = read.pieces.front().offset;
  if (!read.pieces.empty()) report_(*this, std::move(read));
}

void PipeFlow::abandon(std::int64_t tid) {
  order_.end_read(static_cast<std::uint64_t>(tid), std::nullopt);
  const auto found = writing_.find(tid);
  const bool was_write = found != writing_.end();
  const bool is_old = was_write && found->second->is_old;
  if (was_write) {
    order_.drop_write(found->second);
    writing_.erase(found);
  }
  // What ended during a loss is among the unknown bytes.
  if (!is_old) lose(is_losing_ ? Doubt::Dropped : Doubt::UnderWay);
}

void PipeFlow::begin_loss() {
  is_losing_ = true;
  contradictions_ = 0;
  lose(Doubt::Dropped);
}

void PipeFlow::end_loss() {
  if (!is_losing_) return;
  lose(Doubt::Dropped);
  is_losing_ = false;
}

void PipeFlow::lose(Doubt reason) {
  if (is_shared_) return;
  has_lost_ = true;
  lost_at_ = now_;
  last_offset_.reset();
  for (FlowRead& read : order_.give_up(reason)) report(std::move(read));
  reason_ = reason;
  order_.start(capacity_, reason);
}

void PipeFlow::give_up() {
  is_shared_ = has_lost_ = true;
  last_offset_.reset();
  std::vector<FlowRead> reads = order_.give_up(Doubt::NotWatched);
  order_.start(capacity_, Doubt::NotWatched);
  for (FlowRead& read : reads) report(std::move(read));
}

void PipeFlow::set_empty() {
  if (!is_shared_ && order_.is_idle()) order_.set_empty();
}

void PipeFlow::renew() {
  flush(Fate::Lost);
  is_shared_ = false;
  has_lost_ = true;  // how much was read by others is not known
  writing_.clear();
  recent_.clear();
  recent_bytes_ = 0;
  order_.start(capacity_, Doubt::BeforeTrace);
}

void PipeFlow::flush(Fate unread) {
  if (!is_shared_) advance(true);
  std::vector<FlowPiece> pieces;
  if (!is_shared_ && unread != Fate::Read) pieces = order_.unread_pieces();
  for (FlowPiece& piece : pieces) {
    FlowRead rest{.read = {}, .pieces = {}, .fate = unread};
    rest.read.is_wanted = false;
    rest.pieces.push_back(std::move(piece));
    report(std::move(rest));
  }
  for (FlowRead& read : order_.give_up(Doubt::UnderWay)) report(std::move(read));
}

void PipeFlow::keep_for_search(const PipeOrder::Write& write) {
  if (write->length == 0) return;
  recent_.push_back(write);
  recent_bytes_ += write->length;
  while (recent_bytes_ > capacity_) {
    recent_bytes_ -= recent_.front()->length;
    recent_.pop_front();
  }
}

// What others have written and read is not known: only the data say whose it may be.
void PipeFlow::find_by_data(PipeTransfer read) {
  FlowRead result{.read = std::move(read), .pieces = {}};
  const std::string_view data = result.read.data;
  std::uint64_t position = 0;
  while (position < result.read.length) {
    FlowPiece piece{.offset = {}, .length = result.read.length - position, .write = {}};
    piece.doubt = Doubt::NotWatched;
    const std::string_view rest = data.substr(std::min<std::size_t>(position, data.size()));
    const auto found = std::ranges::find_if(recent_, [rest](const PipeOrder::Write& write) {
      return write->data.size() == write->length && rest.starts_with(write->data);
    });
    if (found != recent_.end()) {
      piece.length = (*found)->length;
      piece.write = *found;
      recent_bytes_ -= (*found)->length;
      recent_.erase(found);
    } else if (const std::size_t line = rest.find('\n'); line < rest.size()) {
      piece.length = line + 1;
    }
    position += piece.length;
    const bool continues = !result.pieces.empty() && !piece.write && !result.pieces.back().write;
    if (continues) {
      result.pieces.back().length += piece.length;
    } else {
      result.pieces.push_back(std::move(piece));
    }
  }
  report(std::move(result));
}

}  // namespace slurper
