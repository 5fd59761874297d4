// Records as syslog messages.
#pragma once

#include <cstdint>
#include <string>

#include "slurper/record.h"

namespace slurper {

// How a message is written, and the values of the fields that the record lacks.
struct SyslogDefaults {
  std::uint8_t facility = 1;  // user
  std::uint8_t severity = 5;  // notice
  std::string hostname = "-";
  std::string program = "-";
  // RFC 5424: adds [slurper@32473 log="UUID" offset="123"], by which a receiver recognizes a line that came
  // before. For a part of a split line the element also has part="first" and so on.
  bool own_element = true;
  // RFC 3164: false writes no host, as syslog(3) does to the syslogd of this machine.
  bool with_host = true;
  // Writes control characters, except the tab, as "#ooo" (octal, as rsyslog does). If false, the bytes stay
  // as they came.
  bool escape_controls = false;
};

// Appends the message as RFC 5424 section 6 describes it, without a frame and without a newline at the end.
// Header fields are made to conform: printable ASCII, cut at the RFC's lengths. The record's own structured
// data is kept, except for an older element of slurper's own. The time is UTC; a record without a time gets
// its arrival time.
void append_rfc5424(const Record& record, const SyslogDefaults& defaults, std::string& out);

// Appends "<13>Oct 11 22:14:15 host program[pid]: message" as in RFC 3164, with local time, and also without
// a frame and a newline.
void append_rfc3164(const Record& record, const SyslogDefaults& defaults, std::string& out);

// Appends `c` as "#ooo".
void append_octal(char c, std::string& out);
// Appends `text`, with each ASCII control character except the tab as "#ooo".
void append_octal_escaped(std::string_view text, std::string& out);

// Returns "first", "middle" or "last", and "whole" for a line that is not split.
[[nodiscard]] std::string_view part_name(Part part);

// Returns the name from gethostname(2), or "-" if there is none.
[[nodiscard]] std::string machine_name();

}  // namespace slurper
