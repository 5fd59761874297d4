// Records as JSON.
#pragma once

#include <string>
#include <string_view>

#include "slurper/record.h"

namespace slurper {

// Appends one object on one line, without a newline at the end; docs/sinks/formats.md lists its members. The
// result is valid JSON and UTF-8 whatever bytes the record has, and holds printable characters only.
//
// No byte is lost: if the text is not valid UTF-8, U+FFFD replaces each invalid byte, and the whole line
// follows in base64 as "raw_base64".
//
// This does not use nlohmann-json (the tests read the result back with it): that library builds a tree first
// and takes 8 times as long (tests/bench/format_bench: 0.5 instead of 4.2 million lines/s).
void append_json(const Record& record, std::string& out);

}  // namespace slurper
