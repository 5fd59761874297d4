// What a filter can't be meant to say, and what is meant instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "filter/expression.h"

namespace slurper {

struct LintWarning {
  std::size_t position = 0;  // in the filter's text; of a value, from its beginning
  std::string why;
  std::string advice;
};

// A value without quotes at the beginning of `rest`, which goes on to the end of the filter: typographic
// quotes, /a pattern/i, a network. These would compare texts, and never hold. In quotes they are what they
// are.
[[nodiscard]] std::optional<LintWarning> lint_value(const Comparison& comparison, std::string_view rest);

// The first comparison of `expression` that can't be true together with those that `and` joins it to: a range
// in which nothing lies, two texts that one field is to be at once.
[[nodiscard]] std::optional<LintWarning> lint_never_true(const Expression& expression);

}  // namespace slurper
