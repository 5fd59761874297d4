// Explainer: recognises what a capture shows, in one pass.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "trace/explain/recogniser.h"
#include "trace/scap/scap_reader.h"

namespace slurper {

struct Explanation {
  std::vector<TraceFinding> findings;  // in order of time
  std::uint64_t harm = 0;              // how many there are, those left out included
  std::uint64_t notes = 0;
  std::uint64_t left_out = 0;  // findings of a pattern that had enough
  std::uint64_t events = 0;
  std::uint64_t lost = 0;  // records that the recorder lost: something may be missing
};

// Reads the capture to its end. Notes are only counted, except `with_notes`.
[[nodiscard]] Explanation explain(ScapReader& reader, bool with_notes);

}  // namespace slurper
