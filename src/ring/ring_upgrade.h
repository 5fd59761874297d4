// Upgrades rings that an older slurper left.
#pragma once

#include <cstdint>
#include <optional>

#include "ring/ring_format.h"

namespace slurper {

// How many bytes of the declared read may be in the ring after head, to be kept. Works for a ring of any
// version.
std::uint64_t unsettled(const ring_format::Header& header);

// Upgrades a ring of version 1 to this version, in place, after settling its last read. `kept`, `dropped`:
// where the bytes of a read that is declared at head are, to be kept or to be dropped; `room`: the ring's
// room. After a crash at any instruction, the ring is of one of the two versions and holds the same. Returns
// whether the last read was done but not noted; nothing if its note can't be true.
std::optional<bool> upgrade_from_version_1(ring_format::Header& header, const char* kept, const char* dropped,
                                           std::uint64_t room);

}  // namespace slurper
