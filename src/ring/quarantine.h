// Rings that were put aside: where they are, and why.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ring/ring.h"
#include "ring/ring_state.h"

namespace slurper {

// What the ring at `ring_path` is called once it has been put aside as the `number`th.
[[nodiscard]] std::string quarantine_name(const std::string& ring_path, int number);

// The paths of the rings that were put aside in `directory`, in the order in which that was done. Empty where
// there is no such folder, or where it can't be read.
[[nodiscard]] std::vector<std::string> list_quarantined(const std::string& directory);

// In words, of a header that classify_header() has named. Empty: it is a ring that this version knows.
[[nodiscard]] std::string why_unreadable(RingHeader header, const ring_format::Identity& found);

// In words. Empty: the relation is not one for which a ring is put aside.
[[nodiscard]] std::string why_quarantined(RingRelation relation, std::uint64_t held);

}  // namespace slurper
