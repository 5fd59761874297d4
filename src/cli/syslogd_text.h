// What the settings of rsyslog, syslog-ng and the old syslogds are made of, as far as syslogd.cc looks into
// them. No text is an error: what can't be understood is not found.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace slurper {

// A part of such a word as "imfile" or "time-reopen".
[[nodiscard]] bool is_word(char c);

[[nodiscard]] std::string lower(std::string_view text);

[[nodiscard]] std::string_view without_blanks_in_front(std::string_view text);

// The same length and the same lines, but comments (# to the end of the line, and /* */) are blanks.
[[nodiscard]] std::string without_comments(std::string_view text);

struct Call {
  std::size_t position = 0;
  std::size_t line = 0;
  std::string_view body;  // between the parentheses
};

// All of "name ( … )" in `text`, in any case. What they hold points into `text`.
[[nodiscard]] std::vector<Call> calls(std::string_view text, std::string_view name);

// The first word of `text`, or what stands in quotes there.
[[nodiscard]] std::string first_value(std::string_view text);

// RainerScript's parameters: name="value" …, the names in lower case.
[[nodiscard]] std::map<std::string, std::string> parameters(std::string_view body);

// The path with no more slashes and dots than it needs, and /run for /var/run.
[[nodiscard]] std::string normal(const std::string& path);

// Whether both are paths of the same file, by their names.
[[nodiscard]] bool is_same(const std::string& a, const std::string& b);

}  // namespace slurper
