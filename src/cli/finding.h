// What `slurper check` finds.
#pragma once

#include <string>
#include <vector>

#include "slurper/result.h"

namespace slurper {

struct Finding {
  enum class Level { Ok, Warning, Error };
  Level level = Level::Ok;
  std::string text;
  ErrorKind kind = ErrorKind::Internal;  // of an Error: the exit status
  // Not for `slurper run`, which reports it itself when it comes to that.
  bool check_only = false;
};

using Findings = std::vector<Finding>;

// Puts `more` behind `all`.
void add(Findings& all, Findings more);

// One finding as lines of at most 80 columns (but for a word that is longer): the level, and the text beside
// it. Ends in a newline.
[[nodiscard]] std::string to_lines(const Finding& finding);

}  // namespace slurper
