// ShownEvent: an event, and how it is to be shown.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "trace/model/model.h"

namespace slurper {

enum class TimeStyle : std::uint8_t { Clock, Epoch, SinceStart, Latency, SincePrevious };
enum class DataStyle : std::uint8_t { Dots, Ascii, Hex, HexAscii, Base64 };

struct ViewOptions {
  TimeStyle time = TimeStyle::Clock;
  DataStyle data = DataStyle::Dots;
  std::size_t max_data = 80;  // characters of data in a line, as in sysdig; 0: all
  std::size_t columns = 80;   // of a report's lines, where it wraps them
};

// What the fields of filters and formats are of. Cheap to make; one thread uses it.
struct ShownEvent {
  const TraceEvent& trace;
  const ViewOptions& options;
  std::string& scratch;  // for texts that are made when they are asked for; the next one replaces it
};

template <std::integral Number>
void append_number(std::string& out, Number number, int base = 10) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

// In capitals, as sysdig has it.
void append_hexadecimal(std::string& out, std::uint64_t number);

// The letters of a name from outside: what could be a command to a terminal is written as \xNN.
void append_name(std::string& out, std::string_view name);

// "ENOENT" for 2; empty if there is none.
[[nodiscard]] std::string_view errno_name(std::int64_t number);

// "1790000000.000001000"
void append_seconds(std::string& out, std::uint64_t nanoseconds);

// "14:13:20.000001000", local time.
void append_clock(std::string& out, std::uint64_t nanoseconds);

// The data of reads and writes.
void append_data(std::string& out, std::string_view data, const ViewOptions& options);

// What is behind a descriptor: "<f>/etc/passwd".
void append_file(std::string& out, const OpenFile& file);

// A parameter as a line has it: "3(<f>/etc/passwd)".
void append_param(std::string& out, const ShownEvent& event, std::size_t index);
// A parameter as evt.arg has it: what is behind the number, if that is known, else the number.
void append_argument(std::string& out, const ShownEvent& event, std::size_t index);
// All parameters: "fd=3(<f>/etc/passwd) size=10 ".
void append_arguments(std::string& out, const ShownEvent& event);

// The number in a parameter; empty if it is none.
[[nodiscard]] std::optional<std::int64_t> number_in(const TraceEvent& event, std::size_t index);
// The parameter with that name, or with that number; empty if the event has none.
[[nodiscard]] std::optional<std::size_t> find_param(const TraceEvent& event, std::string_view name);

// "read"; of a generic event, its call.
[[nodiscard]] std::string_view event_name(const TraceEvent& event);

// Whether a result is a failure. A call that the kernel will restart has not failed: ERESTARTSYS and its
// like.
[[nodiscard]] inline bool is_failure(std::int64_t result) {
  return result < 0 && (result > -512 || result < -530);
}

}  // namespace slurper
