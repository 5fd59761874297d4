// RecordBatch: records that are handed to a sink together, and the memory that they refer to.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "slurper/record.h"

namespace slurper {

// The records are views; the batch keeps what they refer to. Batches that follow each other may share a
// buffer.
struct RecordBatch {
  std::vector<Record> records;
  std::shared_ptr<std::vector<char>> bytes = {};
  std::vector<std::shared_ptr<const void>> kept = {};  // headers of split lines, and more buffers
  std::uint64_t kept_size = 0;                         // of these buffers

  [[nodiscard]] bool empty() const { return records.empty(); }
  [[nodiscard]] std::uint64_t begin() const { return records.front().offset(); }
  [[nodiscard]] std::uint64_t end() const { return records.back().next_offset(); }
  // The memory that it needs alone, without `bytes`.
  [[nodiscard]] std::uint64_t size() const { return records.capacity() * sizeof(Record) + kept_size; }
  [[nodiscard]] std::uint64_t buffer_size() const { return bytes ? bytes->size() : 0; }
};

[[nodiscard]] inline bool ends_a_line(Part part) {
  return part == Part::Whole || part == Part::Last;
}

}  // namespace slurper
