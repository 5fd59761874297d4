// DeliveryWindow: the records of a sink that are in flight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/stream_offset.h"
#include "sink/packed_traces.h"
#include "sink/record_batch.h"
#include "slurper/result.h"

namespace slurper {

// Keeps what was handed to a sink until its destination has it or has refused it, whatever the order in which
// that becomes known: docs/plugins.md. One thread uses it.
//
// Most sinks acknowledge everything up to an offset. So a batch is settled as a whole, and has a fate for
// each record only if single records are acknowledged or refused.
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

  // A record of a batch, for a walk from the oldest to the newest.
  struct Cursor {
    std::size_t index = 0;
    PackedTraces::Cursor trace;  // if the batch was released
  };

  // The oldest records whose fate is known: a run of acknowledged ones, or one that was refused.
  struct Settled {
    StreamOffset end;  // of the last record
    std::size_t records = 0;
    std::uint64_t bytes = 0;               // of the log, that they take
    std::optional<StreamOffset> line_end;  // of the last line that ends among them
    const Record* refused = nullptr;       // set if it was; valid until pop()
    const Phrase* reason = nullptr;        // set with it
    Cursor next;                           // the record after them, for pop()
  };
  [[nodiscard]] std::optional<Settled> front() const;
  // Removes the records that front() has returned.
  void pop(const Settled& settled);
  void clear();

  [[nodiscard]] bool empty() const { return batches_.empty(); }
  [[nodiscard]] std::size_t records() const { return records_; }
  // The memory that the records in flight need.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // The oldest record's offset. Only if not empty().
  [[nodiscard]] StreamOffset begin() const;
  // The offset of the oldest batch's first record. Only if not empty().
  [[nodiscard]] StreamOffset batch_begin() const { return {batches_.front().begin}; }
  // The end of the newest record. Only if not empty().
  [[nodiscard]] StreamOffset end() const { return {batches_.back().end}; }

 private:
  enum class Fate : std::uint8_t { Unknown, Acknowledged, Refused };

  struct HandedBatch {
    RecordBatch batch;    // empty if it was released
    PackedTraces traces;  // if it was: of the records that were not settled then
    bool is_released = false;
    std::size_t count = 0;    // of its records
    std::vector<Fate> fates;  // empty as long as none is known
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    Cursor settled;  // the first record that is not

    // Returns the record at the cursor, whose index is below `count`, and moves the cursor to the next.
    [[nodiscard]] Trace take(Cursor& cursor) const;
    // Returns the index of the record that begins at `offset`; nothing if none does, or if it is settled.
    [[nodiscard]] std::optional<std::size_t> find(std::uint64_t offset, std::uint64_t acknowledged) const;
    [[nodiscard]] bool has_fate(std::size_t index) const {
      return !fates.empty() && fates[index] != Fate::Unknown;
    }
  };

  // The record that begins at `offset`, if it is in flight.
  struct Place {
    HandedBatch* batch;
    std::size_t index;
  };
  [[nodiscard]] std::optional<Place> find(StreamOffset offset);
  void set_fate(Place place, Fate fate);
  void drop_oldest();
  void drop_memory(HandedBatch& handed);

  Recycle recycle_;
  std::deque<HandedBatch> batches_;
  std::size_t released_ = 0;  // so many of them
  std::size_t records_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t acknowledged_ = 0;           // every record that ends here or before it is settled
  std::map<std::uint64_t, Phrase> reasons_;  // by the offset of the refused record
};

}  // namespace slurper
