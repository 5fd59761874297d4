// The syntax of the settings of rsyslog, syslog-ng and the old syslogds, as far as syslogd.cc needs it. No
// text is an error: what can't be understood is not found.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace slurper {

// Whether `c` can be part of a word such as "imfile" or "time-reopen".
[[nodiscard]] bool is_word(char c);

[[nodiscard]] std::string lower(std::string_view text);

[[nodiscard]] std::string_view without_blanks_in_front(std::string_view text);

// Returns text of the same length and with the same lines, in which blanks replace comments (# to the end of
// the line, and /* */).
[[nodiscard]] std::string without_comments(std::string_view text);

struct Call {
  std::size_t position = 0;
  std::size_t line = 0;
  std::string_view body;  // between the parentheses
};

// Returns every "name ( … )" in `text`, in any case. The results point into `text`.
[[nodiscard]] std::vector<Call> calls(std::string_view text, std::string_view name);

// Returns the first word of `text`, or the contents of the quotes if it begins with a quote.
[[nodiscard]] std::string first_value(std::string_view text);

// Returns RainerScript's parameters, name="value" …, with the names in lower case.
[[nodiscard]] std::map<std::string, std::string> parameters(std::string_view body);

// Returns the path without superfluous slashes and dots, and with /run for /var/run.
[[nodiscard]] std::string normal(const std::string& path);

// Whether both paths name the same file, judged by the text alone.
[[nodiscard]] bool is_same(const std::string& a, const std::string& b);

}  // namespace slurper
