// FilterError: what is wrong with a filter's text, and where.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/phrase_id.h"
#include "slurper/result.h"

namespace slurper {

struct FilterError {
  std::size_t line = 1;    // of the text, from 1
  std::size_t column = 1;  // of the line, from 1, in characters
  Phrase why;              // "there is no field 'progam'"
  Phrase advice;           // "Did you mean 'program'?"; may be empty

  // "at column 25 there is no field 'progam'", without the advice.
  [[nodiscard]] Phrase finding() const;
};

// `position` is the byte of `text` at which the error is; text.size() if something is missing at its end.
[[nodiscard]] FilterError filter_error(std::string_view text, std::size_t position, Phrase why,
                                       Phrase advice = {});

}  // namespace slurper
