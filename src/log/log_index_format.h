// The layout of a log's index file, byte for byte. docs/log-format.md has the page; little endian, as every
// machine that slurper runs on.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "base/stream_offset.h"
#include "base/uuid.h"
#include "log/log_ids.h"
#include "log/slot_file.h"

namespace slurper {

inline constexpr std::array<char, 8> kIndexMagic = {'s', 'l', 'u', 'r', 'p', 'l', 'o', 'g'};
inline constexpr std::uint32_t kIndexVersion = 1;
inline constexpr std::size_t kIndexSlotSize = 512;  // a disk writes a sector whole or not at all
inline constexpr std::size_t kIndexSlots = SlotFile::kSlots;

// Why a part of the stream is not where it would be looked for.
enum class NoteKind : std::uint64_t {
  None = 0,
  Moved = 1,      // another process moved the file away that held it
  Cut = 2,        // another process removed, cut or overwrote that file
  PowerLoss = 3,  // the machine went down; what had been written there was lost, or never was
  Foreign = 4,    // not of the stream at all: the segment that ends at `offset` has others' bytes behind it
};

struct StreamNote {
  NoteKind kind = NoteKind::None;
  StreamOffset offset;
  std::uint64_t bytes = 0;
  bool operator==(const StreamNote&) const = default;
  [[nodiscard]] StreamOffset end() const { return kind == NoteKind::Foreign ? offset : offset + bytes; }
};
inline constexpr std::size_t kStreamNotes = 16;
static_assert(sizeof(StreamNote) == 24);

struct IndexSlotLayout {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t crc32c;  // over the slot's 512 bytes, with 0 here
  std::uint64_t sequence;
  Uuid log_id;
  std::uint64_t active_base;
  std::uint64_t active_inode;
  std::uint64_t active_created_ns;  // CLOCK_REALTIME
  Uuid boot_id;
  std::uint64_t torn_lines_closed;
  std::uint64_t reserved;
  std::uint64_t session;
  std::uint64_t forgotten_before;
  std::array<StreamNote, kStreamNotes> notes;
  Uuid former_id;
};

static_assert(sizeof(IndexSlotLayout) == kIndexSlotSize);
static_assert(offsetof(IndexSlotLayout, version) == 8);
static_assert(offsetof(IndexSlotLayout, crc32c) == 12);
static_assert(offsetof(IndexSlotLayout, sequence) == 16);
static_assert(offsetof(IndexSlotLayout, log_id) == 24);
static_assert(offsetof(IndexSlotLayout, active_base) == 40);
static_assert(offsetof(IndexSlotLayout, active_inode) == 48);
static_assert(offsetof(IndexSlotLayout, active_created_ns) == 56);
static_assert(offsetof(IndexSlotLayout, boot_id) == 64);
static_assert(offsetof(IndexSlotLayout, torn_lines_closed) == 80);
static_assert(offsetof(IndexSlotLayout, reserved) == 88);
static_assert(offsetof(IndexSlotLayout, session) == 96);
static_assert(offsetof(IndexSlotLayout, forgotten_before) == 104);
static_assert(offsetof(IndexSlotLayout, notes) == 112);
static_assert(offsetof(IndexSlotLayout, former_id) == 496);
static_assert(std::has_unique_object_representations_v<IndexSlotLayout>,
              "no padding: nothing undefined is written");

// What a slot says.
struct IndexRecord {
  std::uint64_t sequence = 0;  // the higher one counts
  Uuid log_id{};
  StreamOffset active_base;  // of the active segment's first byte
  std::uint64_t active_inode = 0;
  std::chrono::sys_time<std::chrono::nanoseconds> active_created;  // when the active segment was created
  Uuid boot_id{};                       // of the last boot in which slurper opened this log
  std::uint64_t torn_lines_closed = 0;  // lines cut short by a loss of power, ended with a newline since
  StreamOffset reserved;      // no byte at or beyond it was ever written; after a clean stop the log's end
  std::uint64_t session = 0;  // counts the rings' takings-over: a ring that fell behind is known by it
  StreamOffset forgotten_before;               // what was noted before it may be forgotten
  std::array<StreamNote, kStreamNotes> notes;  // by age; unused ones at the end
  Uuid former_id{};                            // see LogIds. Slurpers that do not know it wrote 0 there

  bool operator==(const IndexRecord&) const = default;

  [[nodiscard]] LogIds ids() const { return {log_id, former_id}; }

  // Adds a note; the oldest makes room for it. One that continues the last one of its kind is joined with it,
  // a Foreign one for the same segment replaces it.
  void add_note(const StreamNote& note);
  // What is noted as missing from `from` on: the note, from there on, or the next one behind it. (A Foreign
  // one is of nothing that is missing.)
  [[nodiscard]] std::optional<StreamNote> next_noted(StreamOffset from) const;
  // Of a segment file of `size` bytes, those that are the stream's.
  [[nodiscard]] std::uint64_t own_bytes(StreamOffset base, std::uint64_t size) const;
};

using IndexSlotBytes = SlotBytes<kIndexSlotSize>;

[[nodiscard]] IndexSlotBytes encode_index_slot(const IndexRecord& record);
[[nodiscard]] std::expected<IndexRecord, SlotDamage> decode_index_slot(const IndexSlotBytes& slot);

}  // namespace slurper
