// ScapReader: the blocks of a capture. Reports damage, and reads on behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "trace/scap/byte_cursor.h"
#include "trace/scap/capture_input.h"
#include "trace/scap/format.h"

namespace slurper {

struct Block {
  std::uint32_t type = 0;
  std::string_view body;  // with the padding at its end; lasts until the next block
  std::uint64_t offset = 0;
};

enum class DamageKind : std::uint8_t {
  BadLength,       // a block's length is out of range, or differs at its two places
  CutShort,        // the file ends in the middle of a block
  BadCompression,  // of gzip or zstd
  BadEntry,        // of a table
  BadEvent,
};

struct Damage {
  DamageKind kind = DamageKind::BadLength;
  std::uint64_t offset = 0;   // in the uncompressed capture
  std::uint64_t skipped = 0;  // bytes
};

using DamageReport = std::function<void(const Damage&)>;

// One thread uses it. It allocates nothing for a block.
class ScapReader {
 public:
  ScapReader(CaptureInput input, DamageReport report);

  // Whether the input begins as a capture does. Call it before the first next().
  [[nodiscard]] bool is_capture();
  // The next block; nothing at the end.
  [[nodiscard]] std::optional<Block> next();
  // Calls `act` before it waits for more of the capture, which is then not a file.
  void before_wait(std::function<void()> act);
  [[nodiscard]] const CaptureInput& input() const { return input_; }
  void report(DamageKind kind, std::uint64_t offset, std::uint64_t skipped) const;

 private:
  [[nodiscard]] bool is_plausible(std::string_view bytes) const;
  bool find_next_block();

  CaptureInput input_;
  DamageReport report_;
  std::size_t taken_ = 0;  // the block that was returned last
  bool ended_ = false;
};

// An event as it stands in a capture.
struct ScapEvent {
  std::uint64_t time = 0;  // nanoseconds since 1970
  std::int64_t tid = 0;
  std::uint16_t type = 0;
  std::uint16_t cpu = 0;
  std::uint32_t flags = 0;
  std::uint32_t param_count = 0;
  std::uint32_t length_size = 2;  // bytes of a length
  const char* lengths = nullptr;
  std::string_view values;

  // Empty if the event has fewer parameters.
  [[nodiscard]] std::string_view param(std::size_t index) const {
    if (index >= param_count) return {};
    std::size_t begin = 0;
    for (std::size_t i = 0; i < index; ++i) begin += length_of(i);
    return values.substr(begin, length_of(index));
  }
  // The number in a parameter of that size or larger; zero if there is none.
  template <typename Number>
  [[nodiscard]] Number number(std::size_t index) const {
    const std::string_view bytes = param(index);
    return bytes.size() >= sizeof(Number) ? load<Number>(bytes.data()) : Number{};
  }
  [[nodiscard]] std::size_t length_of(std::size_t index) const {
    return length_size == 2 ? load<std::uint16_t>(lengths + 2 * index)
                            : load<std::uint32_t>(lengths + 4 * index);
  }
};

// The event in a block of one of the four types; nothing if its lengths contradict each other.
[[nodiscard]] std::optional<ScapEvent> event_in(const Block& block);

[[nodiscard]] inline bool holds_event(std::uint32_t type) {
  return type == kEventBlock || type == kFlaggedEventBlock || type == kLargeEventBlock ||
         type == kLargeFlaggedEventBlock;
}

}  // namespace slurper
