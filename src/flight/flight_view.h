// Reads what a flight recorder has kept, of a slurper that runs or of one that was killed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/os.h"
#include "flight/flight_recorder.h"
#include "slurper/result.h"

namespace slurper {

// The file of the slurper whose ring is in `directory`, and that of the one before it.
[[nodiscard]] std::string flight_path(const std::string& directory);
[[nodiscard]] std::string former_flight_path(const std::string& directory);

// A call or a message, as text: "write('/var/log/messages', 4096) = ENOSPC (No space left on device)".
struct FlightEntry {
  std::int64_t at = 0;  // CLOCK_BOOTTIME, in nanoseconds
  pid_t thread = 0;
  bool is_message = false;
  std::string text;  // printable
};

struct FlightHistory {
  pid_t pid = 0;
  bool ended = false;  // by itself; false: it runs, or it was killed
  std::vector<FlightEntry>
      entries;  // in the order in which they happened; at most 4096 calls and 128 messages
};

// Reads the file at `path`; nothing if there is none. Leaves out what is just being written. Errors:
// NoPermission, Io, and Data if it is no such file, or of another version.
[[nodiscard]] Result<std::optional<FlightHistory>> read_flight(Os& os, const std::string& path);

// "12:00:01.123456": in local time, of a moment of CLOCK_BOOTTIME in this boot.
[[nodiscard]] std::string flight_time(std::int64_t at);

// The same as milliseconds since 1970; 0 if it is unknown.
[[nodiscard]] std::uint64_t flight_milliseconds(std::int64_t at);

// Of a file that is mapped, or copied. `slot`: empty while it is being written.
[[nodiscard]] std::optional<CallRecord> call_in(const flight_format::CallSlot& slot);
[[nodiscard]] std::string to_text(const CallRecord& call, const flight_format::File& file);

}  // namespace slurper
