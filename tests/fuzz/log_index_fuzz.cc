// Any bytes as an index slot: as they are, and with the checksum made right, so that what lies behind it is
// reached.
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "log/log_index_format.h"

namespace {

using namespace slurper;  // NOLINT(google-build-using-namespace): one file, one subject

// What can be read is written as the same bytes.
void check(const IndexSlotBytes& bytes) {
  const auto record = decode_index_slot(bytes);
  if (!record) return;
  const IndexSlotBytes again = encode_index_slot(*record);
  if (decode_index_slot(again) != record) std::abort();
  if (again != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  IndexSlotBytes bytes{};
  std::copy_n(data, std::min(size, bytes.size()), bytes.begin());
  check(bytes);

  auto slot = std::bit_cast<IndexSlotLayout>(bytes);
  slot.magic = kIndexMagic;
  slot.version = kIndexVersion;
  slot.crc32c = 0;
  slot.crc32c = crc32c(std::bit_cast<IndexSlotBytes>(slot));
  bytes = std::bit_cast<IndexSlotBytes>(slot);
  if (!decode_index_slot(bytes)) std::abort();
  check(bytes);
  return 0;
}
