// PackedTraces: where records of the log are, in a few bytes each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace slurper {

// The place of a record in the log.
struct Trace {
  std::uint64_t begin;  // the offset of its first byte
  std::uint64_t end;    // and of the byte after its last
  bool ends_a_line;
};

// A list of traces in the order of the log, read from the front. A sink that syncs once a second has a
// million records in flight: a trace takes two bytes if its line is shorter than 4 KiB and follows the one
// before.
//
// A trace is one or two numbers of seven bits a byte, the lowest first (LEB128): size << 2 | has_gap << 1 |
// ends_a_line, then, if has_gap is set, the bytes that no record has between it and the one before. A line of
// 99 bytes and its newline, behind 300 bytes that a filter rejected: 100 << 2 | 3 and 300, or 93 03 ac 02.
class PackedTraces {
 public:
  // A place between two traces.
  struct Cursor {
    std::size_t at = 0;              // the first byte of the trace behind it
    std::uint64_t previous_end = 0;  // of the trace before it
  };

  // The first trace begins at `begin` or behind it.
  explicit PackedTraces(std::uint64_t begin = 0) : end_(begin) {}

  // Appends a trace that begins where the last one ends, or behind it.
  void append(const Trace& trace);
  void shrink_to_fit() { bytes_.shrink_to_fit(); }

  // Returns the trace behind the cursor, which exists, and moves the cursor past it.
  [[nodiscard]] Trace take(Cursor& cursor) const;
  // The memory that it takes, in bytes.
  [[nodiscard]] std::size_t size() const { return bytes_.capacity(); }

 private:
  void put(std::uint64_t number);
  [[nodiscard]] std::uint64_t get(std::size_t& at) const;

  std::vector<std::uint8_t> bytes_;
  std::uint64_t end_;  // of the last trace
};

}  // namespace slurper
