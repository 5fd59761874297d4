// Records as syslog messages.
#pragma once

#include <cstdint>
#include <string>

#include "slurper/record.h"

namespace slurper {

// What stands in a message where the record doesn't say it, and how it is written.
struct SyslogDefaults {
  std::uint8_t facility = 1;  // user
  std::uint8_t severity = 5;  // notice
  std::string hostname = "-";
  std::string program = "-";
  // RFC 5424: [slurper@32473 log="UUID" offset="123"], what a receiver knows a line by that came before. A
  // part of a split line says so there, too: part="first".
  bool own_element = true;
  // RFC 3164: without the host it is what syslog(3) writes to this machine's own syslogd.
  bool with_host = true;
  // Control characters but the tab as "#ooo" (octal, as rsyslog does). Without it the bytes go as they came.
  bool escape_controls = false;
};

// RFC 5424 section 6, without a frame and without a newline at the end. Header fields are made what the RFC
// allows: printable ASCII, cut at its lengths. The structured data of a record that came with such goes
// along, but for an older element of slurper's own. The time is UTC; that of arrival where the record has
// none.
void append_rfc5424(const Record& record, const SyslogDefaults& defaults, std::string& out);

// "<13>Oct 11 22:14:15 host program[pid]: message", RFC 3164, in local time; the same.
void append_rfc3164(const Record& record, const SyslogDefaults& defaults, std::string& out);

// `text` behind `out`, control characters but the tab as "#ooo".
void append_octal_escaped(std::string_view text, std::string& out);

// "first", "middle", "last"; of a whole line "whole".
[[nodiscard]] std::string_view part_name(Part part);

// gethostname(2); "-" where there is none.
[[nodiscard]] std::string machine_name();

}  // namespace slurper
