// TracedMemory: the memory of a process that is traced by ptrace.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "trace/engine/event.h"

namespace slurper {

// Any thread may use it. What cannot be read is missing.
class TracedMemory {
 public:
  explicit TracedMemory(pid_t tid) : tid_(tid) {}

  // Up to the first page that cannot be read. Returns the number of bytes.
  std::size_t read(std::uint64_t from, void* to, std::size_t size) const;
  template <typename Value>
  [[nodiscard]] bool read_value(std::uint64_t from, Value& value) const {
    return read(from, &value, sizeof value) == sizeof value;
  }
  // At most TraceMaxPiece - 1, as the BPF programs.
  [[nodiscard]] std::string bytes(std::uint64_t from, std::uint64_t size) const;
  // With its NUL.
  [[nodiscard]] std::string text(std::uint64_t from) const;

 private:
  pid_t tid_;
};

// What follows a record, and the bytes that its vectors have in all: what the BPF programs append.
struct CallPieces {
  std::string path;
  std::string path2;
  std::string address;
  std::string data;
  std::string bound;
  std::uint64_t requested = 0;
};

// Reads what the call's arguments point to. `ended`: at the call's end, with its result in `record`.
[[nodiscard]] CallPieces read_pieces(const TracedMemory& memory, const CallShape& shape,
                                     const TraceRecord& record, bool ended, std::uint32_t snaplen);

}  // namespace slurper
