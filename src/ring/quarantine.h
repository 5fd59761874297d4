// Quarantined rings: where they are, and why.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ring/ring.h"
#include "ring/ring_state.h"

namespace slurper {

// The path that the ring at `ring_path` gets as the `number`th ring in quarantine.
[[nodiscard]] std::string quarantine_name(const std::string& ring_path, int number);

// The paths of the quarantined rings in `directory`, in the order of their quarantine. Empty if the folder is
// missing or can't be read.
[[nodiscard]] std::vector<std::string> list_quarantined(const std::string& directory);

// Describes a header that classify_header() rejected. Empty: this version can read the ring.
[[nodiscard]] Phrase why_unreadable(RingHeader header, const ring_format::Identity& found);

// Describes why a ring is quarantined. Empty: the relation is no reason for quarantine.
[[nodiscard]] Phrase why_quarantined(RingRelation relation, std::uint64_t held);

}  // namespace slurper
