#include "ring/ring_state.h"

#include <cstdint>
#include <cstring>

namespace slurper {

RingHeader classify_header(const ring_format::Identity& found, ssize_t got, off_t size) {
  if (got != sizeof found || std::memcmp(found.magic, ring_format::kMagic, sizeof found.magic) != 0)
    return RingHeader::NotARing;
  if (found.version < ring_format::kOldestVersion || found.version > ring_format::kVersion)
    return RingHeader::OtherVersion;
  const auto file_size = static_cast<std::uint64_t>(size);
  if (found.header_bytes != ring_format::kHeaderBytes || found.size == 0 || found.size % 4096 != 0 ||
      file_size < ring_format::kHeaderBytes || file_size - ring_format::kHeaderBytes != found.size)
    return RingHeader::WrongSize;
  return RingHeader::Readable;
}

RingState classify_ring(const RingFileFacts& facts) {
  if (!facts.exists) return RingState::Missing;
  if (!facts.is_ours) return RingState::OtherUsers;
  if (facts.is_in_use) return RingState::InUse;
  switch (facts.header) {
    case RingHeader::NotARing:
      return RingState::NotARing;
    case RingHeader::OtherVersion:
      return RingState::OtherVersion;
    case RingHeader::WrongSize:
      return RingState::WrongSize;
    case RingHeader::Readable:
      break;
  }
  if (!facts.relation) return RingState::Unrelated;
  if (is_quarantined(*facts.relation)) return RingState::Unusable;
  if (!is_used(*facts.relation)) return RingState::Spent;
  return facts.is_empty && !facts.has_wanted_size ? RingState::Resizable : RingState::Usable;
}

}  // namespace slurper
