// Records as JSON.
#pragma once

#include <string>
#include <string_view>

#include "slurper/record.h"

namespace slurper {

// One object on one line, without a newline at the end; docs/sinks/formats.md names its members. Valid JSON
// and valid UTF-8 whatever the bytes of the record are, in printable characters only.
//
// No byte is lost: in text that is not valid UTF-8 each wrong byte is U+FFFD, and the whole line follows in
// base64 as "raw_base64".
//
// Not by nlohmann-json, with which the tests read it back: that builds a tree first, and takes 8 times as
// long (tests/bench/format_bench: 0.5 million lines/s instead of 4.2).
void append_json(const Record& record, std::string& out);

// `text` as a JSON string, in quotes; each byte that is not valid UTF-8 as U+FFFD.
void append_json_string(std::string_view text, std::string& out);

// The same, without the quotes.
void append_json_text(std::string_view text, std::string& out);

}  // namespace slurper
