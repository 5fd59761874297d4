#include "sink/delivery_window.h"

#include <algorithm>
#include <utility>

#include "base/contract.h"

namespace slurper {

const RecordBatch& DeliveryWindow::add(RecordBatch batch) {
  SLURPER_ASSERT(!batch.empty() && (empty() || batch.begin() >= end().value));
  for (const Record& record : batch.records) {
    entries_.push_back({.offset = record.offset(),
                        .size = static_cast<std::uint32_t>(record.next_offset() - record.offset()),
                        .part = record.part(),
                        .fate = Fate::Unknown});
  }
  batch_bytes_ += batch.size();
  if (batches_.empty() || batches_.back().bytes != batch.bytes) batch_bytes_ += batch.buffer_size();
  return batches_.emplace_back(std::move(batch));
}

// What was not handed over cannot be at the destination.
void DeliveryWindow::up_to(StreamOffset offset) {
  if (!empty()) acknowledged_ = std::max(acknowledged_, std::min(offset.value, end().value));
}

void DeliveryWindow::one(StreamOffset offset) {
  if (Entry* const entry = find(offset); entry != nullptr && entry->fate == Fate::Unknown)
    entry->fate = Fate::Acknowledged;
}

void DeliveryWindow::reject(StreamOffset offset, Phrase reason) {
  Entry* const entry = find(offset);
  if (entry == nullptr || entry->fate != Fate::Unknown || entry->end() <= acknowledged_) return;
  if (record_at(offset.value) == nullptr) return;  // its bytes were released
  entry->fate = Fate::Refused;
  reasons_[offset.value] = std::move(reason);
}

void DeliveryWindow::release(StreamOffset offset) {
  while (!batches_.empty() && batches_.front().end() <= offset.value) {
    // The dead letters need the bytes of what was refused before.
    if (reasons_.lower_bound(batches_.front().begin()) != reasons_.lower_bound(batches_.front().end()))
      return;
    drop_batch();
  }
}

std::optional<DeliveryWindow::Settled> DeliveryWindow::front() const {
  if (empty()) return std::nullopt;
  const Entry& entry = entries_.front();
  Settled settled{.offset = {entry.offset}, .end = {entry.end()}, .part = entry.part};
  if (entry.fate == Fate::Refused) {
    settled.refused = record_at(entry.offset);
    settled.reason = &reasons_.at(entry.offset);
  } else if (entry.fate == Fate::Unknown && entry.end() > acknowledged_) {
    return std::nullopt;
  }
  return settled;
}

void DeliveryWindow::pop() {
  const Entry entry = entries_.front();
  entries_.pop_front();
  if (entry.fate == Fate::Refused) reasons_.erase(entry.offset);
  if (!batches_.empty() && batches_.front().end() <= entry.end()) drop_batch();
}

void DeliveryWindow::clear() {
  entries_.clear();
  reasons_.clear();
  while (!batches_.empty()) drop_batch();
  acknowledged_ = 0;
}

DeliveryWindow::Entry* DeliveryWindow::find(StreamOffset offset) {
  const auto found = std::ranges::lower_bound(entries_, offset.value, {}, &Entry::offset);
  return found == entries_.end() || found->offset != offset.value ? nullptr : &*found;
}

const Record* DeliveryWindow::record_at(std::uint64_t offset) const {
  const auto batch = std::ranges::upper_bound(batches_, offset, {}, &RecordBatch::end);
  if (batch == batches_.end()) return nullptr;
  const auto record = std::ranges::lower_bound(batch->records, offset, {}, &Record::offset);
  return record == batch->records.end() || record->offset() != offset ? nullptr : &*record;
}

void DeliveryWindow::drop_batch() {
  RecordBatch batch = std::move(batches_.front());
  batches_.pop_front();
  batch_bytes_ -= batch.size();
  if (batches_.empty() || batches_.front().bytes != batch.bytes) batch_bytes_ -= batch.buffer_size();
  recycle_(std::move(batch));
}

}  // namespace slurper
