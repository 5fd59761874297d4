// The layout of a sink's cursor, byte for byte. docs/log-format.md has the page; little endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <type_traits>

#include "base/stream_offset.h"
#include "base/uuid.h"
#include "log/slot_format.h"

namespace slurper {

inline constexpr std::array<char, 8> kCursorMagic = {'s', 'l', 'u', 'r', 'p', 'c', 'u', 'r'};
inline constexpr std::uint32_t kCursorVersion = 1;
inline constexpr std::size_t kCursorSlotSize = 128;

// Bits of `flags`. Slurpers that do not know them yet wrote 0 there, and read past them: a cursor goes from
// one to the other and back, and no version is needed.
inline constexpr std::uint64_t kCursorKnowsDelivered = 1;  // `delivered` says something
inline constexpr std::uint64_t kCursorSetByHand = 2;
inline constexpr std::uint64_t kCursorIsRenamed = 4;

struct CursorSlotLayout {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t crc32c;  // over the slot's 128 bytes, with 0 here
  std::uint64_t sequence;
  Uuid log_id;
  std::uint64_t offset;
  std::uint64_t position;
  std::uint64_t fingerprint;
  std::uint64_t rejected;
  std::uint64_t missed;
  std::uint64_t delivered;
  std::uint64_t flags;
  std::uint32_t checksum;
  std::array<std::uint8_t, 28> zero;
};

static_assert(sizeof(CursorSlotLayout) == kCursorSlotSize);
static_assert(offsetof(CursorSlotLayout, version) == 8);
static_assert(offsetof(CursorSlotLayout, crc32c) == 12);
static_assert(offsetof(CursorSlotLayout, sequence) == 16);
static_assert(offsetof(CursorSlotLayout, log_id) == 24);
static_assert(offsetof(CursorSlotLayout, offset) == 40);
static_assert(offsetof(CursorSlotLayout, position) == 48);
static_assert(offsetof(CursorSlotLayout, fingerprint) == 56);
static_assert(offsetof(CursorSlotLayout, rejected) == 64);
static_assert(offsetof(CursorSlotLayout, missed) == 72);
static_assert(offsetof(CursorSlotLayout, delivered) == 80);
static_assert(offsetof(CursorSlotLayout, flags) == 88);
static_assert(offsetof(CursorSlotLayout, checksum) == 96);
static_assert(offsetof(CursorSlotLayout, zero) == 100);
static_assert(std::has_unique_object_representations_v<CursorSlotLayout>,
              "no padding: nothing undefined is written");

// How far a sink is.
struct CursorRecord {
  std::uint64_t sequence = 0;     // the higher one counts
  Uuid log_id{};                  // of the log that the offset is of
  StreamOffset offset;            // the sink's destination has everything before it
  std::uint64_t position = 0;     // the sink's own: where in its destination that is
  std::uint64_t fingerprint = 0;  // the sink's own: of the settings that it was written with
  std::uint64_t rejected = 0;     // records that the destination refused, since the cursor was made
  std::uint64_t missed = 0;  // bytes of the stream that were gone before the sink came to them, the same way
  // Where the last record ends that the destination took: what it answers when it is asked where it stands.
  // The cursor may be far beyond, since lines that the filter does not want move it, too. Nothing: not known.
  std::optional<StreamOffset> delivered = {};
  // `slurper cursor` wrote it: delivery resumes at `offset` whatever the destination says, once.
  bool set_by_hand = false;
  std::uint32_t checksum = 0;  // the sink's own: of the record that ends at `offset`; 0: not known
  // The log got a new id since the destination took its last record: of the new id it has nothing.
  bool is_renamed = false;

  bool operator==(const CursorRecord&) const = default;
};

using CursorSlotBytes = SlotBytes<kCursorSlotSize>;

[[nodiscard]] CursorSlotBytes encode_cursor_slot(const CursorRecord& record);
[[nodiscard]] std::expected<CursorRecord, SlotDamage> decode_cursor_slot(const CursorSlotBytes& bytes);

}  // namespace slurper
