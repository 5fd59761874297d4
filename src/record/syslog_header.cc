#include "record/syslog_header.h"

namespace slurper {

void parse_syslog_header(std::string_view line, Timestamp /*arrival*/, SyslogHeader& header) {
  header.message = line;
}

}  // namespace slurper
