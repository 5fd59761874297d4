// Any bytes as a cursor's slot: as they are, and with the checksum made right, so that what lies behind it is
// reached.
#include <algorithm>
#include <bit>

#include "fuzz/fuzz.h"
#include "log/cursor_format.h"

namespace {

using namespace slurper;  // NOLINT(google-build-using-namespace): one file, one subject

// What can be read is written as the same bytes, but for those that this version does not use.
void check(const CursorSlotBytes& bytes) {
  const auto record = decode_cursor_slot(bytes);
  if (!record) return;
  const CursorSlotBytes again = encode_cursor_slot(*record);
  fuzz::require(decode_cursor_slot(again) == record, "what was written is read back");
  const auto slot = std::bit_cast<CursorSlotLayout>(bytes);
  const bool knows_delivered = (slot.flags & kCursorKnowsDelivered) != 0;
  const auto unused = bytes.begin() + offsetof(CursorSlotLayout, zero);
  if (std::all_of(unused, bytes.end(), [](std::uint8_t byte) { return byte == 0; }) &&
      (slot.flags & ~(kCursorKnowsDelivered | kCursorSetByHand | kCursorIsRenamed)) == 0 &&
      (knows_delivered || slot.delivered == 0))
    fuzz::require(again == bytes, "the same record is the same bytes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  CursorSlotBytes bytes{};
  std::copy_n(data, std::min(size, bytes.size()), bytes.begin());
  check(bytes);

  auto slot = std::bit_cast<CursorSlotLayout>(bytes);
  slot.magic = kCursorMagic;
  slot.version = kCursorVersion;
  slot.crc32c = 0;
  slot.crc32c = crc32c(std::bit_cast<CursorSlotBytes>(slot));
  bytes = std::bit_cast<CursorSlotBytes>(slot);
  fuzz::require(decode_cursor_slot(bytes).has_value(), "a slot with the right checksum is a record");
  check(bytes);
  return 0;
}
