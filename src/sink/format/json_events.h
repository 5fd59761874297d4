// Records as the JSON of log servers: Graylog's GELF and Elastic's ECS.
#pragma once

#include <string>
#include <string_view>

#include "slurper/record.h"

namespace slurper {

// Each function appends one object on one line, without a newline at the end. The result is valid JSON and
// UTF-8 whatever bytes the record has, and holds printable characters only. docs/sinks/formats.md lists the
// members, their types, and their values if the line lacks the field. No byte is lost: see append_json().

// GELF 1.1, https://go2docs.graylog.org/current/getting_in_log_data/gelf.html. GELF requires a host: a line
// that names none gets `hostname`.
void append_gelf(const Record& record, std::string_view hostname, std::string& out);

// ECS 8.11, https://www.elastic.co/guide/en/ecs/8.11/ecs-field-reference.html.
void append_ecs(const Record& record, std::string& out);

}  // namespace slurper
