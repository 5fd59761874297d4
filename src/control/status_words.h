// The words for what a StatusReport says, which `slurper status` and the page for a browser share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/status_report.h"

namespace slurper {

// All of these return one line of printable UTF-8, whatever bytes the report has in its names and texts. A
// text that has nothing to say is empty.

// "1.43MiB"
[[nodiscard]] std::string size_text(std::uint64_t bytes);
// "3 d 4 h", "12 min 5 s", "0.3 s"
[[nodiscard]] std::string time_text(std::uint64_t milliseconds);
// How long ago `time` is, by the clock of the slurper that was asked.
[[nodiscard]] std::string ago(const StatusReport& report, std::uint64_t time);
// `text` without anything that a terminal would obey. Slurper has quoted the names in its own texts.
[[nodiscard]] std::string one_line(std::string_view text);

// "healthy", "DEGRADED"
[[nodiscard]] std::string_view health_text(const StatusReport& report);
// "slurper 0.1.0, process 4711, running for 3 d 4 h"
[[nodiscard]] std::string process_text(const StatusReport& report);
// "THE LOG CAN'T BE WRITTEN: No space left on device"
[[nodiscard]] std::string alarm_text(const StatusReport::Alarm& alarm);
// "now", "5 min"
[[nodiscard]] std::string window_text(const StatusReport::Rate& rate);

[[nodiscard]] std::uint64_t percent_of(std::uint64_t held, std::uint64_t size);
// "205KiB of 1.00MiB, at most 800KiB"
[[nodiscard]] std::string fill_text(std::uint64_t held, std::uint64_t size, std::uint64_t most);
// "full 3 times, for 1.5 s in all"
[[nodiscard]] std::string full_text(const StatusReport::Fifo& fifo);
[[nodiscard]] std::string writers_text(const StatusReport::Fifo& fifo);
// Other processes than slurper.
[[nodiscard]] std::string readers_text(const StatusReport::Fifo& fifo);

// "offset 123456, 56B not synced yet, last sync 0.3 s ago"
[[nodiscard]] std::string end_text(const StatusReport& report);
// "3 rotated segments of 12.0MiB, 4 rotations since the start"
[[nodiscard]] std::string segments_text(const StatusReport::Log& log);
[[nodiscard]] std::string quarantine_text(const StatusReport::Quarantine& quarantine);
[[nodiscard]] std::string ledger_text(const StatusReport& report);
[[nodiscard]] std::string dropped_text(const StatusReport::Dropped& dropped);

// How long the oldest byte has waited that the sink's destination does not have: "1 min 12 s", "-".
[[nodiscard]] std::string waiting_text(const StatusReport& report, const StatusReport::Sink& sink);
// "7 retries, last error 2.0 s ago: …"
[[nodiscard]] std::string sink_text(const StatusReport& report, const StatusReport::Sink& sink);

}  // namespace slurper
