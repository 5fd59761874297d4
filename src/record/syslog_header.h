// The headers of syslog lines.
#pragma once

#include <string_view>

#include "slurper/record.h"

namespace slurper {

// Reads the header of `line`; a Record::Parser. What doesn't parse leaves `format` None and the whole line as
// the message. Any thread; no allocation.
void parse_syslog_header(std::string_view line, Timestamp arrival, SyslogHeader& header);

}  // namespace slurper
