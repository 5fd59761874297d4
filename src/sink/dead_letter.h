// A dead letter: one line of a dead-letter file, written and read. docs/sinks.md has the format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "slurper/record.h"

namespace slurper {

// {"sink": …, "reason": …, "line": …, "record": {…}} and a newline. "line" has all bytes of the record; if
// they are not UTF-8, "line_base64" has them instead.
[[nodiscard]] std::string format_dead_letter(std::string_view sink, const Record& record,
                                             std::string_view reason);

struct DeadLetter {
  // Where the line is in the log from which it was delivered first.
  struct Place {
    LogId log_id;
    std::uint64_t offset;
    Part part;
  };

  std::string line;                  // without a newline
  std::optional<Timestamp> arrival;  // of the line in the log
  std::optional<Place> place;
};

// Reads a line of a dead-letter file, without its newline. Returns nothing if format_dead_letter() did not
// write it, or if it was cut short.
[[nodiscard]] std::optional<DeadLetter> parse_dead_letter(std::string_view text);

// Whether `text`, which a newline does not end, is the beginning of a dead letter: a kill or a full disk cut
// its write(2) short. Its line did not count as refused, so it is delivered again.
[[nodiscard]] bool is_torn_dead_letter(std::string_view text);

}  // namespace slurper
