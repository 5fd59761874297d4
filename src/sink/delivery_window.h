// DeliveryWindow: the records of a sink that are in flight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "base/stream_offset.h"
#include "sink/record_batch.h"
#include "slurper/result.h"

namespace slurper {

// Keeps what was handed to a sink until its destination has it or has refused it, whatever the order in which
// that becomes known: docs/plugins.md. One thread uses it.
class DeliveryWindow {
 public:
  // Gets each batch that is no longer needed, whose memory can be used again.
  using Recycle = std::function<void(RecordBatch)>;
  explicit DeliveryWindow(Recycle recycle) : recycle_(std::move(recycle)) {}

  // Adds a batch that follows all others, and is not empty. Returns it, at the place where it stays.
  const RecordBatch& add(RecordBatch batch);

  // See Acknowledgements, whose calls these are.
  void up_to(StreamOffset offset);
  void one(StreamOffset offset);
  void reject(StreamOffset offset, Phrase reason);
  void release(StreamOffset offset);

  // The oldest record, if its fate is known.
  struct Settled {
    StreamOffset offset;
    StreamOffset end;
    Part part = Part::Whole;
    const Record* refused = nullptr;  // set if it was; valid until pop()
    const Phrase* reason = nullptr;   // set with it
  };
  [[nodiscard]] std::optional<Settled> front() const;
  // Removes the oldest record, whose fate is known.
  void pop();
  void clear();

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t records() const { return entries_.size(); }
  // The memory that the records in flight need.
  [[nodiscard]] std::uint64_t size() const { return batch_bytes_ + entries_.size() * sizeof(Entry); }
  // The oldest record's offset. Only if not empty().
  [[nodiscard]] StreamOffset begin() const { return {entries_.front().offset}; }
  // The end of the newest record. Only if not empty().
  [[nodiscard]] StreamOffset end() const { return {entries_.back().end()}; }

 private:
  enum class Fate : std::uint8_t { Unknown, Acknowledged, Refused };

  // There may be a million of them.
  struct Entry {
    std::uint64_t offset;
    std::uint32_t size;  // up to the next record
    Part part;
    Fate fate;
    [[nodiscard]] std::uint64_t end() const { return offset + size; }
  };
  static_assert(sizeof(Entry) == 16);

  [[nodiscard]] Entry* find(StreamOffset offset);
  [[nodiscard]] const Record* record_at(std::uint64_t offset) const;
  void drop_batch();

  Recycle recycle_;
  std::deque<Entry> entries_;
  std::deque<RecordBatch> batches_;          // those that are not released
  std::uint64_t batch_bytes_ = 0;            // of batches_
  std::uint64_t acknowledged_ = 0;           // every entry that ends here or before it is settled
  std::map<std::uint64_t, Phrase> reasons_;  // by the offset of the refused record
};

}  // namespace slurper
