// Parses the headers of syslog lines. docs/records.md has the formats and their rules. syslog_header.cc is
// one file, since the formats compete for each line: a rule of one is right only beside those of the others.
#pragma once

#include <string_view>

#include "slurper/record.h"

namespace slurper {

// Parses the header of `line`; a Record::Parser. Replaces everything in `header`. The line matches one format
// as a whole, or none: if it matches none, `format` is None, and the message is the text after the <PRI>, or
// the whole line if it has no <PRI>. `arrival` decides the year of an RFC 3164 time.
//
// Accepts any bytes. Any thread may call it; it allocates nothing.
void parse_syslog_header(std::string_view line, Timestamp arrival, SyslogHeader& header);

}  // namespace slurper
