// The words of other languages, and of sysdig, that people write into a filter.
#pragma once

#include <string_view>

#include "slurper/result.h"

namespace slurper {

// The place in a filter at which a word is not understood.
enum class FilterPlace { Beginning, Operator, Connective };

// Advice on what to write instead, if `text` begins with such a word; empty if it does not.
[[nodiscard]] Phrase advice_on_foreign_word(FilterPlace place, std::string_view text);

}  // namespace slurper
