// Values as they are written in a filter's text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slurper {

// Whether `c` ends a word without quotes. As in sysdig, '<' and '>' do not: evt.dir=>
[[nodiscard]] bool ends_bare_word(char c);

// `bytes` as a word if possible, otherwise in double quotes with \\ \" \n \t \r and, for what is not
// printable UTF-8, \xNN.
[[nodiscard]] std::string text_literal(std::string_view bytes);

// ISO 8601: a date (2026-01-31, 00:00 UTC), or a date and a time with its zone, to the minute or finer
// (2026-01-31T12:00Z, 2026-01-31T12:00:00.5+02:00). Years from 1970 to 2261.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);

// The shortest exact form that parse_time reads back, in UTC.
[[nodiscard]] std::string time_literal(std::int64_t nanoseconds);

}  // namespace slurper
