// Records as syslog messages.
#pragma once

#include <cstdint>
#include <string>

#include "slurper/record.h"

namespace slurper {

// What a message says if the record does not, and how it is written.
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

// RFC 5424 section 6, without a frame and without a newline at the end. Header fields are made what the RFC
// allows: printable ASCII, cut at its lengths. The structured data of a record that came with such goes
// along, but for an older element of slurper's own. The time is UTC; that of arrival if the record has
// none.
void append_rfc5424(const Record& record, const SyslogDefaults& defaults, std::string& out);

// Appends "<13>Oct 11 22:14:15 host program[pid]: message" as in RFC 3164, with local time, and also without
// a frame and a newline.
void append_rfc3164(const Record& record, const SyslogDefaults& defaults, std::string& out);

// Appends `c` as "#ooo".
void append_octal(char c, std::string& out);
// Appends `text`, with each control character of ASCII but the tab as "#ooo".
void append_octal_escaped(std::string_view text, std::string& out);

// Returns "first", "middle" or "last", and "whole" for a line that is not split.
[[nodiscard]] std::string_view part_name(Part part);

// gethostname(2); "-" if there is none.
[[nodiscard]] std::string machine_name();

}  // namespace slurper
