// Parses a filter's text into an expression. parser.cc is one file, since the grammar is read in one piece:
// the functions call each other from `or` down to a character's escape.
#pragma once

#include <cstddef>
#include <expected>
#include <string_view>

#include "filter/expression.h"
#include "filter/filter_error.h"

namespace slurper {

inline constexpr std::size_t kMaxFilterLength = 65536;  // bytes
inline constexpr std::size_t kMaxFilterDepth = 100;     // parentheses within parentheses, as in sysdig
inline constexpr std::size_t kMaxFilterValues = 4096;   // in one `in`

// `text` is UTF-8. The expression points into `fields`.
[[nodiscard]] std::expected<Expression, FilterError> parse_filter(std::string_view text, FieldTable fields,
                                                                  Dialect dialect = Dialect::Lines);

}  // namespace slurper
