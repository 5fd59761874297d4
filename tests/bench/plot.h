// The results of a run as drawings: a bar for each peer's median, a line from its least to its greatest
// value, a dot for each repeat. An SVG embedded in a page follows that page's light or dark colours by
// itself.
#pragma once

#include <string>
#include <vector>

#include "bench/data.h"

namespace slurper::bench {

struct Drawing {
  std::string file;  // "bench-flat.svg"
  std::string svg;
};

// One drawing for each question of plot.cc that `data` has runs for. Failed runs are left out, as from a
// table.
[[nodiscard]] std::vector<Drawing> drawings(const Data& data);

}  // namespace slurper::bench
