// Renders the snapshot as metrics, in Prometheus's text format (version 0.0.4).
#pragma once

#include <chrono>
#include <string>

#include "control/snapshot.h"
#include "control/status_report.h"

namespace slurper {

// All metrics of docs/metrics.md. `report` is that of `snapshot`, so metrics and status show the same
// figures. The text is valid whatever paths and names contain: a Prometheus refuses a scrape as a whole
// because of one byte that is no UTF-8, and because of two series with the same labels.
[[nodiscard]] std::string to_metrics_text(const Snapshot& snapshot, const StatusReport& report);

// The same for a file, with the time at which it is written: who reads the file can tell its age.
[[nodiscard]] std::string to_textfile_text(const Snapshot& snapshot, const StatusReport& report,
                                           std::chrono::system_clock::time_point now);

}  // namespace slurper
