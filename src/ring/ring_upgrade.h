// Rings that an older slurper left.
#pragma once

#include <cstdint>
#include <optional>

#include "ring/ring_format.h"

namespace slurper {

// Bytes of the read that is declared in a ring of any version, to be kept, which may be in the ring behind
// head.
std::uint64_t unsettled(const ring_format::Header& header);

// Makes a ring of version 1 one of this version, in place, after its last read is settled. `kept`, `dropped`:
// where the bytes of a read that is declared at head are, to be kept or to be dropped; `room`: of the ring.
// A crash at any instruction leaves a ring of either version that holds the same. Whether the last read had
// been done and not noted; nothing if its note can't be true.
std::optional<bool> upgrade_from_version_1(ring_format::Header& header, const char* kept, const char* dropped,
                                           std::uint64_t room);

}  // namespace slurper
