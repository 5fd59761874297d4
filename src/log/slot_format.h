// The frame that slurper's records have on the disk: how one is sealed, and whether what is read is one.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

namespace slurper {

static_assert(std::endian::native == std::endian::little, "the formats are written as they lie in memory");

// Why a slot says nothing.
enum class SlotDamage {
  Empty,     // never written: all zero
  Magic,     // something else stands there
  Version,   // whole, but of a format that this slurper does not know
  Checksum,  // cut short or changed
};

template <std::size_t kSize>
using SlotBytes = std::array<std::uint8_t, kSize>;

// CRC-32C (Castagnoli; RFC 3720, appendix B.4). One slot or line at a time: no need for speed.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::uint8_t> data);
[[nodiscard]] std::uint32_t crc32c(std::string_view text);

// A layout is a structure without padding that has the members `magic`, `version` and `crc32c`. The checksum
// is over all of its bytes, with 0 in its own place.

// The bytes of `slot`, with its checksum.
template <typename Layout>
[[nodiscard]] SlotBytes<sizeof(Layout)> seal_slot(Layout slot) {
  slot.crc32c = 0;
  slot.crc32c = crc32c(std::bit_cast<SlotBytes<sizeof(Layout)>>(slot));
  return std::bit_cast<SlotBytes<sizeof(Layout)>>(slot);
}

// The slot that the bytes are, if it is whole and of this magic and version.
template <typename Layout>
[[nodiscard]] std::expected<Layout, SlotDamage> unseal_slot(const SlotBytes<sizeof(Layout)>& bytes,
                                                            const std::array<char, 8>& magic,
                                                            std::uint32_t version) {
  if (std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; }))
    return std::unexpected(SlotDamage::Empty);
  const auto slot = std::bit_cast<Layout>(bytes);
  if (slot.magic != magic) return std::unexpected(SlotDamage::Magic);
  if (seal_slot(slot) != bytes) return std::unexpected(SlotDamage::Checksum);
  // After the checksum: a version that bits fell out of is damage, not a newer slurper.
  if (slot.version != version) return std::unexpected(SlotDamage::Version);
  return slot;
}

}  // namespace slurper
