// Records as the JSON of log servers: Graylog's GELF and Elastic's ECS.
#pragma once

#include <string>
#include <string_view>

#include "slurper/record.h"

namespace slurper {

// Both are one object on one line without a newline at the end, valid JSON and UTF-8 whatever the bytes of
// the record are, in printable characters only. docs/sinks/formats.md names the members, their types, and
// what stands there if the line does not have the field. No byte is lost: see append_json().

// GELF 1.1, https://go2docs.graylog.org/current/getting_in_log_data/gelf.html. `hostname` is that of a line
// that names no host, since the format demands one.
void append_gelf(const Record& record, std::string_view hostname, std::string& out);

// ECS 8.11, https://www.elastic.co/guide/en/ecs/8.11/ecs-field-reference.html.
void append_ecs(const Record& record, std::string& out);

}  // namespace slurper
