// The layout of a log's arrival times, byte for byte. docs/log-format.md has the page; little endian.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <type_traits>

#include "base/stream_offset.h"
#include "base/uuid.h"
#include "log/slot_format.h"
#include "slurper/record.h"

namespace slurper {

inline constexpr std::array<char, 8> kTimesMagic = {'s', 'l', 'u', 'r', 'p', 't', 'i', 'm'};
inline constexpr std::uint32_t kTimesVersion = 1;

struct TimesHeaderLayout {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t crc32c;  // over the header's 32 bytes, with 0 here
  Uuid log_id;
};
inline constexpr std::size_t kTimesHeaderSize = sizeof(TimesHeaderLayout);

struct TimesEntryLayout {
  std::uint64_t offset;
  std::uint64_t time_and_check;  // milliseconds of CLOCK_REALTIME, and above them 16 bits of a CRC-32C
};
inline constexpr std::size_t kTimesEntrySize = sizeof(TimesEntryLayout);

static_assert(kTimesHeaderSize == 32);
static_assert(offsetof(TimesHeaderLayout, version) == 8);
static_assert(offsetof(TimesHeaderLayout, crc32c) == 12);
static_assert(offsetof(TimesHeaderLayout, log_id) == 16);
static_assert(kTimesEntrySize == 16);
static_assert(offsetof(TimesEntryLayout, time_and_check) == 8);
static_assert(std::has_unique_object_representations_v<TimesHeaderLayout>);
static_assert(std::has_unique_object_representations_v<TimesEntryLayout>);

inline constexpr std::chrono::milliseconds kMarkSpan{500};

// The bytes from `offset` up to the next mark's came at `time`, or up to kMarkSpan later.
struct TimeMark {
  StreamOffset offset;
  Timestamp time;  // whole milliseconds in the file
  bool operator==(const TimeMark&) const = default;
};

using TimesHeaderBytes = SlotBytes<kTimesHeaderSize>;
using TimesEntryBytes = SlotBytes<kTimesEntrySize>;

[[nodiscard]] TimesHeaderBytes encode_times_header(const Uuid& log_id);
[[nodiscard]] std::expected<Uuid, SlotDamage> decode_times_header(
    const TimesHeaderBytes& bytes);  // the log's id

[[nodiscard]] TimesEntryBytes encode_times_entry(const TimeMark& mark);
// Nothing if it was cut short or changed. (Of 65,536 changed ones one is taken for a good one.)
[[nodiscard]] std::optional<TimeMark> decode_times_entry(const TimesEntryBytes& bytes);

}  // namespace slurper
