// The headers of syslog lines. Which lines are read how: docs/records.md.
#pragma once

#include <string_view>

#include "slurper/record.h"

namespace slurper {

// Reads the header of `line`; a Record::Parser. All that `header` held before is gone. It is read as one
// format, whole, or not at all: what doesn't parse leaves `format` None, and the message is what follows the
// <PRI>, or the whole line where there is none. `arrival` chooses the year of an RFC 3164 time.
//
// Any bytes will do. Any thread; no allocation.
void parse_syslog_header(std::string_view line, Timestamp arrival, SyslogHeader& header);

}  // namespace slurper
