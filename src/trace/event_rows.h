// The rows from which the table of events is made.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace slurper {

inline constexpr std::string_view kNone = "-";  // of an event that is no exit's enter, such as a signal's

// Parameters are "TYPE[:SYMBOLS] NAME, …". The types are those of ParamType, in small letters; x32 is a u32
// that is shown in hexadecimal, o32 one in octal.
struct EventRow {
  std::uint16_t type = 0;  // of the enter event; the exit's is one above
  std::string_view name;
  std::string_view enter;
  std::string_view exit;
  std::string_view appended;  // to the exit, by what came after sysdig 0.29.3
};

[[nodiscard]] std::span<const EventRow> event_rows();

}  // namespace slurper
