#include "sink/delivery_window.h"

#include <algorithm>
#include <utility>

#include "base/contract.h"

namespace slurper {

DeliveryWindow::Trace DeliveryWindow::HandedBatch::trace(std::size_t index) const {
  if (is_released()) return traces[index];
  const Record& record = batch.records[index];
  return {.offset = record.offset(),
          .size = static_cast<std::uint32_t>(record.next_offset() - record.offset()),
          .ends_a_line = ends_a_line(record.part())};
}

std::size_t DeliveryWindow::HandedBatch::find(std::uint64_t offset) const {
  const auto index = [&](const auto& all, auto offset_of) {
    const auto found = std::ranges::lower_bound(all, offset, {}, offset_of);
    const bool exists = found != all.end() && std::invoke(offset_of, *found) == offset;
    return static_cast<std::size_t>((exists ? found : all.end()) - all.begin());
  };
  return is_released() ? index(traces, &Trace::offset) : index(batch.records, &Record::offset);
}

const RecordBatch& DeliveryWindow::add(RecordBatch batch) {
  SLURPER_ASSERT(!batch.empty() && (empty() || batch.begin() >= end().value));
  records_ += batch.records.size();
  size_ += sizeof(HandedBatch) + batch.size();
  const bool has_buffer = released_ < batches_.size() && batches_.back().batch.bytes == batch.bytes;
  if (!has_buffer) size_ += batch.buffer_size();
  HandedBatch& added = batches_.emplace_back();
  added.begin = batch.begin();
  added.end = batch.end();
  added.batch = std::move(batch);
  return added.batch;
}

// What was not handed over cannot be at the destination.
void DeliveryWindow::up_to(StreamOffset offset) {
  if (!empty()) acknowledged_ = std::max(acknowledged_, std::min(offset.value, end().value));
}

void DeliveryWindow::one(StreamOffset offset) {
  if (const auto place = find(offset)) set_fate(*place, Fate::Acknowledged);
}

void DeliveryWindow::reject(StreamOffset offset, Phrase reason) {
  const auto place = find(offset);
  if (!place || place->batch->is_released()) return;
  set_fate(*place, Fate::Refused);
  reasons_[offset.value] = std::move(reason);
}

std::optional<DeliveryWindow::Place> DeliveryWindow::find(StreamOffset offset) {
  const auto batch = std::ranges::upper_bound(batches_, offset.value, {}, &HandedBatch::end);
  if (batch == batches_.end()) return std::nullopt;
  const std::size_t index = batch->find(offset.value);
  if (index < batch->settled || index == batch->count()) return std::nullopt;
  const bool is_settled = batch->trace(index).end() <= acknowledged_ ||
                          (!batch->fates.empty() && batch->fates[index] != Fate::Unknown);
  if (is_settled) return std::nullopt;
  return Place{.batch = &*batch, .index = index};
}

void DeliveryWindow::set_fate(Place place, Fate fate) {
  std::vector<Fate>& fates = place.batch->fates;
  if (fates.empty()) {
    fates.resize(place.batch->count());
    size_ += fates.size();
  }
  fates[place.index] = fate;
}

void DeliveryWindow::release(StreamOffset offset) {
  for (; released_ < batches_.size() && batches_[released_].end <= offset.value; ++released_) {
    HandedBatch& handed = batches_[released_];
    // The dead letters need the bytes of what was refused before.
    if (reasons_.lower_bound(handed.begin) != reasons_.lower_bound(handed.end)) return;
    std::vector<Trace> traces;
    traces.reserve(handed.count());
    for (std::size_t i = 0; i < handed.count(); ++i) traces.push_back(handed.trace(i));
    drop_memory(handed);
    handed.traces = std::move(traces);
    size_ += handed.traces.size() * sizeof(Trace);
  }
}

std::optional<DeliveryWindow::Settled> DeliveryWindow::front() const {
  if (empty()) return std::nullopt;
  const HandedBatch& oldest = batches_.front();
  Settled settled;
  for (std::size_t i = oldest.settled; i < oldest.count(); ++i) {
    const Trace trace = oldest.trace(i);
    const Fate fate = oldest.fates.empty() ? Fate::Unknown : oldest.fates[i];
    const bool is_refused = fate == Fate::Refused;
    if (is_refused && settled.records > 0) break;
    if (fate == Fate::Unknown && trace.end() > acknowledged_) break;
    settled.end = {trace.end()};
    ++settled.records;
    settled.bytes += trace.size;
    if (trace.ends_a_line) settled.line_end = settled.end;
    if (is_refused) {
      settled.refused = &oldest.batch.records[i];
      settled.reason = &reasons_.at(trace.offset);
      break;
    }
  }
  if (settled.records == 0) return std::nullopt;
  return settled;
}

void DeliveryWindow::pop(const Settled& settled) {
  HandedBatch& oldest = batches_.front();
  if (settled.refused != nullptr) reasons_.erase(settled.refused->offset());
  oldest.settled += settled.records;
  records_ -= settled.records;
  if (oldest.settled == oldest.count()) drop_oldest();
}

void DeliveryWindow::clear() {
  while (!batches_.empty()) drop_oldest();
  reasons_.clear();
  records_ = 0;
  acknowledged_ = 0;
}

StreamOffset DeliveryWindow::begin() const {
  const HandedBatch& oldest = batches_.front();
  return {oldest.trace(oldest.settled).offset};
}

void DeliveryWindow::drop_oldest() {
  HandedBatch& oldest = batches_.front();
  size_ -= sizeof(HandedBatch) + oldest.fates.size() + oldest.traces.size() * sizeof(Trace);
  if (oldest.is_released()) {
    --released_;
  } else {
    drop_memory(oldest);
  }
  batches_.pop_front();
}

// It is the oldest that has its memory.
void DeliveryWindow::drop_memory(HandedBatch& handed) {
  const RecordBatch* const next = released_ + 1 < batches_.size() ? &batches_[released_ + 1].batch : nullptr;
  size_ -= handed.batch.size();
  if (next == nullptr || next->bytes != handed.batch.bytes) size_ -= handed.batch.buffer_size();
  recycle_(std::exchange(handed.batch, {}));
}

}  // namespace slurper
