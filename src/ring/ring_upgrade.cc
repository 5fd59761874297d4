#include "ring/ring_upgrade.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace slurper {

namespace {

using ring_format::DeclaredRead1;
using ring_format::Fate;

// The size of the note in force; 0: there is none.
std::uint64_t declared_size(const ring_format::Header& header, const DeclaredRead1& declared) {
  return declared.offset == header.head.load() ? declared.size.load() : 0;
}

}  // namespace

std::uint64_t unsettled(const ring_format::Header& header) {
  const ring_format::DeclaredRead& declared = header.declared;
  const std::uint64_t size = declared.size.load();
  if (header.identity.version == ring_format::kOldestVersion)
    return reinterpret_cast<const DeclaredRead1&>(declared).fate == Fate::Keep ? size : 0;
  if (declared.fate != Fate::Keep) return 0;
  return std::min(size,
                  static_cast<std::uint64_t>(declared.end) - static_cast<std::uint64_t>(declared.start));
}

std::optional<bool> upgrade_from_version_1(ring_format::Header& header, const char* kept, const char* dropped,
                                           std::uint64_t room) {
  const auto next_store = [] { std::atomic_signal_fence(std::memory_order_seq_cst); };
  auto& declared = reinterpret_cast<DeclaredRead1&>(header.declared);
  bool was_done = false;
  if (const std::uint64_t size = declared_size(header, declared); size != 0) {
    const Fate fate = declared.fate;
    if (declared.nonce_bytes != std::min<std::uint64_t>(size, ring_format::kNonceBytes) ||
        (fate != Fate::Keep && fate != Fate::Drop) ||
        size > (fate == Fate::Keep ? room : ring_format::kScratchBytes)) {
      return std::nullopt;
    }
    // read(2) took all bytes or none, and wrote them over the mark.
    const char* const place = fate == Fate::Keep ? kept : dropped;
    was_done = std::memcmp(place, declared.nonce, declared.nonce_bytes) != 0;
    if (was_done && fate == Fate::Keep) {
      header.head.store(declared.offset + size);
    } else if (was_done) {
      header.dropped_lines.store(declared.dropped_lines_after);
      header.dropped_bytes.store(declared.dropped_bytes_after);
      header.dropping.store(declared.dropping_after);
    }
  }
  next_store();
  header.declared.size.store(0);
  next_store();
  header.identity.version = ring_format::kVersion;
  next_store();
  return was_done;
}

}  // namespace slurper
