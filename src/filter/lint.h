// Finds what a filter can't be meant to say, and suggests what is meant instead.
#pragma once

#include <optional>
#include <string_view>

#include "filter/expression.h"
#include "slurper/result.h"

namespace slurper {

struct LintWarning {
  std::size_t position = 0;  // in the filter's text; of a value, from its beginning
  Phrase why;
  Phrase advice;
};

// Checks a value without quotes at the beginning of `rest`, which extends to the end of the filter, for
// typographic quotes, /a pattern/i, a network. Such a value would be compared as text, and never match. In
// quotes, it is accepted.
[[nodiscard]] std::optional<LintWarning> lint_value(const Comparison& comparison, std::string_view rest);

// The first comparison of `expression` that can't be true together with those that `and` joins it to: an
// empty range, or two texts that one field would have to be at once.
[[nodiscard]] std::optional<LintWarning> lint_never_true(const Expression& expression);

}  // namespace slurper
