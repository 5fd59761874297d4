// FilterError: what is wrong with a filter's text, and where.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slurper {

struct FilterError {
  std::size_t line = 1;    // of the text, from 1
  std::size_t column = 1;  // of the line, from 1, in characters
  std::string why;         // "there is no field 'progam'"
  std::string advice;      // "Did you mean 'program'?"; may be empty

  // "at column 25 there is no field 'progam'. Did you mean 'program'?"
  [[nodiscard]] std::string message() const;
};

// `why` and `advice` may repeat bytes of the text: their control characters are escaped. `position` is the
// byte of `text` at which the error is; text.size() if something is missing at its end.
[[nodiscard]] FilterError filter_error(std::string_view text, std::size_t position, std::string_view why,
                                       std::string_view advice = {});

}  // namespace slurper
