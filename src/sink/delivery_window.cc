#include "sink/delivery_window.h"

#include <algorithm>
#include <utility>

#include "base/contract.h"

namespace slurper {

Trace DeliveryWindow::HandedBatch::take(Cursor& cursor) const {
  const std::size_t index = cursor.index++;
  if (is_released) return traces.take(cursor.trace);
  const Record& record = batch.records[index];
  return {.begin = record.offset(), .end = record.next_offset(), .ends_a_line = ends_a_line(record.part())};
}

// Most sinks acknowledge in order, so a released batch has no quicker way to a record than a walk.
std::optional<std::size_t> DeliveryWindow::HandedBatch::find(std::uint64_t offset,
                                                             std::uint64_t acknowledged) const {
  Cursor cursor = settled;
  if (!is_released) {
    const auto found = std::ranges::lower_bound(batch.records, offset, {}, &Record::offset);
    cursor.index = std::max(cursor.index, static_cast<std::size_t>(found - batch.records.begin()));
  }
  while (cursor.index < count) {
    const std::size_t index = cursor.index;
    const Trace trace = take(cursor);
    if (trace.begin < offset) continue;
    const bool is_it = trace.begin == offset && trace.end > acknowledged && !has_fate(index);
    return is_it ? std::optional(index) : std::nullopt;
  }
  return std::nullopt;
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
  added.count = batch.records.size();
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
  if (!place || place->batch->is_released) return;
  set_fate(*place, Fate::Refused);
  reasons_[offset.value] = std::move(reason);
}

std::optional<DeliveryWindow::Place> DeliveryWindow::find(StreamOffset offset) {
  const auto batch = std::ranges::upper_bound(batches_, offset.value, {}, &HandedBatch::end);
  if (batch == batches_.end()) return std::nullopt;
  const auto index = batch->find(offset.value, acknowledged_);
  if (!index) return std::nullopt;
  return Place{.batch = &*batch, .index = *index};
}

void DeliveryWindow::set_fate(Place place, Fate fate) {
  std::vector<Fate>& fates = place.batch->fates;
  if (fates.empty()) {
    fates.resize(place.batch->count);
    size_ += fates.size();
  }
  fates[place.index] = fate;
}

void DeliveryWindow::release(StreamOffset offset) {
  for (; released_ < batches_.size() && batches_[released_].end <= offset.value; ++released_) {
    HandedBatch& handed = batches_[released_];
    // The dead letters need the bytes of what was refused before.
    if (reasons_.lower_bound(handed.begin) != reasons_.lower_bound(handed.end)) return;
    PackedTraces traces(handed.begin);
    for (Cursor cursor = handed.settled; cursor.index < handed.count;) traces.append(handed.take(cursor));
    traces.shrink_to_fit();
    drop_memory(handed);
    handed.traces = std::move(traces);
    handed.is_released = true;
    handed.settled.trace.previous_end = handed.begin;
    size_ += handed.traces.size();
  }
}

std::optional<DeliveryWindow::Settled> DeliveryWindow::front() const {
  if (empty()) return std::nullopt;
  const HandedBatch& oldest = batches_.front();
  Settled settled;
  for (Cursor cursor = settled.next = oldest.settled; cursor.index < oldest.count; settled.next = cursor) {
    const std::size_t index = cursor.index;
    const Trace trace = oldest.take(cursor);
    const bool is_refused = oldest.has_fate(index) && oldest.fates[index] == Fate::Refused;
    if (is_refused && settled.records > 0) break;
    if (!oldest.has_fate(index) && trace.end > acknowledged_) break;
    settled.end = {trace.end};
    ++settled.records;
    settled.bytes += trace.end - trace.begin;
    if (trace.ends_a_line) settled.line_end = settled.end;
    if (is_refused) {
      settled.refused = &oldest.batch.records[index];
      settled.reason = &reasons_.at(trace.begin);
      settled.next = cursor;
      break;
    }
  }
  if (settled.records == 0) return std::nullopt;
  return settled;
}

void DeliveryWindow::pop(const Settled& settled) {
  HandedBatch& oldest = batches_.front();
  if (settled.refused != nullptr) reasons_.erase(settled.refused->offset());
  oldest.settled = settled.next;
  records_ -= settled.records;
  if (oldest.settled.index == oldest.count) drop_oldest();
}

void DeliveryWindow::clear() {
  while (!batches_.empty()) drop_oldest();
  reasons_.clear();
  records_ = 0;
  acknowledged_ = 0;
}

StreamOffset DeliveryWindow::begin() const {
  const HandedBatch& oldest = batches_.front();
  Cursor cursor = oldest.settled;
  return {oldest.take(cursor).begin};
}

void DeliveryWindow::drop_oldest() {
  HandedBatch& oldest = batches_.front();
  size_ -= sizeof(HandedBatch) + oldest.fates.size() + oldest.traces.size();
  if (oldest.is_released) {
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
