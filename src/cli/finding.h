// The findings of `slurper check`.
#pragma once

#include <string>
#include <vector>

#include "slurper/result.h"

namespace slurper {

struct Finding {
  enum class Level { Ok, Warning, Error };
  Level level = Level::Ok;
  Phrase phrase;                         // with its advice
  ErrorKind kind = ErrorKind::Internal;  // the exit status, if the level is Error
  // True if `slurper run` leaves it out, because it reports the same later itself.
  bool check_only = false;
};

using Findings = std::vector<Finding>;

// Appends `more` to `all`.
void add(Findings& all, Findings more);

// Formats one finding in lines of at most 80 columns (unless a word is longer): the level, and the words
// beside it. Ends in a newline.
[[nodiscard]] std::string to_lines(const Finding& finding);

}  // namespace slurper
