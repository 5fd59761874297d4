// The status of a slurper as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "base/wrap.h"
#include "control/status_report.h"

namespace slurper {

// A page of 80 columns, or fewer if its texts can be wrapped: what is wrong comes first. Paths and names are
// printable, whatever bytes they have.
[[nodiscard]] std::string status_page(const StatusReport& report, std::size_t columns = kColumns);

// One line: "healthy, 1.43MiB/s, 12034 lines/s, …".
[[nodiscard]] std::string status_line(const StatusReport& report);

// "  .:-=+*#": the last `width` of `values`, each relative to the highest.
[[nodiscard]] std::string sparkline(const std::deque<std::uint64_t>& values, std::size_t width);

}  // namespace slurper
